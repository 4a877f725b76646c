package crease_test

import (
	"os"
	"strings"
	"testing"
)

// The program in the README is Example, which runs.
func TestReadmeShowsTheExample(t *testing.T) {
	read := func(name string) string {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	_, shown, _ := strings.Cut(read("README.md"), "```go\n")
	shown, _, ok := strings.Cut(shown, "```")
	_, body, found := strings.Cut(read("tensor_test.go"), "func Example() {\n")
	body, _, _ = strings.Cut(body, "\n}")
	if !ok || !found || shown != strings.ReplaceAll("\n"+body, "\n\t", "\n")[1:]+"\n" {
		t.Errorf("the README shows\n%s\nand Example is\n%s", shown, body)
	}
}
