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
	Text Format = iota // one line per value, in static single assignment form
	DOT                // for Graphviz
)

// Dump writes the part of the graph that the outputs depend on.
func (g *Graph) Dump(w io.Writer, f Format, outputs ...ops.Value) error {
	var outs []*Value
	for _, v := range outputs {
		if !g.Owns(v) {
			return fmt.Errorf("graph: %T is not a value of this graph", v)
		}
		outs = append(outs, v.(*Value))
	}
	used := live(outs)
	p := &printer{w: w}
	if f == DOT {
		p.line("digraph crease {\n  node [shape=box, fontname=monospace]")
	}
	for _, n := range g.nodes {
		if !used[n] {
			continue
		}
		if f == DOT {
			p.dot(n)
		} else {
			p.text(n)
		}
	}
	if f == DOT {
		for i, v := range outs {
			p.line("  out%d [label=\"output %d\", shape=ellipse]\n  n%d -> out%d", i, i, v.n.id, i)
		}
		p.line("}")
	} else {
		names := make([]string, len(outs))
		for i, v := range outs {
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

func (n *node) label() string {
	switch {
	case n.op != nil && n.attrs != nil:
		return fmt.Sprintf("%s %+v", n.op.Name, n.attrs)
	case n.op != nil:
		return n.op.Name
	case n.value != nil && n.specs[0].Elements() == 1:
		return fmt.Sprintf("const %v", n.value.At(0))
	case n.value != nil:
		return "const"
	}
	return fmt.Sprintf("input %d %s", n.input, n.name)
}

func (p *printer) text(n *node) {
	ins := make([]string, len(n.in))
	for i, v := range n.in {
		ins[i] = v.String()
	}
	specs := make([]string, len(n.specs))
	for i, s := range n.specs {
		specs[i] = s.String()
	}
	args := ""
	if len(ins) > 0 {
		args = "(" + strings.Join(ins, ", ") + ")"
	}
	p.line("%%%d = %s%s : %s", n.id, n.label(), args, strings.Join(specs, ", "))
}

func (p *printer) dot(n *node) {
	p.line("  n%d [label=%q]", n.id, n.label()+"\n"+n.specs[0].String())
	for _, v := range n.in {
		p.line("  n%d -> n%d", v.n.id, n.id)
	}
}
