package graph

import (
	"cmp"
	"slices"

	"github.com/crease-ml/crease/exec"
)

// align is the alignment of places in the arena, in bytes. It is the size of a cache line
// and covers what devices ask for vectors.
const align = 256

// slot holds a part of the arena in which values lie one after another.
type slot struct {
	bytes       int
	first, last int // places in the program between which it is needed
	empty       bool
	offset      int
}

// slots gives every value that a node computes, and that is no result of the graph, a slot
// of its own. Later passes let slots be shared.
func (l *layouter) slots() {
	for _, n := range l.g.nodes {
		made := n.kind == Apply && !n.view() || n.kind == Const && l.changes(n.out[0])
		if !made {
			continue
		}
		for _, v := range n.out {
			if p := &l.places[v.id]; p.kind == nowhere {
				bytes := (v.layout.Bytes() + align - 1) / align * align
				p.kind, p.slot = inArena, &slot{bytes: bytes, first: n.pos, last: max(n.pos, l.last[v.id]), offset: l.x.arena}
				l.x.slots = append(l.x.slots, p.slot)
				l.x.arena += bytes
			}
		}
	}
	l.x.unplanned = l.x.arena
}

// changes reports whether a constant that is used changes in the course of a run: it then
// begins every run as a copy.
func (l *layouter) changes(v *Value) bool { return l.last[v.id] >= 0 && !l.facts.fixed(v.storage) }

// inPlace lets a result take the slot of an operand that nothing uses later, where the
// kernel reads every element of the operand before it writes the result's element to the
// same address.
func (l *layouter) inPlace() {
	for _, n := range l.g.nodes {
		for i, v := range n.out {
			if p := &l.places[v.id]; p.kind == inArena {
				if s := l.reuse(n, i); s != nil {
					s.last = max(s.last, p.slot.last)
					p.slot.empty = true
					p.slot = s
				}
			}
		}
	}
}

// reuse returns the slot of an operand that result i may be written over, or nil.
func (l *layouter) reuse(n *Node, i int) *slot {
	if n.plan == nil || n.view() || n.plan.Step() != exec.Kernel || n.plan.Launch().InPlace == nil {
		return nil
	}
	for _, v := range n.in {
		p := l.places[v.root.id]
		if p.kind == inArena && p.slot.last == n.pos && v.layout.Equal(n.out[i].layout) && overwrites(n, i, v.root) &&
			// another result may have taken the slot
			!slices.ContainsFunc(n.out[:i], func(w *Value) bool { return l.places[w.id].slot == p.slot }) {
			return p.slot
		}
	}
	return nil
}

// overwrites reports whether the kernel may write result i over a value: every operand that
// is a view of the value must show it in its own layout, and the kernel must allow it.
func overwrites(n *Node, i int, root *Value) bool {
	for k, v := range n.in {
		if v.root == root && (!v.whole() || !n.plan.Launch().InPlace(i, k)) {
			return false
		}
	}
	return true
}

// into finds values that can be computed directly in the memory that they are assigned to.
func (l *layouter) into() {
	reads := make([]int, len(l.places)) // of each root's memory
	for _, n := range l.g.nodes {
		if !n.view() {
			for _, v := range n.in {
				reads[v.root.id]++
			}
		}
	}
	for _, a := range l.g.nodes {
		if a.kind != Assign {
			continue
		}
		dst, src := a.in[0], a.in[1]
		x := src.root
		n := x.node
		if n.kind != Apply || !src.whole() || l.places[x.id].kind != inArena || !l.facts.fixed(x.storage) || l.last[x.id] != a.pos ||
			dst.root.node.pos >= n.pos || n.plan.Step() != exec.Kernel || !l.writable(n, x.index, dst) || l.touched(dst.storage, n.pos, a.pos) {
			continue
		}
		if !dst.layout.Equal(x.layout) {
			if reads[x.id] > 1 { // others were planned for the layout that it has now
				continue
			}
			p, err := l.g.engine.PlanInto(n.op, n.attrs, layoutsOf(n.in), l.targets(n, x.index, dst))
			if err != nil || p.Step() != exec.Kernel {
				continue
			}
		}
		l.places[x.id].slot.empty = true
		l.places[x.id] = place{kind: inValue, over: dst}
	}
}

// writable reports whether a node may write result i over dst: nothing that it reads or
// writes elsewhere overlaps, but for an operand that is dst and that the kernel works
// over.
func (l *layouter) writable(n *Node, i int, dst *Value) bool {
	launch := n.plan.Launch()
	for k, v := range n.in {
		if v.storage != dst.storage {
			continue
		}
		same := v.root == dst.root && v.shift == dst.shift && v.layout.Equal(dst.layout)
		if !same || launch.InPlace == nil || !launch.InPlace(i, k) {
			return false
		}
	}
	for k, v := range n.out {
		if p := l.places[v.id]; k != i && p.kind == inValue && p.over.storage == dst.storage {
			return false
		}
	}
	return true
}

// touched reports whether a node between two positions reads or assigns to a memory.
func (l *layouter) touched(s *Storage, after, before int) bool {
	for _, n := range l.g.nodes[after+1 : before] {
		if !n.view() && slices.ContainsFunc(n.in, func(v *Value) bool { return v.storage == s }) {
			return true
		}
	}
	return false
}

// targets returns the layouts of a node's results for the case that result i is written
// over dst.
func (l *layouter) targets(n *Node, i int, dst *Value) []*exec.Layout {
	out := layoutsOf(n.out)
	for k, v := range n.out {
		if p := l.places[v.id]; p.kind == inValue {
			out[k] = p.over.layout
		}
	}
	if dst != nil {
		out[i] = dst.layout
	}
	return out
}

// layoutsInto returns targets if they differ from the layouts of the results, else nil.
func (l *layouter) layoutsInto(n *Node) []*exec.Layout {
	for _, v := range n.out {
		if p := l.places[v.id]; p.kind == inValue && !p.over.layout.Equal(v.layout) {
			return l.targets(n, 0, nil)
		}
	}
	return nil
}

// arena gives every slot its offset. It places the largest slot first, and each at the
// lowest offset at which no slot lies that is needed at the same time (greedy by size:
// Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
func (l *layouter) arena() {
	order := slices.Clone(l.taken())
	slices.SortStableFunc(order, func(a, b *slot) int { return cmp.Compare(b.bytes, a.bytes) })
	l.x.arena = 0
	var placed []*slot // by offset
	for _, s := range order {
		at := 0
		for _, o := range placed {
			if o.last < s.first || s.last < o.first {
				continue
			}
			if at+s.bytes <= o.offset {
				break
			}
			at = max(at, o.offset+o.bytes)
		}
		s.offset = at
		i, _ := slices.BinarySearchFunc(placed, s, func(a, b *slot) int { return cmp.Compare(a.offset, b.offset) })
		placed = slices.Insert(placed, i, s)
		l.x.arena = max(l.x.arena, at+s.bytes)
	}
}

// taken returns the slots that hold a value.
func (l *layouter) taken() []*slot {
	l.x.slots = slices.DeleteFunc(l.x.slots, func(s *slot) bool { return s.empty })
	return l.x.slots
}
