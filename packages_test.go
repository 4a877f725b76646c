package crease_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var exampleFunc = regexp.MustCompile(`(?m)^func Example\w*\(\) \{$`)

// Every package that others may import shows how it is used by an Example, which is
// compiled and, where it has an output, run.
func TestEveryPackageHasAnExample(t *testing.T) {
	packages := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			name := d.Name()
			if path != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || slices.Contains([]string{"internal", "tools", "examples", "testdata"}, name)) {
				return filepath.SkipDir
			}
			return nil
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		switch {
		case strings.HasSuffix(path, "_test.go"):
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			packages[dir] = packages[dir] || exampleFunc.Match(text)
		case strings.HasSuffix(path, ".go"):
			packages[dir] = packages[dir] || false
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, has := range packages {
		if !has {
			t.Errorf("package %s has no Example", dir)
		}
	}
	if len(packages) < 40 {
		t.Errorf("only %d packages were found: the walk is broken", len(packages))
	}
}
