package graph

import (
	"fmt"
	"io"
	"strings"

	"github.com/crease-ml/crease/ops"
)

// Format is how Dump writes a graph.
type Format uint8

// Formats.
const (
	Text Format = iota // one line per node, in the order of the program
	DOT                // for Graphviz
)

// Dump writes the nodes, and the results once the graph is compiled.
func (g *Graph) Dump(w io.Writer, f Format) error {
	p := &printer{w: w}
	if f == DOT {
		p.line("digraph crease {\n  node [shape=box, fontname=monospace]")
		for _, n := range g.nodes {
			p.dot(n)
		}
		for i, v := range g.results {
			p.line("  out%d [label=\"result %d\", shape=ellipse]\n  n%d -> out%d", i, i, v.node.id, i)
		}
		p.line("}")
		return p.err
	}
	for _, n := range g.nodes {
		p.line("%s", n)
	}
	if g.compiled {
		names := make([]string, len(g.results))
		for i, v := range g.results {
			names[i] = v.String()
		}
		p.line("return %s", strings.Join(names, ", "))
	}
	return p.err
}

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (v *Value) String() string { return fmt.Sprintf("%%%d", v.id) }

// Label is what the node does, without its operands.
func (n *Node) Label() string {
	switch {
	case n.kind == Input:
		return "input " + n.name
	case n.kind == Const && n.host != nil && n.host.Elements() == 1:
		return fmt.Sprintf("const %v", n.host.At(0))
	case n.kind == Const:
		return "const"
	case n.kind == Apply && n.op.IsFused():
		if e, reduce := n.op.Producer(); e != nil {
			a := n.attrs.(ops.FusedReduceAttrs)
			return fmt.Sprintf("fused %s %+v of %s%s", reduce.Name, ops.ReduceAttrs{Axes: a.Axes, Keep: a.Keep}, e, parameters(a.Params))
		}
		return "fused " + n.op.Expr.String() + parameters(n.op.Params(n.attrs))
	case n.attrs != nil:
		return fmt.Sprintf("%s %+v", n.op.Name, n.attrs)
	}
	return n.op.Name
}

func parameters(p []float64) string {
	if len(p) == 0 {
		return ""
	}
	return fmt.Sprintf(" with p %v", p)
}

// String is the node as a line of a program in static single assignment form, where an
// effect names what it changes.
func (n *Node) String() string {
	ins := make([]string, len(n.in))
	for i, v := range n.in {
		ins[i] = v.String()
	}
	if n.kind == Assign {
		return fmt.Sprintf("%s <- %s%s", ins[0], ins[1], n.place())
	}
	outs, specs := make([]string, len(n.out)), make([]string, len(n.out))
	for i, v := range n.out {
		outs[i], specs[i] = v.String(), v.Spec().String()
	}
	args := ""
	if len(ins) > 0 {
		args = "(" + strings.Join(ins, ", ") + ")"
	}
	return fmt.Sprintf("%s = %s%s : %s%s", strings.Join(outs, ", "), n.Label(), args, strings.Join(specs, ", "), n.place())
}

func (n *Node) place() string {
	if s := n.Source(); s != "" {
		return "  # " + s
	}
	return ""
}

func (p *printer) dot(n *Node) {
	label := n.Label()
	if len(n.out) > 0 {
		label += "\n" + n.out[0].Spec().String()
	}
	style := ""
	switch {
	case n.kind == Assign:
		style = ", style=filled, fillcolor=lightyellow"
	case n.kind != Apply:
		style = ", style=rounded"
	case n.view():
		style = ", style=dashed"
	}
	p.line("  n%d [label=%q%s]", n.id, label, style)
	for _, v := range n.in {
		p.line("  n%d -> n%d", v.node.id, n.id)
	}
}
