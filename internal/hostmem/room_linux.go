package hostmem

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// measure returns the bytes that are free, of how many, and the bytes that this process
// has in memory by itself; free is negative where it is unknown. A limit of the process's
// control group counts as the machine's size where it is lower.
func measure() (free, total, own int) {
	free, total = system()
	own = resident()
	for _, g := range groups() {
		limit, used := g.read()
		if limit > 0 {
			free, total = min(free, limit-used), min(total, limit)
		}
	}
	return free, total, own
}

// system reads what the kernel says of the machine: MemAvailable counts what it would
// give up, caches of files above all.
func system() (free, total int) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return -1, 0
	}
	free = -1
	for line := range bytes.Lines(b) {
		name, rest, _ := strings.Cut(string(line), ":")
		kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
		switch {
		case err != nil:
		case name == "MemTotal":
			total = kib << 10
		case name == "MemAvailable":
			free = kib << 10
			return free, total
		}
	}
	return free, total
}

// resident is the memory of the process that it shares with no file.
func resident() int {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 3 {
		return 0
	}
	all, _ := strconv.Atoi(f[1])
	shared, _ := strconv.Atoi(f[2])
	return (all - shared) * os.Getpagesize()
}

// group is a control group: the files with its limit and its use, and the line of its
// statistics with what it would give up.
type group struct{ limit, used, stat, file string }

// groups are the control groups of this process that may have a limit, in version 2 of the
// interface from its own up to the root, in version 1 its own alone.
var groups = sync.OnceValue(func() []group {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil
	}
	return groupsIn(string(b), "/sys/fs/cgroup")
})

func groupsIn(text, root string) (list []group) {
	for line := range strings.Lines(text) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		at := filepath.Join("/", parts[2])
		switch {
		case parts[0] == "0":
			for {
				dir := filepath.Join(root, at)
				list = append(list, group{filepath.Join(dir, "memory.max"), filepath.Join(dir, "memory.current"), filepath.Join(dir, "memory.stat"), "inactive_file "})
				if at == "/" {
					break
				}
				at = filepath.Dir(at)
			}
		case strings.Contains(","+parts[1]+",", ",memory,"):
			for _, dir := range []string{filepath.Join(root, "memory", at), filepath.Join(root, "memory")} { // a container sees its own as the root
				list = append(list, group{filepath.Join(dir, "memory.limit_in_bytes"), filepath.Join(dir, "memory.usage_in_bytes"), filepath.Join(dir, "memory.stat"), "total_inactive_file "})
			}
		}
	}
	return list
}

// read returns the limit, 0 for none, and the use without what would be given up.
func (g group) read() (limit, used int) {
	limit = number(g.limit)
	used = number(g.used)
	if limit <= 0 || limit > 1<<60 || used < 0 {
		return 0, 0
	}
	if b, err := os.ReadFile(g.stat); err == nil {
		if _, rest, ok := strings.Cut("\n"+string(b), "\n"+g.file); ok {
			line, _, _ := strings.Cut(rest, "\n")
			n, _ := strconv.Atoi(line)
			used = max(used-n, 0)
		}
	}
	return limit, used
}

// number reads a file of one number; -1 where there is none.
func number(path string) int {
	b, err := os.ReadFile(path)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return -1
	}
	return n
}
