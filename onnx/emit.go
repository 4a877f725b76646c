package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// emission is a call of a row that is being written.
type emission struct {
	w     *writer
	op    *ops.Op
	attrs any
	in    []ops.Value
	out   []ops.Spec
}

// emitters write rows that differ from their ONNX operator by more than the name. One that
// returns nil leaves the call to the row's lowering.
var emitters = map[*ops.Op]func(e *emission) []ops.Value{}

func emit(row **ops.Op, f func(e *emission) []ops.Value) { emitters[*row] = f }

// node writes a node of one output, the first result of the row.
func (e *emission) node(op string, in []ops.Value, attrs ...*pb.Attribute) []ops.Value {
	out := e.others(0)
	out[0] = e.inner(op, e.out[0], in, attrs...)
	return out
}

// others are results that are not written; using one is an error.
func (e *emission) others(first int) []ops.Value {
	out := make([]ops.Value, len(e.out))
	for i := range out {
		out[i] = &named{spec: e.out[i]}
		if i >= first && i > 0 {
			out[i].(*named).row = e.op.Name
		}
	}
	return out
}

// inner writes a node of one output.
func (e *emission) inner(op string, s ops.Spec, in []ops.Value, attrs ...*pb.Attribute) ops.Value {
	n := &pb.Node{OpType: op, Name: e.w.fresh(op), Attribute: attrs}
	for _, v := range in {
		if v == nil {
			n.Input = append(n.Input, "")
			continue
		}
		n.Input = append(n.Input, v.(*named).name)
	}
	y := &named{name: e.w.fresh("v"), spec: s}
	n.Output = []string{y.name}
	e.w.graph.Node = append(e.w.graph.Node, n)
	return y
}

func (e *emission) ints(v ...int) ops.Value { return e.w.Const(vectorOf(v)) }

// number is a scalar of the type of the first operand.
func (e *emission) number(v float64) ops.Value {
	return e.w.Const(ops.Scalar(e.in[0].Spec().DType, v))
}

func attrInt(name string, v int) *pb.Attribute {
	return &pb.Attribute{Name: name, Type: pb.AttrInt, I: int64(v)}
}

func attrInts(name string, v ...int) *pb.Attribute {
	a := &pb.Attribute{Name: name, Type: pb.AttrInts}
	for _, n := range v {
		a.Ints = append(a.Ints, int64(n))
	}
	return a
}

func attrFloat(name string, v float64) *pb.Attribute {
	return &pb.Attribute{Name: name, Type: pb.AttrFloat, F: float32(v)}
}

func attrString(name, v string) *pb.Attribute {
	return &pb.Attribute{Name: name, Type: pb.AttrString, S: []byte(v)}
}

