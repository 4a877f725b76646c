package graph

import (
	"errors"
	"fmt"
	"time"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Options of a compilation.
type Options struct {
	// Passes says which passes run; nil stands for what CREASE_PASSES says.
	Passes *PassSet
	// Observe (optional) is called with an empty name before the first pass, and with the
	// pass's name after every pass that has run.
	Observe func(pass string, g *Graph)
}

// Compile makes the given values the results of the graph, runs the passes and lays the
// program out in memory. Afterwards the graph belongs to the executable: it can be dumped,
// and nothing more can be recorded in it.
func (g *Graph) Compile(outputs ...ops.Value) (*Executable, error) {
	return g.CompileWith(Options{}, outputs...)
}

// CompileWith is Compile with options. After an error, all memory has been given back.
func (g *Graph) CompileWith(o Options, outputs ...ops.Value) (x *Executable, err error) {
	if g.compiled {
		return nil, errors.New("graph: it has been compiled already: record a new one")
	}
	for i, v := range outputs {
		if !g.Owns(v) {
			return nil, fmt.Errorf("graph: output %d (%T) is not a value of this graph", i, v)
		}
		g.results = append(g.results, v.(*Value))
	}
	set := o.Passes
	if set == nil {
		s, err := environment()
		if err != nil {
			return nil, err
		}
		set = &s
	}
	g.compiled = true
	defer func() {
		if err != nil {
			g.free()
		}
	}()
	if o.Observe != nil {
		o.Observe("", g)
	}
	for _, p := range passes {
		if p.run == nil || !set.On(p.Name) {
			continue
		}
		began, before := time.Now(), len(g.nodes)
		if err := p.run(g); err != nil {
			return nil, fmt.Errorf("graph: pass %s: %w", p.Name, err)
		}
		tracePass(p.Name, before, len(g.nodes), began)
		if o.Observe != nil {
			o.Observe(p.Name, g)
		}
	}
	x, err = g.layout(*set)
	if err == nil {
		x.trace()
	}
	return x, err
}

// free gives back the memory of constants that passes have computed.
func (g *Graph) free() {
	for _, n := range g.nodes {
		n.free()
	}
}

// layout decides where every value lies in memory and turns the nodes into instructions
// whose operands are such places.
func (g *Graph) layout(set PassSet) (*Executable, error) {
	l := &layouter{g: g, facts: g.facts(), last: g.lastUse(), places: make([]place, g.values), x: &Executable{g: g, engine: g.engine}}
	l.inputs()
	l.results()
	l.slots()
	for _, p := range passes {
		if p.place != nil && set.On(p.Name) {
			began := time.Now()
			p.place(l)
			tracePass(p.Name, len(l.g.nodes), len(l.g.nodes), began)
		}
	}
	l.taken()
	l.room()
	for _, n := range g.nodes {
		if err := l.emit(n); err != nil {
			l.x.Close()
			return nil, err
		}
	}
	l.x.bind(l)
	return l.x, nil
}

// place says where a value with memory of its own lies.
type place struct {
	kind  placeKind
	index int    // which input, result or constant
	slot  *slot  // of a place in the arena
	over  *Value // the value whose memory it is written into
}

type placeKind uint8

const (
	nowhere placeKind = iota
	inArena
	inInput
	inResult // in memory that is allocated for every run and given to the caller
	inConst
	inValue // in the memory of another value, see into
)

// layouter holds a graph while it is laid out, and the executable that it becomes.
type layouter struct {
	g      *Graph
	facts  facts
	last   []int   // by value: see lastUse
	places []place // by value; set for those with memory of their own
	x      *Executable
}

// inputs places the inputs of the graph.
func (l *layouter) inputs() {
	l.x.inputs = make([]*exec.Layout, len(l.g.inputs))
	for i, v := range l.g.inputs {
		l.x.inputs[i] = v.layout
		l.places[v.id] = place{kind: inInput, index: i}
	}
}

// results decides how the caller gets each result. A result that is a view of an input
// shares its memory, as it would eagerly. A constant is copied, since the caller may
// change what he gets.
func (l *layouter) results() {
	made := map[*Value]int{} // root to the number of its memory
	for _, v := range l.g.results {
		root := v.root
		out := output{layout: v.layout, shift: v.shift}
		switch root.node.kind {
		case Input:
			out.kind, out.index = inInput, l.places[root.id].index
		default:
			k, known := made[root]
			if !known {
				k = len(l.x.made)
				made[root] = k
				l.x.made = append(l.x.made, root.layout)
				if root.node.kind != Const || !l.facts.fixed(root.storage) {
					l.places[root.id] = place{kind: inResult, index: k}
				} else {
					l.x.copied = append(l.x.copied, copied{value: root, made: k})
				}
			}
			out.kind, out.index = inResult, k
		}
		l.x.outputs = append(l.x.outputs, out)
	}
}

// room allocates, once for the whole program, the lists that instructions take parts of.
func (l *layouter) room() {
	count, operands := 0, 0
	for _, n := range l.g.nodes {
		if n.kind != Input && !n.view() {
			count++
			operands += len(n.in) + max(len(n.out), 2) // a constant may become a copy
		}
	}
	l.x.program = make([]instruction, 0, count)
	l.x.operands, l.x.refs = make([]hal.Operand, operands), make([]*Value, operands)
}

// emit appends the instruction of a node, if it needs one.
func (l *layouter) emit(n *Node) error {
	switch {
	case n.kind == Input || n.view():
		return nil
	case n.kind == Const:
		return l.constant(n)
	case n.kind == Assign:
		return l.effect(n)
	}
	in := instruction{plan: n.plan, op: n.op, attrs: n.attrs, node: n}
	if into := l.layoutsInto(n); into != nil {
		p, err := l.g.engine.PlanInto(n.op, n.attrs, layoutsOf(n.in), into)
		if err != nil {
			return err
		}
		in.plan = p
	}
	l.x.add(in, n.in, n.out)
	return nil
}

// layoutsOf returns the layouts of values.
func layoutsOf(list []*Value) []*exec.Layout {
	out := make([]*exec.Layout, len(list))
	for i, v := range list {
		out[i] = v.layout
	}
	return out
}

// constant uploads a constant, if it is used. For a constant that the program assigns to, it
// emits a copy, so that every run begins with the constant's own elements.
func (l *layouter) constant(n *Node) error {
	v := n.out[0]
	if l.last[v.id] < 0 && !l.facts.escapes[v.storage] {
		return nil
	}
	a := n.array
	n.array = nil
	if a == nil {
		var err error
		if a, err = l.g.engine.Upload(*n.host); err != nil {
			return err
		}
	}
	k := len(l.x.consts)
	l.x.consts = append(l.x.consts, a)
	if l.facts.fixed(v.storage) {
		l.places[v.id] = place{kind: inConst, index: k}
		return nil
	}
	p, err := l.g.engine.Plan(ops.Copy, nil, []*exec.Layout{v.layout})
	if err != nil {
		return err
	}
	from := &Value{layout: v.layout, id: len(l.places)}
	from.root = from
	l.places = append(l.places, place{kind: inConst, index: k})
	l.x.add(instruction{plan: p, op: ops.Copy, node: n}, []*Value{from}, []*Value{v})
	return nil
}

// effect emits the copy that an assignment amounts to, unless the value has been computed
// in the memory that it is assigned to.
func (l *layouter) effect(n *Node) error {
	dst, src := n.in[0], n.in[1]
	if dst.root.node.kind == Input {
		l.x.touches = append(l.x.touches, l.places[dst.root.id].index)
	}
	if l.places[src.root.id].kind == inValue && l.places[src.root.id].over == dst {
		return nil
	}
	p, err := l.g.engine.PlanInto(ops.Copy, nil, []*exec.Layout{src.layout}, []*exec.Layout{dst.layout})
	if err != nil {
		return err
	}
	l.x.add(instruction{plan: p, op: ops.Copy, node: n}, []*Value{src}, []*Value{dst})
	return nil
}
