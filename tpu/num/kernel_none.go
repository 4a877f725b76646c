//go:build noasm || !amd64

package num

import "github.com/crease-ml/crease/internal/cpufeat"

func assembled(cpufeat.Level) *kernels { return nil }