func init() {
	for _, row := range []**ops.Op{&ops.Sum, &ops.Prod, &ops.Amax, &ops.Amin, &ops.Mean, &ops.LogSumExp} {
		emit(row, emitReduction)
	}
	for _, row := range []**ops.Op{&ops.Argmax, &ops.Argmin} {
		emit(row, func(e *emission) []ops.Value {
			a := e.attrs.(ops.ArgAttrs)
			return e.node(e.op.ONNX, e.in, attrInt("axis", a.Axis), attrInt("keepdims", truth(a.Keep)))
		})
	}
	for _, row := range []**ops.Op{&ops.Softmax, &ops.LogSoftmax} {
		emit(row, func(e *emission) []ops.Value {
			return e.node(e.op.ONNX, e.in, attrInt("axis", e.attrs.(ops.AxisAttrs).Axis))
		})
	}
	emit(&ops.Cumsum, func(e *emission) []ops.Value {
		a := e.attrs.(ops.ScanAttrs)
		axis := e.w.Const(ops.Scalar(dtype.I64, float64(a.Axis)))
		return e.node("CumSum", []ops.Value{e.in[0], axis}, attrInt("exclusive", truth(a.Exclusive)), attrInt("reverse", truth(a.Reverse)))
	})
	emit(&ops.Reshape, func(e *emission) []ops.Value {
		return e.node("Reshape", []ops.Value{e.in[0], e.ints(e.out[0].Shape...)}, attrInt("allowzero", truth(e.out[0].Elements() == 0)))
	})
	emit(&ops.Permute, func(e *emission) []ops.Value {
		return e.node("Transpose", e.in, attrInts("perm", e.attrs.(ops.PermuteAttrs).Axes...))
	})
	emit(&ops.Expand, func(e *emission) []ops.Value {
		return e.node("Expand", []ops.Value{e.in[0], e.ints(e.out[0].Shape...)})
	})
	emit(&ops.Slice, emitSlice)
	emit(&ops.Concat, func(e *emission) []ops.Value {
		return e.node("Concat", e.in, attrInt("axis", e.attrs.(ops.ConcatAttrs).Axis))
	})
	emit(&ops.Cast, func(e *emission) []ops.Value { return e.node("Cast", e.in, attrInt("to", int(elemOf(e.out[0].DType)))) })
	emit(&ops.Full, func(e *emission) []ops.Value {
		value := e.w.Const(ops.Scalar(e.out[0].DType, e.attrs.(ops.FullAttrs).Value))
		if len(e.out[0].Shape) == 0 {
			return []ops.Value{value}
		}
		return e.node("Expand", []ops.Value{value, e.ints(e.out[0].Shape...)})
	})
	emit(&ops.Iota, func(e *emission) []ops.Value {
		h := ops.NewHost(e.out[0])
		e.op.Ref(e.attrs, nil, []ops.Host{h})
		return []ops.Value{e.w.Const(h)}
	})
	emit(&ops.Pad, emitPad)
	emit(&ops.Take, func(e *emission) []ops.Value {
		return e.node("Gather", e.in, attrInt("axis", e.attrs.(ops.TakeAttrs).Axis))
	})
	emit(&ops.Gather, func(e *emission) []ops.Value {
		return e.node("GatherElements", e.in, attrInt("axis", e.attrs.(ops.GatherAttrs).Axis))
	})
	emit(&ops.Scatter, func(e *emission) []ops.Value {
		return e.node("ScatterElements", e.in, attrInt("axis", e.attrs.(ops.ScatterAttrs).Axis))
	})
	emit(&ops.ScatterAdd, func(e *emission) []ops.Value {
		return e.node("ScatterElements", e.in, attrInt("axis", e.attrs.(ops.ScatterAttrs).Axis), attrString("reduction", "add"))
	})
	emit(&ops.LeakyRelu, func(e *emission) []ops.Value {
		return e.node("LeakyRelu", e.in, attrFloat("alpha", e.attrs.(ops.LeakyReluAttrs).Slope))
	})
	emit(&ops.Clamp, func(e *emission) []ops.Value {
		a := e.attrs.(ops.ClampAttrs)
		return e.node("Clip", []ops.Value{e.in[0], e.number(a.Lo), e.number(a.Hi)})
	})
	emit(&ops.Affine, func(e *emission) []ops.Value {
		a := e.attrs.(ops.AffineAttrs)
		y := e.in[0]
		if a.Scale != 1 {
			y = e.inner("Mul", e.out[0], []ops.Value{y, e.number(a.Scale)})
		}
		return e.node("Add", []ops.Value{y, e.number(a.Shift)})
	})
	emit(&ops.GeluTanh, func(e *emission) []ops.Value { return e.node("Gelu", e.in, attrString("approximate", "tanh")) })
	emit(&ops.Conv2d, emitConv)
	emit(&ops.Conv2dGradInput, emitConvTranspose)
	emit(&ops.Linear, emitLinear)
	emit(&ops.MaxPool2d, func(e *emission) []ops.Value { return e.node("MaxPool", e.in, poolAttrs(e.attrs.(ops.PoolAttrs))...) })
	emit(&ops.AvgPool2d, func(e *emission) []ops.Value {
		return e.node("AveragePool", e.in, append(poolAttrs(e.attrs.(ops.PoolAttrs)), attrInt("count_include_pad", 1))...)
	})
	emit(&ops.BatchNormInfer, func(e *emission) []ops.Value {
		return e.node("BatchNormalization", e.in, attrFloat("epsilon", e.attrs.(ops.BatchNormAttrs).Eps))
	})
	emit(&ops.LayerNorm, func(e *emission) []ops.Value {
		a := e.attrs.(ops.LayerNormAttrs)
		in := e.in
		if len(in) < 2 {
			dims := in[0].Spec().Shape
			in = append(slices.Clone(in), ops.Ones(e.w, ops.Spec{DType: in[0].Spec().DType, Shape: dims[len(dims)-a.Axes:]}))
		}
		return e.node("LayerNormalization", in, attrInt("axis", -a.Axes), attrFloat("epsilon", a.Eps))
	})
	emit(&ops.TopK, func(e *emission) []ops.Value {
		a := e.attrs.(ops.TopKAttrs)
		y := e.node("TopK", []ops.Value{e.in[0], e.ints(a.K)}, attrInt("axis", a.Axis), attrInt("largest", truth(a.Largest)), attrInt("sorted", truth(a.Sorted)))
		// Both results are the operator's.
		last := e.w.graph.Node[len(e.w.graph.Node)-1]
		at := &named{name: e.w.fresh("v"), spec: e.out[1]}
		last.Output = append(last.Output, at.name)
		return []ops.Value{y[0], at}
	})
	emitMath()
}

