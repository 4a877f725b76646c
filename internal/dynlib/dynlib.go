//go:build (linux || darwin) && (amd64 || arm64)

// Package dynlib opens the libraries of drivers while a program runs, without cgo, so
// that one binary starts on every machine and finds what is there.
package dynlib

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/ebitengine/purego"
)

// Supported is whether this system's libraries can be opened.
const Supported = true

// Open opens the first of some files and finds the addresses of its functions, for
// purego.SyscallN: a registered Go function costs several allocations a call. The
// variable env, if it is set, names the only file that is tried. A library that lacks a
// function is older than the least version. The error says what was tried and why each
// failed. Drivers do not survive being unloaded, so a library stays open.
func Open(what, least, env string, names []string, symbols map[string]*uintptr) error {
	from := ""
	if name := os.Getenv(env); name != "" {
		names, from = []string{name}, ", which "+env+" names"
	}
	var why []string
	for _, name := range names {
		err := open(what+" "+least, name, symbols)
		if err == nil {
			return nil
		}
		why = append(why, err.Error())
	}
	return fmt.Errorf("no %s library could be opened (tried %s%s: %s)", what, strings.Join(names, ", "), from, strings.Join(why, "; "))
}

// lists holds lists of arguments for Call.
var lists = sync.Pool{New: func() any { return new([32]uintptr) }}

// Call calls a C function whose result is a number. purego.SyscallN would put the list of
// its arguments on the heap in every call; this uses lists again, for functions that are
// called often. It does not keep alive what arguments point to: a caller that passes a
// pointer of Go's is marked go:uintptrescapes.
func Call(f uintptr, args ...uintptr) uintptr {
	list := lists.Get().(*[32]uintptr)
	r, _, _ := purego.SyscallN(f, append(list[:0], args...)...)
	lists.Put(list)
	return r
}

// Check refuses the name of a library that the system's loader would wait for, or read
// without end: a path to what is there and is no regular file. It leaves names without a
// path, and files that are not there, to the loader, which looks in more places.
func Check(name string) error {
	if filepath.Base(name) == name {
		return nil
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file (%v)", name, info.Mode().Type())
	}
	return nil
}

func open(what, name string, symbols map[string]*uintptr) error {
	if err := Check(name); err != nil {
		return err
	}
	handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return err
	}
	for symbol, to := range symbols {
		if *to, err = purego.Dlsym(handle, symbol); err != nil {
			return fmt.Errorf("%s is no library of %s or later: %w", name, what, err)
		}
	}
	return nil
}
