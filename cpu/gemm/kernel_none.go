//go:build noasm || !amd64

package gemm

import "github.com/crease-ml/crease/internal/cpufeat"

func assembled32(cpufeat.Level) *kernelSet[float32] { return nil }
func assembled64(cpufeat.Level) *kernelSet[float64] { return nil }
