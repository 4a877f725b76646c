package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// commandsOf lists the command lines of a page, which begin with a dollar sign.
func commandsOf(t *testing.T, page string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if c, ok := strings.CutPrefix(strings.TrimSpace(line), "$ "); ok {
			list = append(list, c)
		}
	}
	return list
}

// TestReadmeCommands runs every command of the README, training runs and
// measurements with flags behind that make them short.
func TestReadmeCommands(t *testing.T) {
	dir := t.TempDir()
	short := map[string][]string{
		"train":          {"--steps", "3", "--batch", "64"},
		"bench":          {"--shape", "32", "-r", "1"},
		"bench overhead": {"--peer", "none", "-r", "1"},
		"graph":          {"--batch", "64", "-r", "1"},
	}
	list := commandsOf(t, filepath.Join("..", "..", "README.md"))
	ran := 0
	for _, line := range list {
		if line == "go test ./..." { // what is running here
			continue
		}
		rest, ok := strings.CutPrefix(line, "go run ./tools/crease ")
		if !ok {
			t.Errorf("the README has a command that no test runs: %s", line)
			continue
		}
		t.Run(rest, func(t *testing.T) {
			args := strings.Fields(rest)
			for i, a := range args {
				switch {
				case (a == "DIR" || a == "--ckpt") && os.Getenv("CREASE_DATA") == "": // nothing was trained
					t.Skip("CREASE_DATA is not set")
				case a == "DIR":
					args[i] = os.Getenv("CREASE_DATA")
				case slices.Contains([]string{".png", ".safetensors", ".svg", ".dot"}, filepath.Ext(a)):
					args[i] = filepath.Join(dir, a)
				}
			}
			more := short[args[0]]
			if len(args) > 1 && short[args[0]+" "+args[1]] != nil {
				more = short[args[0]+" "+args[1]]
			}
			if code, out, errs := runCrease(t, append(args, more...)...); code != 0 || out == "" {
				t.Errorf("exit code %d: %s", code, errs)
			}
		})
		ran++
	}
	if ran == 0 {
		t.Error("the README has no commands")
	}
}
