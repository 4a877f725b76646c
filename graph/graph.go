package graph

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/ops"
)

// Graph records ops. It is not safe for concurrent use.
type Graph struct {
	nodes  []*node
	inputs []*node
	memo   map[string]*node
}

// Value is a result in a graph.
type Value struct {
	n *node
	i int // which output
}

// node is an input, a constant or an op.
type node struct {
	id    int
	op    *ops.Op // nil for inputs and constants
	attrs any
	in    []*Value
	specs []ops.Spec
	value *ops.Host // constants
	input int       // inputs: position
	name  string
}

// New is an empty graph.
func New() *Graph { return &Graph{memo: map[string]*node{}} }

// Spec is the element type and shape.
func (v *Value) Spec() ops.Spec { return v.n.specs[v.i] }

func (v *Value) String() string {
	if len(v.n.specs) > 1 {
		return fmt.Sprintf("%%%d.%d", v.n.id, v.i)
	}
	return fmt.Sprintf("%%%d", v.n.id)
}

func (g *Graph) add(n *node) *node {
	n.id = len(g.nodes)
	g.nodes = append(g.nodes, n)
	return n
}

// Input adds a value that is given at every run. The name is for dumps.
func (g *Graph) Input(s ops.Spec, name string) *Value {
	n := g.add(&node{specs: []ops.Spec{s}, input: len(g.inputs), name: name})
	g.inputs = append(g.inputs, n)
	return &Value{n, 0}
}

// Const adds a value fixed at recording.
func (g *Graph) Const(h ops.Host) ops.Value {
	h = h.Clone()
	return &Value{g.add(&node{specs: []ops.Spec{h.Spec}, value: &h}), 0}
}

// Apply records an op, or returns the earlier op that computes the same.
// It panics as described at ops.Builder.
func (g *Graph) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	ops.CheckInputs(op, in)
	specs, err := op.Specs(attrs, ops.SpecsOf(in))
	if err != nil {
		panic(err)
	}
	args := make([]*Value, len(in))
	var key strings.Builder
	fmt.Fprintf(&key, "%s %#v", op.Name, attrs)
	for i, v := range in {
		x, ok := v.(*Value)
		if !ok || x.n.id >= len(g.nodes) || g.nodes[x.n.id] != x.n {
			panic(&ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("input %d (%T) is not a value of the graph being recorded", i, v)})
		}
		args[i] = x
		fmt.Fprintf(&key, " %s", x)
	}
	n := g.memo[key.String()]
	if n == nil {
		n = g.add(&node{op: op, attrs: attrs, in: args, specs: specs})
		g.memo[key.String()] = n
	}
	out := make([]ops.Value, len(specs))
	for i := range out {
		out[i] = &Value{n, i}
	}
	return out
}

// Owns reports whether v was recorded by this graph.
func (g *Graph) Owns(v ops.Value) bool {
	x, ok := v.(*Value)
	return ok && x.n.id < len(g.nodes) && g.nodes[x.n.id] == x.n
}

// Aliased reports whether v is an input or a view of one, so that its memory is
// not its own when the graph runs.
func (g *Graph) Aliased(v ops.Value) bool {
	x := v.(*Value)
	for x.n.op != nil && x.n.op.Kind == ops.View {
		x = x.n.in[0]
	}
	return x.n.op == nil && x.n.value == nil
}
