package hostmem

import (
	"os"
	"path/filepath"
	"testing"
)

// Control groups of both versions, as files in a folder.
func TestGroups(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a/memory.max", "1000\n")
	write("a/memory.current", "400\n")
	write("a/memory.stat", "anon 1\ninactive_file 100\nfile 7\n")
	write("a/b/memory.max", "max\n")
	write("a/b/memory.current", "300\n")
	write("memory/x/memory.limit_in_bytes", "500\n")
	write("memory/x/memory.usage_in_bytes", "50\n")
	write("memory/memory.limit_in_bytes", "9223372036854771712\n")
	write("memory/memory.usage_in_bytes", "1\n")
	type have struct{ limit, used int }
	for text, want := range map[string][]have{
		"0::/a/b\n":                  {{0, 0}, {1000, 300}, {0, 0}},
		"0::/\n":                     {{0, 0}},
		"4:cpu,memory:/x\n1:pids:/x": {{500, 50}, {0, 0}},
		"":                           nil,
		"nonsense":                   nil,
	} {
		list := groupsIn(text, root)
		if len(list) != len(want) {
			t.Errorf("%q has %d groups, want %d", text, len(list), len(want))
			continue
		}
		for i, g := range list {
			limit, used := g.read()
			if (have{limit, used}) != want[i] {
				t.Errorf("%q: group %d has the limit %d and uses %d, want %v", text, i, limit, used, want[i])
			}
		}
	}
}
