package cpu

import (
	"fmt"
	"iter"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// trial is one kernel with a call that it takes, on operands that are drawn anew for
// every seed.
type trial struct {
	name    string
	op      *ops.Op
	args    ops.Case
	dtype   dtype.Type
	strided bool
	kernel  *hal.Kernel
	out     []ops.Spec
}

// call places operands of a seed, and results between guards.
func (x *trial) call(t *testing.T, d *device, seed uint64) *hal.Call {
	t.Helper()
	r := newRand(seed)
	c := &hal.Call{Op: x.op.Name, Attrs: x.args.Attrs}
	for _, a := range x.args.In {
		c.In = append(c.In, place(t, d, a.Make(x.dtype, r), x.strided))
	}
	for _, s := range x.out {
		c.Out = append(c.Out, guarded(t, d, s))
	}
	x.broadcast(t, c)
	return c
}

// broadcast gives operands the shape of the result, as dispatch does for elementwise
// rows.
func (x *trial) broadcast(t *testing.T, c *hal.Call) {
	t.Helper()
	if x.op.Expr == nil {
		return
	}
	for i := range c.In {
		v := &c.In[i]
		s, err := shape.BroadcastStrides(v.Shape, v.Strides, x.out[0].Shape)
		if err != nil {
			t.Fatal(err)
		}
		v.Shape, v.Strides = x.out[0].Shape, s
	}
}

// release frees a call's memory.
func release(c *hal.Call) {
	for _, list := range [][]hal.View{c.In, c.Out} {
		for _, v := range list {
			v.Buf.Free()
		}
	}
}

// results is the memory of a call's results.
func results(c *hal.Call) [][]byte {
	var out [][]byte
	for _, v := range c.Out {
		out = append(out, slices.Clone(contents(v)))
	}
	return out
}

// trials gives every kernel of the device with the first case of its row that has
// results and that it takes, for dense and for strided operands; then those that take
// the f32 cases of pathCases.
func trials(t *testing.T, d *device) iter.Seq[*trial] {
	return func(yield func(*trial) bool) {
		seen := map[string]bool{}
		try := func(op *ops.Op, c ops.Case, dt dtype.Type, strided, once bool) bool {
			x := &trial{op: op, args: c, dtype: dt, strided: strided}
			var in []ops.Spec
			call := &hal.Call{Op: op.Name, Attrs: c.Attrs}
			for _, a := range c.In {
				s := ops.Spec{DType: a.DType, Shape: a.Shape}
				if s.DType == dtype.Invalid {
					s.DType = dt
				}
				in, call.In = append(in, s), append(call.In, layoutOf(s, strided))
			}
			var err error
			if x.out, err = op.Specs(c.Attrs, in); err != nil || x.out[0].Elements() == 0 {
				return true
			}
			x.broadcast(t, call)
			for _, s := range x.out {
				call.Out = append(call.Out, layoutOf(s, false))
			}
			for k := range d.Kernels().Candidates(call) {
				key := fmt.Sprint(k.Name, strided)
				if once && seen[key] {
					continue
				}
				seen[key] = true
				y := *x
				y.kernel, y.name = k, fmt.Sprintf("%s case %q %v %s strided=%v", k.Name, c.Name, in, dt, strided)
				if !yield(&y) {
					return false
				}
			}
			return true
		}
		for _, op := range ops.All() {
			for _, strided := range []bool{false, true} {
				for _, c := range op.Cases {
					for _, dt := range c.TypesIn(op) {
						if !try(op, c, dt, strided, true) {
							return
						}
					}
				}
			}
		}
		for _, p := range pathCases() {
			if !try(p.op, p.Case, dtype.F32, false, false) {
				return
			}
		}
	}
}

// pathCase is a case that takes a kernel's way for large or special shapes.
type pathCase struct {
	op *ops.Op
	ops.Case
}

func pathCases() []pathCase {
	var list []pathCase
	add := func(op *ops.Op, attrs any, in ...ops.Arg) {
		list = append(list, pathCase{op, ops.Case{Name: "path", Attrs: attrs, In: in}})
	}
	of := func(dims ...int) ops.Arg { return ops.Arg{Shape: dims} }
	long, columns, image := of(70000), of(1100, 20), of(12, 8, 14, 14)
	for _, op := range []*ops.Op{ops.Sum, ops.Mean, ops.Amax} {
		add(op, ops.ReduceAttrs{}, long)
		add(op, ops.ReduceAttrs{Axes: []int{0}}, columns)
		add(op, ops.ReduceAttrs{Axes: []int{0, 2, 3}}, image)
	}
	add(ops.Var, ops.VarAttrs{Axes: []int{0, 2}}, image)
	add(ops.LogSumExp, ops.ReduceAttrs{Axes: []int{0}}, columns)
	add(ops.Argmax, ops.ArgAttrs{Axis: 1}, image)
	for _, axis := range []int{0, 1} {
		a := ops.AxisAttrs{Axis: axis}
		add(ops.Softmax, a, columns)
		add(ops.LogSoftmax, a, columns)
		add(ops.SoftmaxGrad, a, columns, columns)
		add(ops.LogSoftmaxGrad, a, columns, columns)
	}
	rows, width, row := of(100, 200), of(200), ops.Arg{Shape: []int{100}, Lo: 0.5, Hi: 2}
	norm := ops.LayerNormAttrs{Axes: 1, Eps: 1e-5}
	add(ops.LayerNorm, norm, rows)
	add(ops.LayerNorm, norm, rows, width)
	add(ops.LayerNorm, norm, rows, width, width)
	add(ops.RMSNorm, norm, rows, width)
	add(ops.LayerNormGrad, norm, rows, rows, width, row, row)
	add(ops.RMSNormGrad, norm, rows, rows, width, row)
	channel, eps := ops.Arg{Shape: []int{8}, Lo: 0.5, Hi: 2}, ops.BatchNormAttrs{Eps: 1e-5}
	for _, x := range []ops.Arg{image, of(2100, 8)} {
		add(ops.BatchNorm, eps, x, channel, channel)
		add(ops.BatchNormGrad, eps, x, x, channel, channel, channel)
		add(ops.BatchNormInfer, eps, x, channel, channel, channel, channel)
	}
	for _, t := range ops.Indices {
		idx := func(n int, dims ...int) ops.Arg { return ops.Arg{Shape: dims, DType: t, Hi: float64(n)} }
		add(ops.CrossEntropy, ops.CrossEntropyAttrs{Reduction: "mean", LabelSmoothing: 0.1}, rows, idx(200, 100))
		add(ops.CrossEntropy, ops.CrossEntropyAttrs{Reduction: "none"}, rows, idx(200, 100))
		add(ops.CrossEntropyGrad, ops.CrossEntropyAttrs{Reduction: "mean"}, of(), rows, idx(200, 100))
		add(ops.CrossEntropyGrad, ops.CrossEntropyAttrs{Reduction: "none", LabelSmoothing: 0.1}, row, rows, idx(200, 100))
		add(ops.Take, ops.TakeAttrs{Axis: 1}, image, idx(8, 20))
		add(ops.IndexAdd, ops.IndexAddAttrs{Axis: 1}, image, idx(8, 20), of(12, 20, 14, 14))
		for axis := range 4 {
			add(ops.Gather, ops.GatherAttrs{Axis: axis}, image, idx(7, 11, 7, 13, 12))
			add(ops.ScatterAdd, ops.ScatterAttrs{Axis: axis}, image, idx(7, 11, 7, 13, 12), of(11, 7, 13, 12))
		}
	}
	add(ops.Mse, nil, long, long)
	heads, lse := of(4, 130, 16), ops.Arg{Shape: []int{4, 130}, Lo: 1, Hi: 2}
	for _, mask := range [][]ops.Arg{nil, {of(130, 130)}} {
		a := ops.AttentionAttrs{Causal: true}
		add(ops.Attention, a, append([]ops.Arg{heads, heads, heads}, mask...)...)
		add(ops.AttentionGrad, a, append([]ops.Arg{heads, heads, heads, heads, heads, lse}, mask...)...)
	}
	convolutions(add)
	for _, a := range []ops.PoolAttrs{
		{Size: [2]int{2, 2}, Stride: [2]int{2, 2}}, {Size: [2]int{3, 3}, Stride: [2]int{2, 2}, Pad: [4]int{1, 0, 1, 0}},
	} {
		g, y := ops.PoolGradAttrs{PoolAttrs: a, InShape: image.Shape}, of(12, 8, 7, 7)
		add(ops.MaxPool2d, a, image)
		add(ops.AvgPool2d, a, image)
		add(ops.MaxPool2dGrad, g, y, ops.Arg{Shape: y.Shape, DType: dtype.I64, Hi: 196})
		add(ops.AvgPool2dGrad, g, y)
	}
	add(ops.GlobalAvgPool2d, nil, image)
	key := ops.Arg{Shape: []int{2}, DType: dtype.U64, Hi: 1e9}
	add(ops.Dropout, ops.DropoutAttrs{P: 0.3}, rows, key)
	for _, t := range []dtype.Type{dtype.F32, dtype.BF16} {
		add(ops.Uniform, ops.RandAttrs{Shape: []int{17001}, Hi: 1, DType: t}, key)
		add(ops.Normal, ops.NormalAttrs{Shape: []int{17001}, Std: 1, DType: t}, key)
	}
	x, lr := of(17001), ops.Arg{Lo: 0.1, Hi: 0.2}
	add(ops.SgdStep, ops.SgdAttrs{}, x, x, x, lr)
	add(ops.SgdStep, ops.SgdAttrs{Momentum: 0.9, Nesterov: true}, x, x, x, lr)
	add(ops.AdamStep, ops.AdamAttrs{Beta1: 0.9, Beta2: 0.99, Eps: 1e-8, WeightDecay: 0.1, Decoupled: true}, x, x, x,
		ops.Arg{Shape: x.Shape, Lo: 0.1, Hi: 2}, lr, ops.Arg{Lo: 1, Hi: 9})
	add(ops.MatMul, nil, of(150, 200), of(200, 100))
	add(ops.MatMul, nil, of(5, 1, 60, 30), of(1, 4, 30, 70))
	add(ops.MatMul, nil, of(5, 60, 30), of(30, 70))
	add(ops.Linear, ops.LinearAttrs{Act: "tanh"}, of(150, 200), of(100, 200), of(100))
	return list
}

// convolutions adds every way that one is computed: long rows, plain packing, one tap,
// one channel in a group.
func convolutions(add func(op *ops.Op, attrs any, in ...ops.Arg)) {
	for _, s := range []struct{ k, stride, groups, channels int }{
		{3, 1, 1, 4}, {3, 2, 1, 4}, {1, 1, 2, 2}, {3, 1, 8, 1}, {3, 2, 8, 1}, {5, 1, 1, 4},
	} {
		p := s.k / 2
		a := ops.ConvAttrs{Stride: [2]int{s.stride, s.stride}, Dilation: [2]int{1, 1}, Pad: [4]int{p, p, p, p}, Groups: s.groups}
		c := s.groups * s.channels
		x, w := ops.Arg{Shape: []int{9, c, 14, 14}}, ops.Arg{Shape: []int{c, s.channels, s.k, s.k}}
		y := ops.Arg{Shape: []int{9, c, 14 / s.stride, 14 / s.stride}}
		add(ops.Conv2d, a, x, w, ops.Arg{Shape: []int{c}})
		add(ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: a, InShape: x.Shape}, y, w)
		add(ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: a, WShape: w.Shape}, y, x)
	}
}

// prepared is a launch with its scratch.
type prepared struct {
	*hal.Launch
	stream hal.Stream
	work   hal.Buffer
}

func prepare(t *testing.T, d *device, x *trial, c *hal.Call) *prepared {
	t.Helper()
	l, err := x.kernel.Prepare(c)
	if err != nil {
		t.Fatalf("%s: %v", x.name, err)
	}
	p := &prepared{Launch: l}
	if p.stream, err = d.NewStream(); err != nil {
		t.Fatal(err)
	}
	if l.Work > 0 {
		if p.work, err = d.Alloc(l.Work); err != nil {
			t.Fatal(err)
		}
		for i, b := 0, hostdev.Bytes(p.work); i < len(b); i++ {
			b[i] = 0xff // what earlier owners left
		}
		t.Cleanup(p.work.Free)
	}
	return p
}

func (p *prepared) run(t *testing.T, at []hal.Operand) {
	t.Helper()
	if err := p.stream.Launch(p.Launch, at, p.work); err != nil {
		t.Fatal(err)
	}
}
