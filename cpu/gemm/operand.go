package gemm

import (
	"fmt"
	"math/bits"
)

// Float is an element type the package multiplies.
type Float interface{ float32 | float64 }

// Layout says where element (i, j) of a matrix lies: at i*RS + j*CS, in elements.
// A transposed view swaps the two; a stride of 0 repeats a row or a column.
type Layout struct{ RS, CS int }

// RowMajor is the layout of a dense matrix with the given number of columns.
func RowMajor(cols int) Layout { return Layout{RS: cols, CS: 1} }

// T is the layout of the transposed matrix over the same memory.
func (l Layout) T() Layout { return Layout{RS: l.CS, CS: l.RS} }

// PackFuncOf copies a block of an operand into micro-panels. It lets a convolution
// present its image as a matrix without writing that matrix to memory.
//
// For operand B it packs columns x0 … x0+nx-1 of rows k0 … k0+kc-1 into panels of
// width NR; for operand A, rows x0 … x0+nx-1 of columns k0 … k0+kc-1 into panels
// of width MR. The width is the argument. Panel q covers x0+q*width onward, and
// element (k, x) of it goes to dst[q*width*kc + (k-k0)*width + (x-x0-q*width)].
// len(dst) is ceil(nx/width)*width*kc; the lanes past nx in the last panel must
// be set to zero. x0 is a multiple of width. The function may be called from
// several goroutines at once, and more than once for the same block.
type PackFuncOf[T Float] func(dst []T, width, k0, kc, x0, nx int)

// PackFunc is the packer of float32 operands.
type PackFunc = PackFuncOf[float32]

// OperandOf is a matrix to read: elements under a layout, or a packer that makes
// panels of it. Data and Layout are ignored when Pack is set.
type OperandOf[T Float] struct {
	Data   []T
	Layout Layout
	Pack   PackFuncOf[T]
}

// Operand is a float32 matrix to read.
type Operand = OperandOf[float32]

// check panics unless every element of a rows×cols operand lies within its data.
func (o *OperandOf[T]) check(name string, rows, cols int) {
	if o.Pack == nil {
		checkExtent(name, len(o.Data), rows, cols, o.Layout)
	}
}

func checkExtent(name string, have, rows, cols int, l Layout) {
	if l.RS < 0 || l.CS < 0 {
		panic(fmt.Sprintf("gemm: operand %s has negative strides %d, %d: copy it to a forward layout first", name, l.RS, l.CS))
	}
	hi1, lo1 := bits.Mul64(uint64(rows-1), uint64(l.RS))
	hi2, lo2 := bits.Mul64(uint64(cols-1), uint64(l.CS))
	last, carry := bits.Add64(lo1, lo2, 0)
	if hi1|hi2|carry != 0 || last >= uint64(have) {
		panic(fmt.Sprintf("gemm: operand %s holds %d elements, too few for %d×%d with strides %d, %d", name, have, rows, cols, l.RS, l.CS))
	}
}
