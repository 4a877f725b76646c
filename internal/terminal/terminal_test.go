package terminal

import (
	"bytes"
	"os"
	"testing"
)

func TestWidth(t *testing.T) {
	for set, want := range map[string]int{"": usual, "40": 40, "3": narrowest, "-1": usual, "x": usual} {
		t.Setenv("COLUMNS", set)
		if got := Width(&bytes.Buffer{}); got != want {
			t.Errorf("COLUMNS=%q: %d, want %d", set, got, want)
		}
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if Live(null) || Live(&bytes.Buffer{}) {
		t.Error("what is no terminal is taken for one")
	}
}
