// Package peer opens libraries that crease is measured beside. They are found at
// run time; a machine without them measures crease alone.
//
// OpenBLAS is opened in this process. NumPy and PyTorch run in a Python of their
// own each, which times one workload at a time when it is asked to: a Python that
// hangs or crashes is killed and costs nothing but its own figures. To add a
// workload, add a line to python.py under the name that package bench gives it.
package peer

import (
	"fmt"
	"os"
)

// BLAS is a library with the CBLAS interface.
type BLAS struct {
	Name       string // of the library, with its configuration
	sgemm      func(order, ta, tb, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32)
	dgemm      func(order, ta, tb, m, n, k int32, alpha float64, a *float64, lda int32, b *float64, ldb int32, beta float64, c *float64, ldc int32)
	setThreads func(int32)
}

// AbsentError says where a library was looked for.
type AbsentError struct {
	Library string
	Tried   []string
	Err     error
}

func (e *AbsentError) Error() string {
	return fmt.Sprintf("%s was not found (tried %v: %v)", e.Library, e.Tried, e.Err)
}

func (e *AbsentError) Unwrap() error { return e.Err }

// names of OpenBLAS to try, the one of CREASE_OPENBLAS alone if that is set.
func openBLASNames() []string {
	if name := os.Getenv("CREASE_OPENBLAS"); name != "" {
		return []string{name}
	}
	return []string{"libopenblas.so.0", "libopenblas.so", "libopenblas.dylib"}
}

const rowMajor, noTrans = 101, 111

// Sgemm is C[m,n] = A[m,k]·B[k,n] on dense row-major matrices.
func (b *BLAS) Sgemm(m, n, k int, x, y, z []float32) {
	b.sgemm(rowMajor, noTrans, noTrans, int32(m), int32(n), int32(k), 1, &x[0], int32(k), &y[0], int32(n), 0, &z[0], int32(n))
}

// Dgemm is Sgemm in double precision.
func (b *BLAS) Dgemm(m, n, k int, x, y, z []float64) {
	b.dgemm(rowMajor, noTrans, noTrans, int32(m), int32(n), int32(k), 1, &x[0], int32(k), &y[0], int32(n), 0, &z[0], int32(n))
}

// SetThreads limits the library's threads.
func (b *BLAS) SetThreads(n int) {
	if b.setThreads != nil {
		b.setThreads(int32(n))
	}
}
