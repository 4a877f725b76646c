package graph

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Graph records ops for an engine. It is an ops.Builder, ops.Writer and ops.Owner. It is
// not safe for concurrent use, and is compiled once.
type Graph struct {
	// Locate makes every node remember where in the program it was recorded, which
	// costs more than the rest of recording.
	Locate bool

	engine   *exec.Engine
	nodes    []*Node // in the order of the program
	inputs   []*Value
	results  []*Value // set by Compile
	values   int      // values made so far: the next ID
	compiled bool
}

// Kind says what a node is.
type Kind uint8

// Kinds of node.
const (
	Input  Kind = iota // memory that is given at every run
	Const              // elements that are fixed when the graph is recorded
	Apply              // an op
	Assign             // an effect: the elements of a value change
)

// Node is a step of the program.
type Node struct {
	kind  Kind
	op    *ops.Op
	attrs any // bound
	in    []*Value
	out   []*Value
	plan  *exec.Plan // of Apply: how the engine runs it

	name   string      // of an Input, for dumps
	host   *ops.Host   // of a Const
	array  *exec.Array // of a Const that was computed when the graph was compiled
	pos    int         // place in the program, kept by number
	id     int         // of the first value, or of the effect: for dumps
	alike  *Node       // another one with the same hash, see cse
	caller []uintptr   // where it was recorded

	one   [1]*Value // room for out
	value Value     // and for the only result
}

// Value is a result in a graph. A value that is a view has the memory of another, its
// root; nothing runs to make it.
type Value struct {
	id      int
	node    *Node
	index   int // which result of node
	layout  *exec.Layout
	root    *Value
	shift   int // from the root's first element to this one's, in elements
	storage *Storage
	instead *Value  // the value that a pass puts in its place
	own     Storage // of a value with memory of its own
}

// Storage is memory that values view. Values of one storage see each other's changes.
type Storage struct {
	id       int        // of the first value in it
	external bool       // the memory of inputs
	device   hal.Device // that the memory belongs to
	version  uint32     // effects recorded so far
}

var (
	_ ops.Writer = (*Graph)(nil)
	_ ops.Owner  = (*Graph)(nil)
	_ ops.Holder = (*Value)(nil)
)

// New is an empty graph for an engine.
func New(e *exec.Engine) *Graph { return &Graph{engine: e} }

// Engine is the engine that the graph will run on.
func (g *Graph) Engine() *exec.Engine { return g.engine }

// Spec is the element type and shape.
func (v *Value) Spec() ops.Spec { return v.layout.Spec() }

// Share is the value itself: values of a graph need not be released.
func (v *Value) Share() ops.Value { return v }

// Outline is the value's layout.
func (v *Value) Outline() ops.Value { return v.layout }

// Release does nothing.
func (v *Value) Release() {}

// Version counts the effects on the value's memory that have been recorded.
func (v *Value) Version() uint32 { return v.storage.version }

// Storage is the memory that the value views.
func (v *Value) Storage() *Storage { return v.storage }

// Device is the device that the value lies on.
func (v *Value) Device() hal.Device { return v.storage.device }

// whole reports whether the value is all of its root, as it lies.
func (v *Value) whole() bool { return v.shift == 0 && v.layout.Equal(v.root.layout) }

// view reports whether nothing runs to make the node's result.
func (n *Node) view() bool { return n.kind == Apply && n.op.Kind == ops.View }

func (g *Graph) add(n *Node) *Node {
	n.pos = len(g.nodes)
	g.nodes = append(g.nodes, n)
	if g.Locate {
		n.caller = make([]uintptr, 32)
		n.caller = n.caller[:runtime.Callers(2, n.caller)]
	}
	return n
}

// result makes a value of a node, with memory of its own.
func (g *Graph) result(n *Node, l *exec.Layout) *Value {
	v := &n.value
	if len(n.out) > 0 {
		v = &Value{}
	} else {
		n.out, n.id = n.one[:0], g.values
	}
	*v = Value{id: g.values, node: n, index: len(n.out), layout: l}
	v.root, v.storage = v, &v.own
	v.own.id, v.own.device = v.id, g.engine.Device()
	g.values++
	n.out = append(n.out, v)
	return v
}

// Input adds a dense value that is given at every run, in memory that no other input
// shares. The name is for dumps.
func (g *Graph) Input(s ops.Spec, name string) *Value {
	l, err := exec.NewLayout(ops.Spec{DType: s.DType, Shape: shape.Clone(s.Shape)}, nil)
	if err != nil {
		panic(&ops.ShapeError{Op: "input " + name, In: []ops.Spec{s}, Rule: err.Error()})
	}
	return g.InputOn(&Storage{}, l, name)
}

// InputOn adds a value that is given at every run and lies in memory in the given way.
// Inputs that may see each other's changes are on one storage.
func (g *Graph) InputOn(s *Storage, l *exec.Layout, name string) *Value {
	v := g.result(g.add(&Node{kind: Input, name: name}), l)
	if !s.external {
		s.external, s.device, s.id = true, g.engine.Device(), v.id
	}
	v.storage = s
	g.inputs = append(g.inputs, v)
	return v
}

