//go:build !((linux || darwin) && (amd64 || arm64))

package peer

import (
	"errors"
	"runtime"
)

// OpenBLAS is not opened on this system.
func OpenBLAS() (*BLAS, error) {
	return nil, &AbsentError{"OpenBLAS", openBLASNames(), errors.New("not supported on " + runtime.GOOS + "/" + runtime.GOARCH)}
}
