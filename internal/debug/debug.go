// Package debug prints what crease does while it does it, as far as CREASE_DEBUG or
// exec.SetDebug asks for it. The levels are a ladder; each prints what those below it do:
//
//	1  a line for every device that is opened and for every plan that is made
//	2  a line for every kernel that runs
//	3  a line for every pass over a compiled graph, and the program it ends as
//	4  the source text of every kernel program that a device compiles
//
// Every layer may import the package: it asks On, which costs two atomic loads, and then
// prints with Printf or Print, whose text goes out in one piece. Lines go to standard
// error and begin with the name of the device, or with "graph". A value of the variable
// that is no level is an error of Load, which making an engine returns.
package debug

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
)

// Levels of the ladder. Off prints nothing.
const (
	Off = iota
	Devices
	Kernels
	Graphs
	Sources
)

// Doc says in one line what the levels print.
const Doc = "1 devices, 2 kernels, 3 graphs, 4 source"

var (
	level atomic.Int32

	loading sync.Mutex
	loaded  atomic.Bool
	bad     error

	printing sync.Mutex
	to       io.Writer = os.Stderr
)

// Parse reads a level.
func Parse(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < Off || n > Sources {
		return 0, fmt.Errorf("want a level from %d to %d (%s)", Off, Sources, Doc)
	}
	return n, nil
}

// Load reads CREASE_DEBUG on first use and returns an error, every time, where its value is
// no level.
func Load() error {
	if !loaded.Load() {
		load()
	}
	return bad
}

func load() {
	loading.Lock()
	defer loading.Unlock()
	if loaded.Load() {
		return
	}
	bad = nil
	if s := os.Getenv("CREASE_DEBUG"); s != "" {
		n, err := Parse(s)
		if err != nil {
			bad = fmt.Errorf("CREASE_DEBUG=%q: %w", s, err)
		}
		level.Store(int32(n))
	}
	loaded.Store(true)
}

// On reports whether a level is printed.
func On(l int) bool {
	if !loaded.Load() {
		load()
	}
	return int(level.Load()) >= l
}

// Set changes the level and returns the one in force before.
func Set(l int) (old int) {
	_ = Load() // a bad environment is reported when an engine is made
	return int(level.Swap(int32(l)))
}

// Printf prints a line.
func Printf(format string, args ...any) { Print(fmt.Sprintf(format, args...) + "\n") }

// Print prints a text of several lines, between which no other text comes.
func Print(text string) {
	printing.Lock()
	defer printing.Unlock()
	_, _ = io.WriteString(to, text) // nobody could be told that standard error is gone
}

// Program prints the source text of a program between two lines that name it.
func Program(device, what, name, source string) {
	if source != "" && source[len(source)-1] != '\n' {
		source += "\n"
	}
	Print(fmt.Sprintf("%-10s %s %s:\n%s%-10s end of %s\n", device, what, name, source, device, name))
}

// Redirect sends what is printed to w and returns a function that ends that. Tests use it.
func Redirect(w io.Writer) (restore func()) {
	printing.Lock()
	defer printing.Unlock()
	old := to
	to = w
	return func() {
		printing.Lock()
		defer printing.Unlock()
		to = old
	}
}

// Reload forgets the environment, so that it is read again as a new process would, and
// returns a function that puts the level back. Tests use it.
func Reload() (restore func()) {
	old := Set(Off)
	loaded.Store(false)
	return func() {
		bad = nil
		loaded.Store(true)
		level.Store(int32(old))
	}
}
