package gemm

import "github.com/crease-ml/crease/internal/cpufeat"

// microKernel computes one tile of C, up to MR×NR: the product of k columns of A
// and k rows of B, added to C if add is set and stored over it if not. Element
// (i, p) of A is a[i*rsA+p*csA]; element (p, j) of B is b[p*rsB+j]; element (i, j)
// of C is c[i*ldc+j]. tail is the number of valid lanes in the last vector of a
// row. A kernel touches nothing outside its tile and checks no bounds.
type microKernel[T Float] func(k int, a []T, rsA, csA int, b []T, rsB int, c []T, ldc, tail int, add bool)

// kernelSet is the micro-kernels of one level and the block sizes that suit them.
type kernelSet[T Float] struct {
	mr, nr int // full tile
	lanes  int // elements per vector: NR is two vectors
	kc     int // longest block of k
	mc     int // rows of a task's tile, a multiple of mr

	// By number of rows less one: a full row of two vectors, two vectors of which
	// the second is partial, and one vector, partial or not.
	full, wide, narrow []microKernel[T]
}

// tile picks the kernel for a tile of rows×cols and its tail.
func (s *kernelSet[T]) tile(rows, cols int) (microKernel[T], int) {
	switch {
	case cols == s.nr:
		return s.full[rows-1], s.lanes
	case cols > s.lanes:
		return s.wide[rows-1], cols - s.lanes
	default:
		return s.narrow[rows-1], cols
	}
}

// kernels returns the set for a level, plain Go where the build has none.
func kernels[T Float](level cpufeat.Level) *kernelSet[T] {
	var zero T
	if cpufeat.Available(level) {
		if _, single := any(zero).(float32); single {
			if s := assembled32(level); s != nil {
				return any(s).(*kernelSet[T])
			}
		} else if s := assembled64(level); s != nil {
			return any(s).(*kernelSet[T])
		}
	}
	if _, single := any(zero).(float32); single {
		return any(&generic32).(*kernelSet[T])
	}
	return any(&generic64).(*kernelSet[T])
}
