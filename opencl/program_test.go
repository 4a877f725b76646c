//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/internal/notice"
	"github.com/crease-ml/crease/kernels"
)

func TestBuildError(t *testing.T) {
	d := fresh(t, "opencl")
	s := newStream(t, d)
	p := &kernels.Program{Name: "wrong", Group: [3]int{1, 1, 1}, Source: "// first line\n__kernel void wrong(void) {\n\tint i = undeclared_thing;\n}\n"}
	for range 2 { // the second time without compiling
		err := s.Run(p, [3]int{1, 1, 1}, nil, nil)
		var de *hal.DeviceError
		if !errors.As(err, &de) || de.Kernel != "wrong" {
			t.Fatalf("%v", err)
		}
		for _, want := range []string{"wrong does not compile", "CL_BUILD_PROGRAM_FAILURE", "-cl-std=CL1.2", "   3  \tint i = undeclared_thing;"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q is missing in: %v", want, err)
			}
		}
	}
	must(t, s.Sync()) // nothing is poisoned
}

// seven runs a program on a device of its own, so that only the folder can know it.
func seven(t *testing.T, p *kernels.Program) {
	t.Helper()
	d := fresh(t, "opencl")
	s := newStream(t, d)
	buf := alloc(t, d, 4)
	must(t, s.Run(p, [3]int{1, 1, 1}, []hal.Buffer{buf}, nil))
	got := make([]byte, 4)
	must(t, s.Download(got, buf, 0))
	must(t, s.Sync())
	if got[0] != 7 {
		t.Errorf("the program wrote %d", got[0])
	}
}

func TestCache(t *testing.T) {
	root := t.TempDir()
	t.Setenv("CREASE_CACHE", root)
	d := fresh(t, "opencl")
	p := &kernels.Program{Name: "cached", Group: [3]int{1, 1, 1}, Buffers: 1, Source: "__kernel void cached(__global int *out) { *out = 7; }"}
	seven(t, p)
	entry := d.cacheEntry(p)
	whole := entry.load()
	if whole == nil {
		t.Skip("this driver gives no binaries away")
	}
	if entry.dir != filepath.Join(root, "opencl") {
		t.Errorf("the folder is %s", entry.dir)
	}
	path := filepath.Join(entry.dir, entry.key)
	before, err := os.Stat(path)
	must(t, err)
	seven(t, p)
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("a whole entry was written again (%v)", err)
	}
	if before.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", before.Mode())
	}

	sealed := entry.seal(whole)
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	another := cacheEntry{entry.dir, strings.Repeat("0", 64)}
	for what, contents := range map[string][]byte{
		"empty": nil, "cut short": sealed[:len(sealed)/2], "header only": sealed[:len(cacheMagic)+32], "one bit": flipped,
		"another version": append([]byte("crease opencl 0\n"), sealed[len(cacheMagic):]...), "another program's": another.seal(whole),
		"a refused binary": entry.seal([]byte("no binary of any driver")),
	} {
		must(t, os.WriteFile(path, contents, 0o600))
		seven(t, p)
		if got := entry.load(); got == nil || string(got) == "no binary of any driver" {
			t.Errorf("%s: the entry was not written again", what)
		}
	}

	if another.open(sealed) != nil {
		t.Error("an entry is good under another name")
	}

	// What the contents depend on is in the name.
	other := *p
	other.Source += "\n"
	moved := &Device{options: d.options, identity: d.identity + "!"}
	updated := &Device{options: d.options + " -DX", identity: d.identity}
	keys := map[string]bool{}
	for _, e := range []cacheEntry{entry, d.cacheEntry(&other), moved.cacheEntry(p), updated.cacheEntry(p)} {
		keys[e.key] = true
	}
	if len(keys) != 4 {
		t.Errorf("%d names for 4 programs", len(keys))
	}
}

// At debug level 4 the source of a program is printed, whether it is compiled or found.
func TestSourcesAreShown(t *testing.T) {
	t.Setenv("CREASE_CACHE", t.TempDir())
	var b strings.Builder
	defer debug.Redirect(&b)()
	p := &kernels.Program{Name: "shown", Group: [3]int{1, 1, 1}, Buffers: 1, Source: "__kernel void shown(__global int *out) { *out = 7; }"}
	defer debug.Set(debug.Set(debug.Graphs))
	seven(t, p)
	if b.Len() > 0 {
		t.Errorf("level 3 printed\n%s", &b)
	}
	debug.Set(debug.Sources)
	t.Setenv("CREASE_CACHE", t.TempDir())
	for _, what := range []string{"compiling", "found compiled"} {
		b.Reset()
		seven(t, p)
		if what != "compiling" && strings.Contains(b.String(), " compiling shown:") {
			t.Skip("this driver gives no binaries away")
		}
		if !strings.Contains(b.String(), " "+what+" shown:\n"+p.Source+"\n") {
			t.Errorf("printed\n%swant the source and %q", &b, what)
		}
	}
}

// A cache that cannot be used costs nothing but time.
func TestCacheFailures(t *testing.T) {
	p := &kernels.Program{Name: "uncached", Group: [3]int{1, 1, 1}, Buffers: 1, Source: "__kernel void uncached(__global int *out) { *out = 7; }"}
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for _, dir := range []string{"off", file, "/proc/nothing/here"} {
		t.Setenv("CREASE_CACHE", dir)
		seven(t, p)
	}
	t.Setenv("CREASE_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "")
	if dir := cacheDir(); dir != "" {
		t.Errorf("without a home the folder is %s", dir)
	}
	must(t, os.Setenv("HOME", t.TempDir()))
	seven(t, p)
}

func TestCacheHasManyWriters(t *testing.T) {
	e := cacheEntry{filepath.Join(t.TempDir(), "opencl"), "key"}
	binary := noise(100_000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				e.store(binary)
				if got := e.load(); !bytes.Equal(got, binary) {
					t.Errorf("%d bytes of %d", len(got), len(binary))
				}
			}
		})
	}
	wg.Wait()
	if files, _ := os.ReadDir(e.dir); len(files) != 1 {
		t.Errorf("%d files are left", len(files))
	}
}

