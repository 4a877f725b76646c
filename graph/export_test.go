package graph

import (
	"slices"

	"github.com/crease-ml/crease/ops"
)

// mistakes are what could go wrong in each pass, by its name.
var mistakes = map[string]func(Pass) Pass{
	"dead":     during(private),
	"cse":      during(effectless),
	"fold":     during(effectless),
	"algebra":  during(effectless),
	"copies":   during(effectless),
	"lower":    swapped,
	"epilogue": during(effectless),
	"fuse":     during(effectless),
	"sweep":    during(private),
	"into":     placing(unread),
	"inplace":  placing(short),
	"arena":    placing(short),
}

// Plant makes the mistake of a pass until it is taken back.
func Plant(name string) (restore func()) {
	i := slices.IndexFunc(passes, func(p Pass) bool { return p.Name == name })
	p := passes[i]
	passes[i] = mistakes[name](p)
	return func() { passes[i] = p }
}

// during runs a pass on a graph that looks otherwise.
func during(change func(*Graph) (restore func())) func(Pass) Pass {
	return func(p Pass) Pass {
		run := p.run
		p.run = func(g *Graph) error {
			defer change(g)()
			return run(g)
		}
		return p
	}
}

// effectless hides all effects.
func effectless(g *Graph) func() {
	var hidden []*Node
	for _, n := range g.nodes {
		if n.kind == Assign {
			n.kind = 255
			hidden = append(hidden, n)
		}
	}
	return func() {
		for _, n := range hidden {
			n.kind = Assign
		}
	}
}

// private makes everybody's memory the graph's own.
func private(g *Graph) func() {
	for _, v := range g.inputs {
		v.storage.external = false
	}
	return func() {
		for _, v := range g.inputs {
			v.storage.external = true
		}
	}
}

// swapped mixes up the operands of what a lowering has recorded.
func swapped(p Pass) Pass {
	run := p.run
	p.run = func(g *Graph) error {
		before := slices.Clone(g.nodes)
		err := run(g)
		for _, n := range g.nodes {
			if n.kind == Apply && len(n.in) == 2 && n.in[0].layout.Equal(n.in[1].layout) && !slices.Contains(before, n) {
				n.in[0], n.in[1] = n.in[1], n.in[0]
			}
		}
		return err
	}
	return p
}

// placing runs a pass that places values with other facts.
func placing(change func(*layouter) (restore func())) func(Pass) Pass {
	return func(p Pass) Pass {
		place := p.place
		p.place = func(l *layouter) {
			defer change(l)()
			place(l)
		}
		return p
	}
}

// unread hides what ops read.
func unread(l *layouter) func() {
	hidden := map[*Node][]*Value{}
	for _, n := range l.g.nodes {
		if n.kind == Apply {
			hidden[n], n.in = n.in, nil
		}
	}
	return func() {
		for n, in := range hidden {
			n.in = in
		}
	}
}

// short lets all values end where they begin.
func short(l *layouter) func() {
	for _, p := range l.places {
		if p.slot != nil {
			p.slot.last = p.slot.first
		}
	}
	return func() {}
}

// Same reports whether common sub-expression elimination takes two values for one: by their
// hashes, and where those collide.
func (g *Graph) Same(a, b ops.Value) (hash, same bool) {
	f := g.facts()
	for _, n := range g.nodes {
		g.update(n)
	}
	n, m := a.(*Value).node, b.(*Value).node
	return f.hash(n) == f.hash(m), f.same(n, m)
}
