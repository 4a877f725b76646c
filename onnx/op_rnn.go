package onnx

import (
	"math"
	"strings"

	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Recurrent layers, written out step by step: the number of steps is a size of the input.

func init() {
	add("RNN", func(c *call) []ops.Value {
		return c.recurrent(cell{gates: 1, activations: 1, defaults: []string{"Tanh"}, step: rnnStep})
	})
	add("GRU", func(c *call) []ops.Value {
		linear := c.bool("linear_before_reset")
		return c.recurrent(cell{gates: 3, activations: 2, defaults: []string{"Sigmoid", "Tanh"}, step: func(l *layer, x, h, _ ops.Value) (ops.Value, ops.Value) {
			return gruStep(l, x, h, linear)
		}, apart: linear})
	})
	add("LSTM", func(c *call) []ops.Value {
		coupled := c.bool("input_forget")
		return c.recurrent(cell{gates: 4, activations: 3, memory: true, defaults: []string{"Sigmoid", "Tanh", "Tanh"}, step: func(l *layer, x, h, m ops.Value) (ops.Value, ops.Value) {
			return lstmStep(l, x, h, m, coupled)
		}})
	})
}

// cell is a kind of recurrent layer.
type cell struct {
	gates       int
	activations int
	memory      bool // it has a second state
	apart       bool // the recurrent bias is not added to the other
	defaults    []string
	step        func(l *layer, x, h, m ops.Value) (ops.Value, ops.Value)
}

// layer is one direction of a recurrent layer.
type layer struct {
	c      *call
	size   int
	weight ops.Value // recurrent, transposed: [H, gates*H]
	bias   ops.Value // recurrent, [gates*H]
	peep   ops.Value // [3*H] or nil
	clip   float64
	act    []func(ops.Value) ops.Value
}

// gate is the i-th part of the last axis.
func (l *layer) gate(x ops.Value, i int) ops.Value {
	return l.c.narrow(x, len(x.Spec().Shape)-1, i*l.size, l.size)
}

func (l *layer) limited(x ops.Value) ops.Value {
	if l.clip == 0 {
		return x
	}
	return ops.Clamp.With(l.c.b, ops.ClampAttrs{Lo: -l.clip, Hi: l.clip}, x)
}

func rnnStep(l *layer, x, h, _ ops.Value) (ops.Value, ops.Value) {
	b := l.c.b
	return l.act[0](l.limited(ops.Add.Of(b, x, ops.MatMul.Of(b, h, l.weight)))), nil
}

// gruStep has the gates update, reset and hidden (Cho et al. 2014).
func gruStep(l *layer, x, h ops.Value, linear bool) (ops.Value, ops.Value) {
	b := l.c.b
	zr := l.c.narrow(l.weight, 1, 0, 2*l.size)
	gates := ops.Add.Of(b, l.c.narrow(x, 1, 0, 2*l.size), ops.MatMul.Of(b, h, zr))
	if linear {
		gates = ops.Add.Of(b, gates, l.c.narrow(l.bias, 0, 0, 2*l.size))
	}
	gates = l.act[0](l.limited(gates))
	z, r := l.gate(gates, 0), l.gate(gates, 1)
	wh := l.gate(l.weight, 2)
	var inner ops.Value
	if linear {
		inner = ops.Mul.Of(b, r, ops.Add.Of(b, ops.MatMul.Of(b, h, wh), l.gate(l.bias, 2)))
	} else {
		inner = ops.MatMul.Of(b, ops.Mul.Of(b, r, h), wh)
	}
	n := l.act[1](l.limited(ops.Add.Of(b, l.gate(x, 2), inner)))
	// (1-z)*n + z*h
	return ops.Add.Of(b, n, ops.Mul.Of(b, z, ops.Sub.Of(b, h, n))), nil
}

// lstmStep has the gates input, output, forget and cell (Hochreiter, Schmidhuber 1997;
// peepholes: Gers, Schmidhuber 2000).
func lstmStep(l *layer, x, h, m ops.Value, coupled bool) (ops.Value, ops.Value) {
	b := l.c.b
	gates := ops.Add.Of(b, x, ops.MatMul.Of(b, h, l.weight))
	peep := func(v ops.Value, i int, m ops.Value) ops.Value {
		if l.peep == nil {
			return v
		}
		return ops.Add.Of(b, v, ops.Mul.Of(b, l.gate(l.peep, i), m))
	}
	in := l.act[0](l.limited(peep(l.gate(gates, 0), 0, m)))
	var forget ops.Value
	if coupled {
		forget = ops.Scaled(b, in, -1, 1)
	} else {
		forget = l.act[0](l.limited(peep(l.gate(gates, 2), 2, m)))
	}
	m = ops.Add.Of(b, ops.Mul.Of(b, forget, m), ops.Mul.Of(b, in, l.act[1](l.limited(l.gate(gates, 3)))))
	out := l.act[0](l.limited(peep(l.gate(gates, 1), 1, m)))
	return ops.Mul.Of(b, out, l.act[2](m)), m
}

// recurrent runs a layer in its directions.
func (c *call) recurrent(kind cell) []ops.Value {
	batchFirst := c.bool("layout")
	turn := func(x ops.Value, perm ...int) ops.Value {
		if x == nil || !batchFirst {
			return x
		}
		return ops.Permuted(c.b, x, perm...)
	}
	x := turn(c.x(0), 1, 0, 2) // [T, N, I]
	w, r := c.x(1), c.x(2)
	bias, lengths, h0 := c.opt(3), c.opt(4), turn(c.opt(5), 1, 0, 2)
	var m0, peep ops.Value
	if kind.memory {
		m0, peep = turn(c.opt(6), 1, 0, 2), c.opt(7)
	}
	rs, xs := r.Spec().Shape, x.Spec().Shape
	directions := map[string]int{"forward": 1, "reverse": 1, "bidirectional": 2}
	direction := c.oneOf("direction", "forward", "reverse", "bidirectional")
	if len(rs) != 3 || len(xs) != 3 || rs[0] != directions[direction] || rs[1] != kind.gates*rs[2] {
		c.fail("an input %s and recurrent weights %s in direction %s", shape.String(xs), shape.String(rs), direction)
	}
	if n := c.int("hidden_size", rs[2]); n != rs[2] {
		c.refuse("hidden_size", "is %d, the weights have %d", n, rs[2])
	}
	c.ignore("output_sequence")
	acts := c.activations(kind, rs[0])
	clip := c.float("clip", 0)
	var ys, hs, ms []ops.Value
	for d := range rs[0] {
		pick := func(v ops.Value) ops.Value {
			if v == nil {
				return nil
			}
			return ops.Reshaped(c.b, c.narrow(v, 0, d, 1), v.Spec().Shape[1:]...)
		}
		l := &layer{c: c, size: rs[2], weight: ops.Transposed(c.b, pick(r)), clip: clip, act: acts[d*kind.activations : (d+1)*kind.activations]}
		l.peep = pick(peep)
		reverse := direction == "reverse" || d == 1
		y, h, m := c.run(kind, l, x, pick(w), pick(bias), lengths, pick(h0), pick(m0), reverse)
		ys, hs = append(ys, ops.Reshaped(c.b, y, xs[0], 1, xs[1], rs[2])), append(hs, ops.Reshaped(c.b, h, 1, xs[1], rs[2]))
		if kind.memory {
			ms = append(ms, ops.Reshaped(c.b, m, 1, xs[1], rs[2]))
		}
	}
	join := func(list []ops.Value, axis int) ops.Value {
		if len(list) == 1 {
			return list[0]
		}
		return ops.Concat.With(c.b, ops.ConcatAttrs{Axis: axis}, list...)
	}
	out := []ops.Value{turn(join(ys, 1), 2, 0, 1, 3), turn(join(hs, 0), 1, 0, 2)}
	if kind.memory {
		out = append(out, turn(join(ms, 0), 1, 0, 2))
	}
	return out
}

// run runs one direction. After the end of a sequence its state stays and its results are
// zero.
func (c *call) run(kind cell, l *layer, x, w, bias, lengths, h, m ops.Value, reverse bool) (y, hn, mn ops.Value) {
	xs, t := x.Spec().Shape, x.Spec().DType
	steps, batch := xs[0], xs[1]
	zero := ops.Zeros(c.b, ops.Spec{DType: t, Shape: []int{batch, l.size}})
	if h == nil {
		h = zero
	}
	if m == nil && kind.memory {
		m = zero
	}
	if reverse {
		x = c.backwards(x, lengths)
	}
	// The input's part of all steps is one product.
	in := ops.MatMul.Of(c.b, ops.Reshaped(c.b, x, steps*batch, xs[2]), ops.Transposed(c.b, w))
	if bias != nil {
		half := kind.gates * l.size
		wb, rb := c.narrow(bias, 0, 0, half), c.narrow(bias, 0, half, half)
		l.bias = rb
		in = ops.Add.Of(c.b, in, wb)
		if !kind.apart {
			in = ops.Add.Of(c.b, in, rb)
		}
	} else if kind.apart {
		l.bias = ops.Zeros(c.b, ops.Spec{DType: t, Shape: []int{kind.gates * l.size}})
	}
	in = ops.Reshaped(c.b, in, steps, batch, kind.gates*l.size)
	var rows []ops.Value
	for i := range steps {
		step := ops.Reshaped(c.b, c.narrow(in, 0, i, 1), batch, kind.gates*l.size)
		nh, nm := kind.step(l, step, h, m)
		row := nh
		if lengths != nil {
			alive := ops.Reshaped(c.b, ops.Gt.Of(c.b, lengths, c.like(lengths, float64(i))), batch, 1)
			row = ops.Where.Of(c.b, alive, nh, zero)
			nh = ops.Where.Of(c.b, alive, nh, h)
			if kind.memory {
				nm = ops.Where.Of(c.b, alive, nm, m)
			}
		}
		h, m = nh, nm
		rows = append(rows, ops.Reshaped(c.b, row, 1, batch, l.size))
	}
	if len(rows) == 0 {
		y = ops.Zeros(c.b, ops.Spec{DType: t, Shape: []int{0, batch, l.size}})
	} else {
		y = ops.Concat.With(c.b, ops.ConcatAttrs{}, rows...)
	}
	if reverse {
		y = c.backwards(y, lengths)
	}
	return y, h, m
}

// backwards turns sequences [T, N, ...] round, each to its length.
func (c *call) backwards(x, lengths ops.Value) ops.Value {
	if lengths == nil {
		return c.reversed(x, 0)
	}
	return c.turned(x, lengths, 0, 1)
}

// activations are the functions of all directions.
func (c *call) activations(kind cell, directions int) []func(ops.Value) ops.Value {
	names := []string{}
	if a := c.attr("activations"); a != nil {
		for _, s := range a.Strings {
			names = append(names, string(s))
		}
	}
	if len(names) == 0 {
		for range directions {
			names = append(names, kind.defaults...)
		}
	}
	if len(names) != directions*kind.activations {
		c.refuse("activations", "names %d functions, want %d", len(names), directions*kind.activations)
	}
	list := func(name string) []float64 {
		var out []float64
		if a := c.attr(name); a != nil {
			for _, f := range a.Floats {
				out = append(out, float64(f))
			}
		}
		return out
	}
	alpha, beta := list("activation_alpha"), list("activation_beta")
	next := func(from *[]float64, def float64) float64 {
		if len(*from) == 0 {
			return def
		}
		v := (*from)[0]
		*from = (*from)[1:]
		return v
	}
	var out []func(ops.Value) ops.Value
	for _, name := range names {
		f, a, b := c.activation(name)
		if f == nil {
			c.refuse("activations", "names %q, which crease does not have", name)
		}
		if !math.IsNaN(a) {
			a = next(&alpha, a)
		}
		if !math.IsNaN(b) {
			b = next(&beta, b)
		}
		out = append(out, func(x ops.Value) ops.Value { return f(x, a, b) })
	}
	return out
}

// activation is a function by name with the defaults of its parameters, NaN for those it
// does not have.
func (c *call) activation(name string) (f func(x ops.Value, a, b float64) ops.Value, alpha, beta float64) {
	none := math.NaN()
	row := func(op *ops.Op) func(ops.Value, float64, float64) ops.Value {
		return func(x ops.Value, _, _ float64) ops.Value { return op.Of(c.b, x) }
	}
	switch strings.ToLower(name) {
	case "tanh":
		return row(ops.Tanh), none, none
	case "sigmoid":
		return row(ops.Sigmoid), none, none
	case "relu":
		return row(ops.Relu), none, none
	case "softplus":
		return func(x ops.Value, _, _ float64) ops.Value { return c.softplus(x) }, none, none
	case "softsign":
		return func(x ops.Value, _, _ float64) ops.Value { return c.softsign(x) }, none, none
	case "affine":
		return func(x ops.Value, a, b float64) ops.Value { return ops.Scaled(c.b, x, a, b) }, 1, 0
	case "leakyrelu":
		return func(x ops.Value, a, _ float64) ops.Value {
			return ops.LeakyRelu.With(c.b, ops.LeakyReluAttrs{Slope: a}, x)
		}, 0.01, none
	case "thresholdedrelu":
		return func(x ops.Value, a, _ float64) ops.Value { return c.thresholded(x, a) }, 1, none
	case "scaledtanh":
		return func(x ops.Value, a, b float64) ops.Value {
			return ops.Scaled(c.b, ops.Tanh.Of(c.b, ops.Scaled(c.b, x, b, 0)), a, 0)
		}, 1, 1
	case "hardsigmoid":
		return c.hardSigmoid, 0.2, 0.5
	case "elu":
		return func(x ops.Value, a, _ float64) ops.Value { return c.elu(x, a, 1, 1) }, 1, none
	}
	return nil, none, none
}
