package tpu_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/ops"
)

// randomCall is a row with attributes and operands that are larger than the buffers they
// are cut for.
func randomCall(r *rand.Rand) (op *ops.Op, attrs any, dims [][]int) {
	n := func(most int) int { return 1 + r.IntN(most) }
	switch r.IntN(7) {
	case 0:
		m, k, c := n(120), n(120), n(60)
		if r.IntN(2) == 0 {
			return ops.MatMul, nil, [][]int{{m, k}, {k, c}}
		}
		return ops.MatMul, nil, [][]int{{n(3), m / 3, k}, {1, k, c}}[:2]
	case 1:
		m, k, c := n(150), n(100), n(60)
		return ops.Linear, ops.LinearAttrs{Act: []string{"", "relu", "tanh"}[r.IntN(3)]}, [][]int{{m, k}, {c, k}, {c}}
	case 2:
		return ops.Sum, ops.ReduceAttrs{Axes: [][]int{{0}, {1}, {2}, {0, 2}, {0, 1}, {1, 2}, {0, 1, 2}}[r.IntN(7)]}, [][]int{{n(20), n(20), n(40)}}
	case 3:
		size, side := n(3), n(3)
		a := ops.PoolAttrs{Size: [2]int{size, side}, Stride: [2]int{n(3), n(3)}}
		a.Pad = [4]int{r.IntN(size), r.IntN(size), r.IntN(side), r.IntN(side)}
		return ops.MaxPool2d, a, [][]int{{n(3), n(5), 3 + n(12), 3 + n(12)}}
	}
	groups := n(2)
	kh, kw := n(3), n(3)
	a := ops.ConvAttrs{Stride: [2]int{n(2), n(3)}, Dilation: [2]int{n(2), n(2)}, Pad: [4]int{r.IntN(3), r.IntN(3), r.IntN(3), r.IntN(3)}, Groups: groups}
	x, w := []int{n(6), groups * n(9), 5 + n(12), 5 + n(12)}, []int{groups * n(12), 0, kh, kw}
	w[1] = x[1] / groups
	switch r.IntN(3) {
	case 0:
		return ops.Conv2dAct, ops.ConvActAttrs{ConvAttrs: a, Act: "relu"}, [][]int{x, w, {w[0]}}
	case 1:
		y, err := ops.Conv2d.Specs(a, []ops.Spec{{DType: dtype.F32, Shape: x}, {DType: dtype.F32, Shape: w}})
		if err != nil {
			panic(err)
		}
		return ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: a, InShape: x}, [][]int{y[0].Shape, w}
	}
	y, err := ops.Conv2d.Specs(a, []ops.Spec{{DType: dtype.F32, Shape: x}, {DType: dtype.F32, Shape: w}})
	if err != nil {
		panic(err)
	}
	return ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: a, WShape: w}, [][]int{y[0].Shape, x}
}

// Calls of random sizes, cut into pieces for small buffers and few accumulators, have the
// results of the references, and most of them run on the device.
func TestRandomShapes(t *testing.T) {
	seed := rand.Uint64()
	calls := 60
	if testing.Short() {
		calls = 15
	}
	for d, name := range []string{
		"tpu@rows=8,cols=8,ub=16k", "tpu@rows=16,cols=8,ub=24k", "tpu@rows=4,cols=4,dataflow=os,ub=16k", "tpu@rows=5,cols=3,dataflow=is,ub=16k", "tpu:v4@ub=64k", "tpu:v2",
	} {
		t.Run(name, func(t *testing.T) {
			dev := open(t, name)
			e, err := exec.On(dev)
			if err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(seed, uint64(d)))
			served := 0
			for i := range calls {
				op, attrs, dims := randomCall(r)
				var in, out []ops.Host
				var specs []ops.Spec
				for _, shape := range dims {
					h := ops.Arg{Shape: shape, Lo: -1, Hi: 1}.Make(dtype.F32, r)
					in, specs = append(in, h), append(specs, h.Spec)
				}
				results, err := op.Specs(attrs, specs)
				if err != nil {
					t.Fatalf("seed %d, call %d: %v", seed, i, err)
				}
				for _, s := range results {
					out = append(out, ops.NewHost(s))
				}
				op.Ref(attrs, in, out)
				what := fmt.Sprintf("seed %d, call %d: %s %+v of %v", seed, i, op.Name, attrs, dims)
				var arrays []*exec.Array
				for _, h := range in {
					a, err := e.Upload(h)
					if err != nil {
						t.Fatal(err)
					}
					defer a.Release()
					arrays = append(arrays, a)
				}
				got, err := e.Eval(op, attrs, arrays, nil)
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				for k, a := range got {
					h, err := a.Host()
					if err != nil {
						t.Fatal(err)
					}
					if err := op.CheckOn(dev.Info(), attrs, specs, h, out[k]); err != nil {
						t.Fatalf("%s: result %d: %v", what, k, err)
					}
					a.Release()
				}
			}
			for _, s := range e.Stats() {
				served += s.Count[exec.Kernel]
			}
			if served < calls/2 {
				t.Errorf("seed %d: only %d of %d calls by kernels", seed, served, calls)
			}
		})
	}
}
