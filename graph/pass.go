package graph

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Pass is a rewriting of graphs, after which they compute the same in less time or memory.
type Pass struct {
	Name string // for CREASE_PASSES
	Doc  string
	// Reassociates says that the pass may change the order of roundings, and so the
	// last bits of results. Such a pass runs only when it is asked for.
	Reassociates bool

	run   func(g *Graph) error // rewrites the program, or
	place func(l *layouter)    // changes where its values lie
}

// Places reports whether the pass leaves the program as it is and only changes where its
// values lie in memory.
func (p Pass) Places() bool { return p.place != nil }

// Passes returns the passes in the order in which they run. The last ones leave the program
// as it is and change where its values lie in memory.
func Passes() []Pass { return slices.Clone(passes) }

var passes []Pass

func init() {
	passes = []Pass{
		{Name: "dead", Doc: "drops what neither a result nor an effect needs", run: (*Graph).dead},
		{Name: "cse", Doc: "computes what is the same only once", run: (*Graph).cse},
		{Name: "fold", Doc: "computes what depends on constants alone, once, when the graph is compiled", run: (*Graph).fold},
		{Name: "algebra", Doc: "drops pairs that undo each other and products with 1", run: (*Graph).algebra},
		{Name: "copies", Doc: "drops copies that nobody could tell from what they copy", run: (*Graph).copies},
		{Name: "lower", Doc: "records ops for which the device has no kernel as simpler ones", run: (*Graph).lower},
		{Name: "epilogue", Doc: "moves biases and activations into the products before them", run: (*Graph).epilogue},
		{Name: "fuse", Doc: "computes chains and trees of elementwise ops in one pass over memory", run: (*Graph).fuse},
		{Name: "sweep", Doc: "drops what the passes before left behind", run: (*Graph).dead},
		{Name: "into", Doc: "writes results where they are assigned to", place: (*layouter).into},
		{Name: "inplace", Doc: "writes results over operands that are not needed any more", place: (*layouter).inPlace},
		{Name: "arena", Doc: "puts values that are not alive at the same time at the same place", place: (*layouter).arena},
	}
}

// PassSet says which passes run. The zero value runs all but those that reassociate.
type PassSet struct{ changed map[string]bool }

// On reports whether a pass runs.
func (s PassSet) On(name string) bool {
	if on, ok := s.changed[name]; ok {
		return on
	}
	for _, p := range passes {
		if p.Name == name {
			return !p.Reassociates
		}
	}
	return false
}

// ParsePasses reads a list as in "-fuse,-arena": a pass with a minus does not run, one
// with a plus runs although it is off by default, and "-all" means every pass.
func ParsePasses(list string) (PassSet, error) {
	s := PassSet{map[string]bool{}}
	if strings.TrimSpace(list) == "" {
		return s, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		name, off := strings.CutPrefix(part, "-")
		if !off {
			var on bool
			if name, on = strings.CutPrefix(part, "+"); !on {
				return s, fmt.Errorf("passes %q: %q has no sign: want -NAME to leave a pass out, +NAME to ask for one", list, part)
			}
		}
		var names []string
		found := false
		for _, p := range passes {
			names = append(names, p.Name)
			if p.Name == name || name == "all" && off {
				s.changed[p.Name], found = !off, true
			}
		}
		if !found {
			return s, fmt.Errorf("passes %q: there is no pass %q; there are %s", list, name, strings.Join(names, ", "))
		}
	}
	return s, nil
}

// environment returns the passes that CREASE_PASSES asks for, or what is wrong with its value.
var environment = sync.OnceValues(func() (PassSet, error) {
	s, err := ParsePasses(os.Getenv("CREASE_PASSES"))
	if err != nil {
		err = fmt.Errorf("CREASE_PASSES: %w", err)
	}
	return s, err
})

