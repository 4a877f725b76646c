package graph

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// Pass changes a graph so that it computes the same in less time or memory.
type Pass struct {
	Name string // for CREASE_PASSES
	Doc  string
	// Reassociates says that the pass may change the order of roundings, and so the
	// last bits of results. Such a pass runs only when it is asked for.
	Reassociates bool

	run   func(g *Graph) error // on the program
	place func(l *layouter)    // or on what places its values
}

// Places reports whether the pass changes where values lie, and not the program.
func (p Pass) Places() bool { return p.place != nil }

// Passes lists the passes in the order in which they run. The last ones do not change the
// program, but where its values lie.
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

// PassSet says which passes run.
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

// environment is the passes that CREASE_PASSES asks for.
var environment = sync.OnceValues(func() (PassSet, error) {
	s, err := ParsePasses(os.Getenv("CREASE_PASSES"))
	if err != nil {
		err = fmt.Errorf("CREASE_PASSES: %w", err)
	}
	return s, err
})

// settle carries out what a pass has decided: values that have another in their place
// are replaced by it, nodes that made nothing else go and those for which drop is true,
// and views follow what they view. drop may be nil.
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

// replaced reports whether other values are in the place of all that a node makes.
func (n *Node) replaced() bool {
	return len(n.out) > 0 && !slices.ContainsFunc(n.out, func(v *Value) bool { return v.instead == nil })
}

// update makes a node use what now stands in the place of its operands. A view is then one
// of their memory.
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

// resolve is the value that stands in v's place.
func (v *Value) resolve() *Value {
	for v.instead != nil {
		v = v.instead
	}
	return v
}

// facts is what passes ask about a graph.
type facts struct {
	writes  map[*Storage][]int // the places of effects on it, in order
	escapes map[*Storage]bool  // a result views it
}

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

// replace puts another value in the place of one, of which that then is what a result views.
func (f facts) replace(v, by *Value) {
	v.instead = by
	if f.escapes[v.storage] {
		f.escapes[by.storage] = true
	}
}

// fixed reports whether nothing in the graph changes the memory.
func (f facts) fixed(s *Storage) bool { return len(f.writes[s]) == 0 }

// quiet reports whether nothing changes the memory between two places: after the first
// and before the second.
func (f facts) quiet(s *Storage, after, before int) bool {
	for _, at := range f.writes[s] {
		if at > after && at < before {
			return false
		}
	}
	return true
}

// versionAt counts the effects on the memory before a place.
func (f facts) versionAt(s *Storage, pos int) int {
	list := f.writes[s]
	at, _ := slices.BinarySearch(list, pos)
	return at
}

// uses counts, by value, the nodes and results that name it, a node once for each time.
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

// lastUse is, by value that is a root, the last place at which a node reads or writes
// its memory; after all places for the roots of results.
func (g *Graph) lastUse() []int {
	last := make([]int, g.values)
	for i := range last {
		last[i] = -1
	}
	for _, n := range g.nodes {
		if n.view() {
			continue // it touches nothing
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