func TestCacheIsBounded(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	name := func(c string) string { return strings.Repeat(c, 64) }
	entry := append([]byte(cacheMagic), make([]byte, 1000-len(cacheMagic))...)
	foreign := make([]byte, 1000)
	for i, f := range []struct {
		name string
		data []byte
	}{
		{"photo.jpg", foreign}, {name("f"), foreign}, {name("0"), entry}, {"x" + name("1"), entry},
		{name("2"), append([]byte("crease opencl 1\n"), entry[16:]...)}, {name("3"), entry}, {name("4"), entry},
	} {
		must(t, os.WriteFile(filepath.Join(dir, f.name), f.data, 0o600))
		must(t, os.Chtimes(filepath.Join(dir, f.name), now, now.Add(time.Duration(i-10)*time.Hour)))
	}
	must(t, os.Mkdir(filepath.Join(dir, name("5")), 0o700))
	must(t, os.Symlink("photo.jpg", filepath.Join(dir, name("6"))))
	prune(dir, 3500) // ours and the one with such a name hold 5000
	var left []string
	files, err := os.ReadDir(dir)
	must(t, err)
	for _, f := range files {
		left = append(left, f.Name())
	}
	want := []string{name("3"), name("4"), name("5"), name("6"), name("f"), "photo.jpg", "x" + name("1")}
	if !slices.Equal(left, want) {
		t.Errorf("left: %q", left)
	}
	prune(filepath.Join(dir, "absent"), 0)
}

// A program that another user could have planted is not run, wherever its place is
// open to others.
func TestCacheTrustsOnlyItsUser(t *testing.T) {
	p := &kernels.Program{Name: "planted", Group: [3]int{1, 1, 1}, Buffers: 1, Source: "__kernel void planted(__global int *out) { *out = 7; }"}
	evil := &kernels.Program{Name: "planted", Group: [3]int{1, 1, 1}, Buffers: 1, Source: "__kernel void planted(__global int *out) { *out = 66; }"}
	t.Setenv("CREASE_CACHE", t.TempDir())
	d := fresh(t, "opencl")
	if _, err := d.compiled(evil); err != nil {
		t.Fatal(err)
	}
	bad := d.cacheEntry(evil).load()
	if bad == nil {
		t.Skip("this driver gives no binaries away")
	}
	for what, change := range map[string]func(dir, path string){
		"others write the folder": func(dir, _ string) { must(t, os.Chmod(dir, 0o777)) },
		"a group writes the file": func(_, path string) { must(t, os.Chmod(path, 0o660)) },
		"the file is a link": func(dir, path string) {
			must(t, os.Rename(path, filepath.Join(dir, "elsewhere")))
			must(t, os.Symlink("elsewhere", path))
		},
		"another user's folder": func(dir, _ string) { chown(t, dir) },
		"another user's file":   func(_, path string) { chown(t, path) },
	} {
		t.Run(what, func(t *testing.T) {
			var said strings.Builder
			defer notice.Redirect(&said)()
			t.Setenv("CREASE_CACHE", t.TempDir())
			entry := d.cacheEntry(p)
			must(t, os.MkdirAll(entry.dir, 0o700))
			path := filepath.Join(entry.dir, entry.key)
			must(t, os.WriteFile(path, entry.seal(bad), 0o600))
			change(entry.dir, path)
			seven(t, p)
			seven(t, p)
			if strings.Contains(what, "folder") && strings.Count(said.String(), "not kept") != 1 {
				t.Errorf("the user was told %q", said.String())
			}
		})
	}
	t.Run("a FIFO", func(t *testing.T) {
		t.Setenv("CREASE_CACHE", t.TempDir())
		entry := d.cacheEntry(p)
		must(t, os.MkdirAll(entry.dir, 0o700))
		must(t, syscall.Mkfifo(filepath.Join(entry.dir, entry.key), 0o600))
		seven(t, p)
	})
}

// chown gives a file to another user, which only root can.
func chown(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	must(t, os.Chown(path, 65534, 65534))
}

// Several goroutines that run a new program at once compile it once.
func TestConcurrentFirstUse(t *testing.T) {
	t.Setenv("CREASE_CACHE", "off")
	d := fresh(t, "opencl")
	p := &kernels.Program{Name: "first", Group: [3]int{1, 1, 1}, Buffers: 1, Source: "__kernel void first(__global int *out) { *out = 7; }"}
	var built [8]*compiled
	var wg sync.WaitGroup
	for i := range built {
		wg.Go(func() {
			c, err := d.compiled(p)
			if err != nil {
				t.Error(err)
			}
			built[i] = c
		})
	}
	wg.Wait()
	for _, c := range built {
		if c != built[0] {
			t.Fatal("there are two")
		}
	}
}

// Of a cache entry only what was sealed under its name comes out again.
func FuzzCacheEntry(f *testing.F) {
	e := cacheEntry{"", strings.Repeat("a", 64)}
	sealed := e.seal([]byte("binary"))
	f.Add(sealed)
	f.Add(sealed[:len(sealed)-1])
	f.Add([]byte(cacheMagic))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := e.open(b); got != nil && !bytes.Equal(e.seal(got), b) {
			t.Errorf("%q gave %q, which is not what it was sealed of", b, got)
		}
	})
}
