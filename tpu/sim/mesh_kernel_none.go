//go:build noasm || !amd64

package sim

import "github.com/crease-ml/crease/internal/cpufeat"

func assembledMesh(cpufeat.Level) *meshKernels { return nil }
