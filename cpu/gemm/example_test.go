package gemm_test

import (
	"fmt"

	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

// A product of matrices that lie row by row.
func Example() {
	pool := parallel.New(1)
	defer pool.Close()
	ctx := gemm.NewContext(pool, cpufeat.Generic)
	a, b, c := []float32{1, 2, 3, 4, 5, 6}, []float32{1, 0, 0, 1, 1, 1}, make([]float32, 4)
	gemm.Sgemm(ctx, 2, 2, 3, a, gemm.RowMajor(3), b, gemm.RowMajor(2), c, 2, false, nil)
	fmt.Println(c)
	// Output: [4 5 10 11]
}