// settle carries out what a pass has decided. Operands and results that the pass gave a
// substitute are replaced by it. Nodes whose results all have substitutes are removed, as
// are those for which drop returns true. Views are updated to lie in the memory of what
// they now view. drop may be nil.
func (g *Graph) settle(drop func(*Node) bool) {
	kept := g.nodes[:0]
	for _, n := range g.nodes {
		g.update(n)
		if n.replaced() || drop != nil && drop(n) {
			n.free()
			continue
		}
		n.pos = len(kept)
		kept = append(kept, n)
	}
	clear(g.nodes[len(kept):])
	g.nodes = kept
	for i, v := range g.results {
		g.results[i] = v.resolve()
	}
}

// replaced reports whether every result of the node has a substitute.
func (n *Node) replaced() bool {
	return len(n.out) > 0 && !slices.ContainsFunc(n.out, func(v *Value) bool { return v.instead == nil })
}

// update replaces the node's operands by their substitutes. If the node is a view, its
// result then lies in the memory of the new operand.
func (g *Graph) update(n *Node) {
	for i, v := range n.in {
		n.in[i] = v.resolve()
	}
	if n.view() {
		v, x := n.out[0], n.in[0]
		shift, _, _ := n.plan.View()
		v.root, v.shift, v.storage = x.root, x.shift+shift, x.storage
	}
}

// resolve follows substitutes to the value that v is replaced by, v itself if there is none.
func (v *Value) resolve() *Value {
	for v.instead != nil {
		v = v.instead
	}
	return v
}

// facts holds what passes ask about a graph. It is computed once, at the start of a pass.
type facts struct {
	writes  map[*Storage][]int // the positions of the assignments to it, ascending
	escapes map[*Storage]bool  // whether a result of the graph is a view of it
}

// facts collects the facts about the graph as it is.
func (g *Graph) facts() facts {
	f := facts{writes: map[*Storage][]int{}, escapes: map[*Storage]bool{}}
	for _, n := range g.nodes {
		if n.kind == Assign {
			s := n.in[0].storage
			f.writes[s] = append(f.writes[s], n.pos)
		}
	}
	for _, v := range g.results {
		f.escapes[v.storage] = true
	}
	return f
}

// replace makes by the substitute of v. If a result was a view of v's memory, it will be
// one of by's.
func (f facts) replace(v, by *Value) {
	v.instead = by
	if f.escapes[v.storage] {
		f.escapes[by.storage] = true
	}
}

// fixed reports whether nothing in the graph assigns to the memory.
func (f facts) fixed(s *Storage) bool { return len(f.writes[s]) == 0 }

// quiet reports whether nothing assigns to the memory between two positions of the program,
// both exclusive.
func (f facts) quiet(s *Storage, after, before int) bool {
	for _, at := range f.writes[s] {
		if at > after && at < before {
			return false
		}
	}
	return true
}

// versionAt returns how many assignments to the memory come before a position.
func (f facts) versionAt(s *Storage, pos int) int {
	list := f.writes[s]
	at, _ := slices.BinarySearch(list, pos)
	return at
}

// uses returns for every value how often it is an operand of a node or a result of the graph.
func (g *Graph) uses() []int {
	n := make([]int, g.values)
	for _, node := range g.nodes {
		for _, v := range node.in {
			n[v.id]++
		}
	}
	for _, v := range g.results {
		n[v.id]++
	}
	return n
}

// lastUse returns for every value that has memory of its own the last position at which a
// node reads or writes that memory, -1 if none does. For the memory of results it is the
// position after the last node.
func (g *Graph) lastUse() []int {
	last := make([]int, g.values)
	for i := range last {
		last[i] = -1
	}
	for _, n := range g.nodes {
		if n.view() {
			continue // a view reads no memory
		}
		for _, v := range n.in {
			last[v.root.id] = n.pos
		}
	}
	for _, v := range g.results {
		last[v.root.id] = len(g.nodes)
	}
	return last
}