// emitMath writes functions of one number that ONNX makes of others.
func emitMath() {
	one := func(row **ops.Op, f func(e *emission, x ops.Value) ops.Value) {
		emit(row, func(e *emission) []ops.Value { return []ops.Value{f(e, e.in[0])} })
	}
	do := func(e *emission, op string, in ...ops.Value) ops.Value { return e.inner(op, e.out[0], in) }
	one(&ops.Rsqrt, func(e *emission, x ops.Value) ops.Value { return do(e, "Reciprocal", do(e, "Sqrt", x)) })
	one(&ops.Exp2, func(e *emission, x ops.Value) ops.Value { return do(e, "Pow", e.number(2), x) })
	one(&ops.Expm1, func(e *emission, x ops.Value) ops.Value { return do(e, "Sub", do(e, "Exp", x), e.number(1)) })
	one(&ops.Log1p, func(e *emission, x ops.Value) ops.Value { return do(e, "Log", do(e, "Add", x, e.number(1))) })
	one(&ops.Log2, func(e *emission, x ops.Value) ops.Value {
		return do(e, "Mul", do(e, "Log", x), e.number(1/math.Ln2))
	})
	one(&ops.Trunc, func(e *emission, x ops.Value) ops.Value {
		return do(e, "Mul", do(e, "Sign", x), do(e, "Floor", do(e, "Abs", x)))
	})
	one(&ops.Ne, func(e *emission, x ops.Value) ops.Value { return do(e, "Not", do(e, "Equal", x, e.in[1])) })
	// Swish came with version 24, the remainder of floats has another sign there.
	emit(&ops.Silu, func(*emission) []ops.Value { return nil })
	emit(&ops.Mod, func(e *emission) []ops.Value {
		if !e.out[0].DType.IsFloat() {
			return e.node("Mod", e.in)
		}
		q := do(e, "Floor", do(e, "Div", e.in[0], e.in[1]))
		return []ops.Value{do(e, "Sub", e.in[0], do(e, "Mul", q, e.in[1]))}
	})
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func emitReduction(e *emission) []ops.Value {
	a := e.attrs.(ops.ReduceAttrs)
	in := e.in
	if len(a.Axes) > 0 {
		in = append(slices.Clone(in), e.ints(a.Axes...))
	}
	return e.node(e.op.ONNX, in, attrInt("keepdims", truth(a.Keep)))
}

func emitSlice(e *emission) []ops.Value {
	a := e.attrs.(ops.SliceAttrs)
	var starts, ends, axes, steps []int
	for i, start := range a.Start {
		step := 1
		if a.Step != nil {
			step = a.Step[i]
		}
		if start == 0 && step == 1 && a.Count[i] == e.in[0].Spec().Shape[i] {
			continue
		}
		end := start + a.Count[i]*step
		if end < 0 {
			end = math.MinInt64 // beyond the first element; -1 would be the last
		}
		starts, ends, axes, steps = append(starts, start), append(ends, end), append(axes, i), append(steps, step)
	}
	if len(axes) == 0 {
		return e.node("Identity", e.in)
	}
	return e.node("Slice", []ops.Value{e.in[0], e.ints(starts...), e.ints(ends...), e.ints(axes...), e.ints(steps...)})
}

func emitPad(e *emission) []ops.Value {
	a := e.attrs.(ops.PadAttrs)
	if slices.ContainsFunc(a.Interior, func(n int) bool { return n != 0 }) {
		return nil
	}
	rank := len(e.out[0].Shape)
	lo, hi := a.Lo, a.Hi
	if lo == nil {
		lo = make([]int, rank)
	}
	if hi == nil {
		hi = make([]int, rank)
	}
	return e.node("Pad", []ops.Value{e.in[0], e.ints(slices.Concat(lo, hi)...), e.number(a.Value)})
}

func convAttrs(a ops.ConvAttrs, w []int) []*pb.Attribute {
	return []*pb.Attribute{
		attrInts("kernel_shape", w[2:]...), attrInts("strides", a.Stride[:]...), attrInts("dilations", a.Dilation[:]...),
		attrInts("pads", a.Pad[0], a.Pad[2], a.Pad[1], a.Pad[3]), attrInt("group", a.Groups),
	}
}

func emitConv(e *emission) []ops.Value {
	return e.node("Conv", e.in, convAttrs(e.attrs.(ops.ConvAttrs), e.in[1].Spec().Shape)...)
}

// emitConvTranspose says with output_padding which of the sizes with the same result the
// input had.
func emitConvTranspose(e *emission) []ops.Value {
	a := e.attrs.(ops.ConvGradAttrs)
	d, w := e.in[0].Spec().Shape, e.in[1].Spec().Shape
	var more [2]int
	for i := range more {
		full := a.Stride[i]*(d[2+i]-1) + a.Dilation[i]*(w[2+i]-1) + 1 - a.Pad[2*i] - a.Pad[2*i+1]
		more[i] = a.InShape[2+i] - full
	}
	return e.node("ConvTranspose", e.in, append(convAttrs(a.ConvAttrs, w), attrInts("output_padding", more[:]...))...)
}

func poolAttrs(a ops.PoolAttrs) []*pb.Attribute {
	return []*pb.Attribute{
		attrInts("kernel_shape", a.Size[:]...), attrInts("strides", a.Stride[:]...), attrInts("pads", a.Pad[0], a.Pad[2], a.Pad[1], a.Pad[3]),
	}
}

// emitLinear writes a layer on a matrix as one node, and on more axes as a product and a
// sum.
func emitLinear(e *emission) []ops.Value {
	act := map[string]string{"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
	name := e.attrs.(ops.LinearAttrs).Act
	if name != "" && act[name] == "" {
		return nil
	}
	var y ops.Value
	if len(e.out[0].Shape) == 2 {
		y = e.inner("Gemm", e.out[0], e.in, attrInt("transB", 1))
	} else {
		y = e.inner("MatMul", e.out[0], []ops.Value{e.in[0], ops.Transposed(e.w, e.in[1])})
		if len(e.in) > 2 {
			y = e.inner("Add", e.out[0], []ops.Value{y, e.in[2]})
		}
	}
	if name == "" {
		return []ops.Value{y}
	}
	return e.node(act[name], []ops.Value{y})
}
