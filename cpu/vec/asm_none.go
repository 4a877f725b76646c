//go:build noasm || !amd64

package vec

import "github.com/crease-ml/crease/internal/cpufeat"

// assembled has no table in this build.
func assembled(cpufeat.Level) *Funcs { return nil }
