//go:build !linux

package vec

import "testing"

// guarded returns n floats. Only Linux puts an inaccessible page behind them.
func guarded(t testing.TB, n int) []float32 { return make([]float32, n) }
