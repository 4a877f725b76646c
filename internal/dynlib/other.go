//go:build !((linux || darwin) && (amd64 || arm64))

package dynlib

import (
	"fmt"
	"runtime"
)

// Supported is whether this system's libraries can be opened.
const Supported = false

// Open says that this system's libraries cannot be opened.
func Open(what, _, _ string, names []string, _ map[string]*uintptr) error {
	return fmt.Errorf("the %s library (%v) is opened by dlopen, on linux and darwin with amd64 or arm64; this is %s/%s", what, names, runtime.GOOS, runtime.GOARCH)
}
