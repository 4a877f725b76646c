//go:build noasm || !(amd64 || arm64)

package goid

import (
	"bytes"
	"runtime"
	"strconv"
)

// ID identifies the calling goroutine.
func ID() uintptr {
	var buf [64]byte
	// The trace starts "goroutine 18 [running]:".
	s := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	if i := bytes.IndexByte(s, ' '); i > 0 {
		s = s[:i]
	}
	id, err := strconv.ParseUint(string(s), 10, 64)
	if err != nil {
		panic("goid: the runtime's stack trace has an unknown form")
	}
	return uintptr(id)
}
