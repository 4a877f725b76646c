package onnx

import (
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Control flow happens on the host: a branch is chosen and loops are counted while the
// nodes run. In a recording, what decides them is static.

func init() {
	add("If", func(c *call) []ops.Value {
		name := "else_branch"
		if c.scalar(0) != 0 {
			name = "then_branch"
		}
		c.ignore("else_branch", "then_branch")
		return c.body(c.graph(name), nil)
	})
	add("Loop", loop)
	add("Scan", scan)
	add1("SequenceConstruct", func(c *call) ops.Value {
		l := &list{}
		for i := range c.in {
			l.items = append(l.items, c.value(i))
		}
		return l
	})
	add1("SequenceEmpty", func(c *call) ops.Value {
		c.ignore("dtype")
		return &list{}
	})
	add1("SequenceAt", func(c *call) ops.Value {
		l := c.sequence(0)
		return l.items[c.position(l, 1, len(l.items))]
	})
	add1("SequenceInsert", func(c *call) ops.Value {
		l := c.sequence(0)
		at := len(l.items)
		if c.has(2) {
			at = c.position(l, 2, len(l.items)+1)
		}
		return &list{slices.Insert(slices.Clone(l.items), at, c.value(1))}
	})
	add1("SequenceErase", func(c *call) ops.Value {
		l := c.sequence(0)
		at := len(l.items) - 1
		if c.has(1) {
			at = c.position(l, 1, len(l.items))
		}
		if at < 0 {
			c.fail("the sequence is empty")
		}
		return &list{slices.Delete(slices.Clone(l.items), at, at+1)}
	})
	add1("SequenceLength", func(c *call) ops.Value { return ops.Reshaped(c.b, c.vector([]int{len(c.sequence(0).items)})) })
	add1("SplitToSequence", splitToSequence)
	add1("ConcatFromSequence", concatFromSequence)
	add("SequenceMap", sequenceMap)
	add1("Optional", func(c *call) ops.Value {
		c.ignore("type")
		if !c.has(0) {
			return nil
		}
		return c.in[0]
	})
	add1("OptionalGetElement", func(c *call) ops.Value { return c.value(0) })
	add1("OptionalHasElement", func(c *call) ops.Value {
		h := ops.NewHost(ops.Spec{DType: dtype.Bool, Shape: []int{}})
		if c.has(0) {
			h.SetInt(0, 1)
		}
		return c.b.Const(h)
	})
}

// body runs a graph of the node on values for its inputs.
func (c *call) body(g *graph, in []ops.Value) []ops.Value {
	if len(in) > len(g.inputs) {
		c.fail("its graph %q has %d inputs, it gives %d", g.name, len(g.inputs), len(in))
	}
	values := map[string]ops.Value{}
	for i, v := range in {
		values[g.inputs[i].Name] = v
	}
	return c.f.child(g).run(values)
}

func (c *call) sequence(i int) *list {
	l, ok := c.value(i).(*list)
	if !ok {
		c.fail("input %d is a tensor, want a sequence", i)
	}
	return l
}

// position is a place in a sequence; negative ones count from the end.
func (c *call) position(l *list, i, limit int) int {
	at := int(c.scalar(i))
	if at < 0 {
		at += len(l.items)
	}
	if at < 0 || at >= limit {
		c.fail("position %d of a sequence of %d", at, len(l.items))
	}
	return at
}

// tick counts iterations of loops.
func (c *call) tick() {
	if *c.f.budget--; *c.f.budget < 0 {
		c.fail("the loops of the model have run more than %d times", maxIterations)
	}
}

// loop carries values through its body as long as a condition holds and a count is not
// reached, and stacks what the body gives beside them.
func loop(c *call) []ops.Value {
	g := c.graph("body")
	carried := []ops.Value{}
	for i := 2; i < len(c.in); i++ {
		carried = append(carried, c.in[i])
	}
	if len(g.outputs) < len(carried)+1 || len(g.inputs) != len(carried)+2 {
		c.fail("it carries %d values, its body has %d inputs and %d outputs", len(carried), len(g.inputs), len(g.outputs))
	}
	limit := int64(math.MaxInt64)
	if c.has(0) {
		limit = c.host(0).Int(0)
	}
	goOn := true
	if c.has(1) {
		goOn = c.scalar(1) != 0
	}
	stacks := make([][]ops.Value, len(g.outputs)-1-len(carried))
	for i := int64(0); i < limit && goOn; i++ {
		c.tick()
		count, cond := ops.NewHost(ops.Spec{DType: dtype.I64, Shape: []int{}}), ops.Scalar(dtype.Bool, 1)
		count.SetInt(0, i)
		out := c.body(g, slices.Concat([]ops.Value{c.b.Const(count), c.b.Const(cond)}, carried))
		h := c.b.host(out[0])
		goOn = h.Elements() == 1 && h.Int(0) != 0
		carried = out[1 : 1+len(carried)]
		for k, v := range out[1+len(carried):] {
			stacks[k] = append(stacks[k], v)
		}
	}
	for k, s := range stacks {
		carried = append(carried, c.stacked(s, 0, g.outputs[len(g.outputs)-len(stacks)+k]))
	}
	return carried
}

// stacked joins values along a new axis. Of none, what the graph declares says the shape.
func (c *call) stacked(list []ops.Value, axis int, d Declared) ops.Value {
	if len(list) == 0 {
		t := d.Elem.DType()
		if t == dtype.Invalid {
			t = dtype.F32
		}
		dims := slices.Clone(d.Shape)
		for i, n := range dims {
			dims[i] = max(n, 0)
		}
		return ops.Zeros(c.b, ops.Spec{DType: t, Shape: slices.Insert(dims, min(max(axis, 0), len(dims)), 0)})
	}
	parts := make([]ops.Value, len(list))
	for i, v := range list {
		dims := plain(v).Spec().Shape
		at := axis
		if at < 0 {
			at += len(dims) + 1
		}
		if at < 0 || at > len(dims) {
			c.fail("axis %d of values of rank %d", axis, len(dims))
		}
		parts[i] = ops.Reshaped(c.b, plain(v), slices.Insert(slices.Clone(dims), at, 1)...)
		if i == len(list)-1 {
			axis = at
		}
	}
	return as(ops.Concat.With(c.b, ops.ConcatAttrs{Axis: axis}, parts...), elemIn(list[0]))
}

// scan carries states through its body for every slice of some inputs, and stacks the
// other results. In version 8 there is a batch axis before all.
func scan(c *call) []ops.Value {
	g := c.graph("body")
	n := c.int("num_scan_inputs", 0)
	if c.version() < 9 {
		return batchedScan(c, g, n)
	}
	return c.scanned(g, c.in, n, c.ints("scan_input_axes"), c.ints("scan_input_directions"), c.ints("scan_output_axes"), c.ints("scan_output_directions"))
}

func (c *call) scanned(g *graph, in []ops.Value, n int, inAxes, inDirs, outAxes, outDirs []int) []ops.Value {
	if n < 1 || n > len(in) || len(g.inputs) != len(in) || len(g.outputs) < len(in)-n {
		c.fail("it scans %d of %d inputs, its body has %d inputs and %d outputs", n, len(in), len(g.inputs), len(g.outputs))
	}
	at := func(list []int, i int) int {
		if i < len(list) {
			return list[i]
		}
		return 0
	}
	states, seqs := slices.Clone(in[:len(in)-n]), in[len(in)-n:]
	steps := -1
	axes := make([]int, n)
	for i, s := range seqs {
		if s == nil {
			c.fail("a sequence is missing")
		}
		dims := plain(s).Spec().Shape
		axes[i] = c.axisOf(at(inAxes, i), len(dims))
		if steps >= 0 && dims[axes[i]] != steps {
			c.fail("its sequences have %d and %d elements", steps, dims[axes[i]])
		}
		steps = dims[axes[i]]
	}
	stacks := make([][]ops.Value, len(g.outputs)-len(states))
	for i := range steps {
		c.tick()
		args := slices.Clone(states)
		for k, s := range seqs {
			step := i
			if at(inDirs, k) == 1 {
				step = steps - 1 - i
			}
			x := plain(s)
			dims := x.Spec().Shape
			part := ops.Reshaped(c.b, c.narrow(x, axes[k], step, 1), slices.Delete(slices.Clone(dims), axes[k], axes[k]+1)...)
			args = append(args, as(part, elemIn(s)))
		}
		out := c.body(g, args)
		states = out[:len(states)]
		for k, v := range out[len(states):] {
			stacks[k] = append(stacks[k], v)
		}
	}
	out := slices.Clone(states)
	for k, s := range stacks {
		if at(outDirs, k) == 1 {
			slices.Reverse(s)
		}
		out = append(out, c.stacked(s, at(outAxes, k), g.outputs[len(states)+k]))
	}
	return out
}

// batchedScan is the first version: its first input is the lengths of the sequences, and
// all others have a batch axis.
func batchedScan(c *call, g *graph, n int) []ops.Value {
	if c.has(0) {
		c.fail("lengths of sequences are not supported in version 8")
	}
	in := c.in[1:]
	dirs := c.ints("directions")
	if len(in) == 0 || in[0] == nil || len(plain(in[0]).Spec().Shape) == 0 {
		c.fail("it has no batch")
	}
	batch := plain(in[0]).Spec().Shape[0]
	var parts [][]ops.Value
	for b := range batch {
		args := make([]ops.Value, len(in))
		for i, v := range in {
			x := plain(v)
			dims := x.Spec().Shape
			if len(dims) == 0 || dims[0] != batch {
				c.fail("input %d has shape %s, want a batch of %d", i+1, shape.String(dims), batch)
			}
			args[i] = ops.Reshaped(c.b, c.narrow(x, 0, b, 1), dims[1:]...)
		}
		parts = append(parts, c.scanned(g, args, n, nil, dirs, nil, nil))
	}
	var out []ops.Value
	for i := range g.outputs {
		var row []ops.Value
		for _, p := range parts {
			row = append(row, p[i])
		}
		out = append(out, c.stacked(row, 0, g.outputs[i]))
	}
	return out
}

func splitToSequence(c *call) ops.Value {
	v := c.value(0)
	x, e := plain(v), elemIn(v)
	dims := x.Spec().Shape
	axis := c.axis("axis", 0, len(dims))
	keep := c.int("keepdims", 1) != 0
	n := dims[axis]
	var sizes []int
	switch {
	case !c.has(1):
		sizes = slices.Repeat([]int{1}, n)
	case len(c.spec(1).Shape) == 0:
		size := int(c.scalar(1))
		if size < 1 {
			c.fail("parts of size %d", size)
		}
		for at := 0; at < n; at += size {
			sizes = append(sizes, min(size, n-at))
		}
	default:
		sizes = c.numbers(1)
	}
	l, at := &list{}, 0
	for _, size := range sizes {
		if size < 0 || size > n-at {
			c.fail("the parts %v do not make up the axis, which has size %d", sizes, n)
		}
		part := c.narrow(x, axis, at, size)
		if !c.has(1) && !keep {
			part = ops.Reshaped(c.b, part, slices.Delete(slices.Clone(dims), axis, axis+1)...)
		}
		l.items = append(l.items, as(part, e))
		at += size
	}
	if at != n {
		c.fail("the parts %v do not make up the axis, which has size %d", sizes, n)
	}
	return l
}

func concatFromSequence(c *call) ops.Value {
	l, axis := c.sequence(0), c.int("axis", 0)
	if len(l.items) == 0 {
		c.fail("the sequence is empty")
	}
	if c.bool("new_axis") {
		return c.stacked(l.items, axis, Declared{})
	}
	parts := make([]ops.Value, len(l.items))
	for i, v := range l.items {
		parts[i] = plain(v)
	}
	return as(ops.Concat.With(c.b, ops.ConcatAttrs{Axis: axis}, parts...), elemIn(l.items[0]))
}

// sequenceMap runs its body on every element of sequences.
func sequenceMap(c *call) []ops.Value {
	g, first := c.graph("body"), c.sequence(0)
	out := make([]ops.Value, len(g.outputs))
	for k := range out {
		out[k] = &list{}
	}
	for i := range first.items {
		c.tick()
		var args []ops.Value
		for k := range c.in {
			v := c.value(k)
			if l, ok := v.(*list); ok {
				if i >= len(l.items) {
					c.fail("its sequences differ in length")
				}
				v = l.items[i]
			}
			args = append(args, v)
		}
		for k, v := range c.body(g, args) {
			out[k].(*list).items = append(out[k].(*list).items, v)
		}
	}
	return out
}
