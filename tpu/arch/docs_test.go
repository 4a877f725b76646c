package arch

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDocsListTheConstants compares the table of docs/tpu.md with the presets;
// CREASE_GENERATE=1 writes it.
func TestDocsListTheConstants(t *testing.T) {
	page := filepath.Join("..", "..", "docs", "tpu.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- constants: written by go test ./tpu/arch -->\n", "<!-- end of constants -->\n"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the constants", page)
	}
	var b strings.Builder
	b.WriteString(before + begin + "| chip | constant | value | source |\n|---|---|---|---|\n")
	for _, s := range Sources() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.Preset, s.Constant, s.Value, s.From)
	}
	b.WriteString(end + after)
	if b.String() == string(text) {
		return
	}
	if os.Getenv("CREASE_GENERATE") != "1" {
		t.Fatalf("%s is not what the presets say: run CREASE_GENERATE=1 go test ./tpu/arch", page)
	}
	if err := os.WriteFile(page, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
