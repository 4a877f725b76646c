package cpu

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func TestSortKernels(t *testing.T) { checkKernels(t, ops.Argsort, ops.Sort, ops.TopK) }

func TestScanKernels(t *testing.T) { checkKernels(t, ops.Cumsum, ops.Cumprod) }

func TestOrderBitsDoNotDependOnThreads(t *testing.T) {
	x := ops.Arg{Shape: []int{40, 130, 9}}
	sameBits(t, ops.Cumsum, ops.ScanAttrs{Axis: 1}, x)
	sameBits(t, ops.Cumprod, ops.ScanAttrs{Axis: 2, Reverse: true}, x)
	sameBits(t, ops.Sort, ops.SortAttrs{Axis: 1}, x)
	sameBits(t, ops.TopK, ops.TopKAttrs{K: 7, Axis: 1, Largest: true}, x)
}

// Lines long enough for the radix sort and few enough wanted for the heap, with many equal
// elements, in every key width.
func TestSortShapes(t *testing.T) {
	devs := devices(t)
	for _, et := range []dtype.Type{dtype.F32, dtype.F64, dtype.F16, dtype.I64, dtype.I16, dtype.U8, dtype.Bool} {
		for _, x := range []ops.Arg{{Shape: []int{3, 1000}, Lo: -20, Hi: 20}, {Shape: []int{300, 5}, Lo: 0, Hi: 4}} {
			for axis := range 2 {
				againstRef(t, devs, ops.Sort, ops.SortAttrs{Axis: axis, Descending: axis == 1}, et, x)
				for _, k := range []int{1, 3} {
					againstRef(t, devs, ops.TopK, ops.TopKAttrs{K: k, Axis: axis, Largest: k == 1, Sorted: true}, et, x)
				}
			}
		}
	}
}

// Random keys against the standard library's stable sort.
func TestRadixSort(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	for range 200 {
		n, mask := r.IntN(300), uint64(1)<<(1+r.IntN(63))-1
		pairs := make([]keyed[uint64], n)
		for i := range pairs {
			pairs[i] = keyed[uint64]{r.Uint64() & mask << r.IntN(2), int64(i)}
		}
		want := slices.SortedFunc(slices.Values(pairs), keyed[uint64].compare)
		k := 0
		if n > 0 {
			k = r.IntN(n)
		}
		few := smallest(slices.Clone(pairs), k)
		slices.SortFunc(few, keyed[uint64].compare)
		if !slices.Equal(few, want[:k]) {
			t.Fatalf("the %d smallest of %d are %v, want %v", k, n, few, want[:k])
		}
		if got := radixSort(pairs, make([]keyed[uint64], n), 64); !slices.Equal(got, want) {
			t.Fatalf("%d keys: %v, want %v", n, got, want)
		}
	}
}
