package data

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	x := NewText("héllo\nhello")
	if string(x.Vocab) != "\nehloé" || Decode(x.Vocab, x.Tokens...) != "héllo\nhello" {
		t.Errorf("%v of %q", x.Tokens, string(x.Vocab))
	}
	if _, err := Encode(x.Vocab, "hex"); err == nil || !strings.Contains(err.Error(), "'x' at byte 2") {
		t.Errorf("an unknown character: %v", err)
	}
}

func TestRandomWindows(t *testing.T) {
	tokens := make([]int64, 50)
	for i := range tokens {
		tokens[i] = int64(i)
	}
	seen := map[int64]bool{}
	for step := range 200 {
		x, y := RandomWindows(tokens, 3, 7, 1, step)
		again, _ := RandomWindows(tokens, 3, 7, 1, step)
		if len(x) != 21 || !slices.Equal(x, again) {
			t.Fatalf("step %d: %v, again %v", step, x, again)
		}
		for i := range x {
			if y[i] != x[i]+1 || i%7 > 0 && x[i] != x[i-1]+1 {
				t.Fatalf("%v is followed by %v", x, y)
			}
		}
		seen[x[0]] = true
	}
	if len(seen) != 43 || !seen[0] || !seen[42] {
		t.Errorf("windows begin at %d places, want all 43", len(seen))
	}
}

func TestShakespeare(t *testing.T) {
	dir := t.TempDir()
	var bad *FileError
	if _, err := Shakespeare(dir); !errors.As(err, &bad) || !strings.Contains(err.Error(), "1115394") {
		t.Errorf("a missing text: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "input.txt"), []byte("To be"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Shakespeare(dir); !errors.As(err, &bad) || !strings.Contains(err.Error(), "5 bytes") {
		t.Errorf("a short text: %v", err)
	}
	if dir = os.Getenv("CREASE_DATA"); dir == "" {
		t.Skip("CREASE_DATA is not set")
	}
	text, err := Shakespeare(dir)
	if err != nil || len(text.Vocab) != 65 || len(text.Tokens) != 1115394 {
		t.Errorf("%d characters, %d different: %v", len(text.Tokens), len(text.Vocab), err)
	}
}
