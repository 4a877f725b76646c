//go:build !((linux || darwin) && (amd64 || arm64))

// Package libcuda is CUDA's driver API by NVIDIA's own library, where it can be opened.
package libcuda

import (
	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/internal/dynlib"
)

// Open says why this system has no library.
func Open() (driver.Driver, error) {
	return nil, dynlib.Open("CUDA", "11.2", "CREASE_CUDA", []string{"libcuda.so.1"}, nil)
}