// Const adds a value fixed at recording.
func (g *Graph) Const(h ops.Host) ops.Value {
	h = h.Clone()
	l, err := exec.NewLayout(h.Spec, nil)
	if err != nil {
		panic(&ops.ShapeError{Op: "const", In: []ops.Spec{h.Spec}, Rule: err.Error()})
	}
	return g.result(g.add(&Node{kind: Const, host: &h}), l)
}

// Apply records an op. It panics as described at ops.Builder.
func (g *Graph) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	n := g.apply(op, attrs, g.own(op, in))
	out := make([]ops.Value, len(n.out))
	for i, v := range n.out {
		out[i] = v
	}
	return out
}

// own checks that values were recorded by this graph.
func (g *Graph) own(op *ops.Op, in []ops.Value) []*Value {
	ops.CheckInputs(op, in)
	out := make([]*Value, len(in))
	for i, v := range in {
		if !g.Owns(v) {
			panic(&ops.UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d (%T) is not a value of the graph being recorded", i, v)})
		}
		out[i] = v.(*Value)
	}
	return out
}

// apply records an op on values of the graph. A view that the strides do not allow is a
// view of a copy.
func (g *Graph) apply(op *ops.Op, attrs any, in []*Value) *Node {
	var room [8]*exec.Layout
	layouts := room[:0]
	for _, v := range in {
		layouts = append(layouts, v.layout)
	}
	p, err := g.engine.Plan(op, attrs, layouts)
	if err != nil {
		panic(err)
	}
	shift, copied, view := p.View()
	if copied {
		return g.apply(op, attrs, []*Value{g.apply(ops.Copy, nil, in).out[0]})
	}
	n := g.add(&Node{kind: Apply, op: op, attrs: p.Attrs(), in: in, plan: p})
	for _, l := range p.Results() {
		v := g.result(n, l)
		if view {
			v.root, v.shift, v.storage = in[0].root, in[0].shift+shift, in[0].storage
		}
	}
	return n
}

// Assign records that the elements of dst become those of src, which has its spec.
// Everything recorded before sees the old elements, everything after it the new ones, as
// when the program runs. It panics like Apply.
func (g *Graph) Assign(dst, src ops.Value) {
	list := g.own(assign, []ops.Value{dst, src})
	d, s := list[0], list[1]
	if !d.Spec().Equal(s.Spec()) {
		panic(&ops.ShapeError{Op: assign.Name, In: []ops.Spec{d.Spec(), s.Spec()}, Rule: "the value must have the type and shape of the tensor it replaces"})
	}
	if err := exec.Writable(assign, d.layout); err != nil {
		panic(err)
	}
	d.storage.version++
	if d.storage == s.storage {
		if d.root == s.root && d.shift == s.shift && d.layout.Equal(s.layout) {
			return
		}
		s = g.apply(ops.Copy, nil, []*Value{s}).out[0] // read everything before writing
	}
	g.add(&Node{kind: Assign, op: assign, in: []*Value{d, s}, id: g.values})
	g.values++
}

var assign = &ops.Op{Name: "assign"}

// ApplyInto records an op and the assignment of its results.
func (g *Graph) ApplyInto(op *ops.Op, attrs any, in, into []ops.Value) {
	out := g.Apply(op, attrs, in...)
	if len(out) != len(into) {
		panic(&ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("%d values were given for its %d results", len(into), len(out))})
	}
	for i, v := range out {
		g.Assign(into[i], v)
	}
}

// Own makes the graph an ops.Owner. It always records a copy; a pass drops those that
// nobody could tell from what they copy.
func (g *Graph) Own(v ops.Value) ops.Value { return ops.Copy.Of(g, v) }

// Owns reports whether v was recorded by this graph.
func (g *Graph) Owns(v ops.Value) bool {
	x, ok := v.(*Value)
	return ok && x.node.pos < len(g.nodes) && g.nodes[x.node.pos] == x.node
}

// Cost is the arithmetic and the memory traffic of all ops, as their rows count them.
func (g *Graph) Cost() (sum ops.Cost) {
	for _, n := range g.nodes {
		if n.kind != Apply || n.view() {
			continue
		}
		c := n.op.Cost(n.attrs, ops.SpecsOf(n.in), ops.SpecsOf(n.out))
		sum.Flops += c.Flops
		sum.Bytes += c.Bytes
	}
	return sum
}

// Len is the number of nodes.
func (g *Graph) Len() int { return len(g.nodes) }

// Source is the place in the program, outside of crease, where the node was recorded:
// file:line, or "" where that was not asked for.
func (n *Node) Source() string {
	if len(n.caller) == 0 {
		return ""
	}
	frames := runtime.CallersFrames(n.caller)
	last := ""
	for {
		f, more := frames.Next()
		if f.File != "" {
			last = fmt.Sprintf("%s:%d", f.File[strings.LastIndexByte(f.File, '/')+1:], f.Line)
			if !strings.Contains(f.Function, "crease-ml/crease.") && !strings.Contains(f.Function, "crease-ml/crease/") {
				return last
			}
		}
		if !more {
			return last
		}
	}
}
