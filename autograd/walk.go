package autograd

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// walk holds the state of one backward pass. Everything that has a gradient gets a number:
// first the leaves, in the order in which they are met, then the outputs of every node.
// Gradients are values of gb, which is the builder itself, or a Tape when the pass is
// recorded.
type walk struct {
	b, gb  ops.Builder
	o      Options
	nodes  []*node // between the outputs and the leaves, in the order of recording
	leaves []target
	number map[*Var]int // of a leaf, where there are many
	grads  []gradient   // by number
	stack  []*node
	call   ops.GradCall // room for the calls of rules
	roam   roamer       // of b, where the pass may lead to other devices
	blanks [8]ops.Absent
	blank  int // of them in use by the call
}

// target holds a leaf that the pass has met.
type target struct {
	v      *Var
	target bool // its gradient is wanted
}

// gradient holds what has been accumulated for a leaf or for an output of a node.
type gradient struct {
	val  ops.Value // owned by the pass
	sole bool      // the pass made its memory, and nothing else sees it
	keep bool      // it is wanted, although a node has made it
}

var walks = sync.Pool{New: func() any { return new(walk) }}

func begin(b ops.Builder, o Options) *walk {
	w := walks.Get().(*walk)
	w.b, w.gb, w.o = b, b, o
	if o.CreateGraph {
		w.gb = Tape{b}
	}
	return w
}

// end frees the gradients that are left and gives the nodes up for other passes.
func (w *walk) end() {
	for i := range w.grads {
		if w.grads[i].val != nil {
			w.free(w.grads[i].val)
		}
	}
	for _, n := range w.nodes {
		n.walk.Store(nil)
	}
	clear(w.nodes)
	clear(w.leaves)
	clear(w.grads)
	clear(w.stack[:cap(w.stack)])
	w.call.Clear()
	w.nodes, w.leaves, w.grads, w.stack = w.nodes[:0], w.leaves[:0], w.grads[:0], w.stack[:0]
	w.b, w.gb, w.roam, w.number = nil, nil, nil, nil
	walks.Put(w)
}

// many is the number of leaves from which on they are found by a map instead of a search.
const many = 16

// leaf returns the number of a leaf, -1 for one that has not been met.
func (w *walk) leaf(v *Var) int {
	if len(w.leaves) < many {
		for i := range w.leaves {
			if w.leaves[i].v == v {
				return i
			}
		}
		return -1
	}
	if w.number == nil {
		w.number = make(map[*Var]int, 2*many)
		for i := range w.leaves {
			w.number[w.leaves[i].v] = i
		}
	}
	if i, ok := w.number[v]; ok {
		return i
	}
	return -1
}

func (w *walk) meet(v *Var) {
	if w.leaf(v) < 0 {
		if w.number != nil {
			w.number[v] = len(w.leaves)
		}
		w.leaves = append(w.leaves, target{v: v})
	}
}

// index returns the number of a leaf or of an output of a node, -1 for one that the pass
// does not reach.
func (w *walk) index(s source) int {
	switch {
	case s.leaf != nil:
		return w.leaf(s.leaf)
	case s.node.walk.Load() != w:
		return -1
	}
	return s.node.first + s.index
}

// claim reserves a node for this pass. It returns false for one that the pass has already,
// and an error for one that another pass has.
func (w *walk) claim(n *node) (bool, error) {
	if n.walk.CompareAndSwap(nil, w) {
		return true, nil
	}
	if n.walk.Load() == w {
		return false, nil
	}
	return false, &ops.GradError{Reason: fmt.Sprintf("another goroutine is walking the record of %s: take gradients of one record one after the other", n.op.Name)}
}

// reach finds every node and leaf behind the outputs and numbers their gradients.
func (w *walk) reach(outs []*Var) error {
	for i, v := range outs {
		if !v.requires {
			return &ops.GradError{Reason: fmt.Sprintf("output %d (%s) depends on no variable that requires a gradient: call RequireGrad on one, then compute the output, outside of NoGrad", i, v.Spec())}
		}
		if s := v.source(); s.leaf != nil {
			w.meet(s.leaf)
		} else {
			w.stack = append(w.stack, s.node)
		}
	}
	moves := len(outs) > 1
	for len(w.stack) > 0 {
		n := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		fresh, err := w.claim(n)
		if err != nil {
			return err
		}
		if !fresh {
			continue
		}
		n.useful, moves = false, moves || n.op.Moves
		w.nodes = append(w.nodes, n)
		for i := range n.in {
			if from := n.in[i].from; from.node != nil {
				w.stack = append(w.stack, from.node)
			}
		}
	}
	if moves {
		w.roam, _ = w.b.(roamer)
	}
	slices.SortFunc(w.nodes, func(a, b *node) int { return cmp.Compare(a.seq, b.seq) })
	for _, n := range w.nodes {
		for i := range n.in {
			if v := n.in[i].from.leaf; v != nil {
				w.meet(v)
			}
		}
	}
	count := len(w.leaves)
	for _, n := range w.nodes {
		n.first = count
		count += len(n.out)
	}
	if cap(w.grads) < count {
		w.grads = make([]gradient, count)
	}
	w.grads = w.grads[:count]
	return nil
}

// aim marks the variables whose gradients are wanted, and the nodes by way of which they
// get them.
func (w *walk) aim(wrt []*Var) {
	for _, v := range wrt {
		s := v.source()
		at := w.index(s)
		switch {
		case at < 0:
		case s.leaf != nil:
			w.leaves[at].target = true
		default:
			w.grads[at].keep = true
		}
	}
	for _, n := range w.nodes { // inputs before users
		for i := range n.in {
			n.useful = n.useful || w.wanted(n.in[i].from)
		}
	}
}

// wanted reports whether the gradient of an input leads to a target.
func (w *walk) wanted(s source) bool {
	switch {
	case s.leaf != nil:
		return w.leaves[w.leaf(s.leaf)].target
	case s.node != nil:
		return s.node.useful || w.grads[s.node.first+s.index].keep
	}
	return false
}

// run seeds the outputs and walks every node between them and the targets.
func (w *walk) run(outs []*Var, seeds []ops.Value) error {
	for i, v := range outs {
		seed, fresh, err := w.seed(v, i, seeds)
		if err != nil {
			return err
		}
		w.add(w.index(v.source()), seed, fresh)
	}
	for _, n := range slices.Backward(w.nodes) {
		if n.useful {
			if err := w.step(n); err != nil {
				return err
			}
		}
	}
	if !w.o.Retain && !w.o.CreateGraph {
		for _, n := range w.nodes {
			n.release()
		}
	}
	return nil
}

// seed returns the gradient that an output begins with, and whether it was made for the pass.
func (w *walk) seed(v *Var, i int, seeds []ops.Value) (ops.Value, bool, error) {
	s := v.Spec()
	if i < len(seeds) && seeds[i] != nil {
		if !seeds[i].Spec().Equal(s) {
			return nil, false, &ops.GradError{Reason: fmt.Sprintf("the seed of output %d is %s and the output %s: give crease.Seeds a tensor of the output's type and shape, Cast or Reshape it", i, seeds[i].Spec(), s)}
		}
		d := seeds[i]
		if w.o.CreateGraph {
			d = asVar(d)
		}
		return share(d), false, nil
	}
	if s.Elements() != 1 {
		return nil, false, &ops.GradError{Reason: fmt.Sprintf("output %d has shape %s: reduce it to one element with Sum or Mean, or give the gradient of the output with crease.Seeds", i, shape.String(s.Shape))}
	}
	return ops.Ones(w.gb, s), true, nil
}

// roamer is implemented by builders of one device that know those of other devices.
type roamer interface {
	// For is the builder of a value's device.
	For(v ops.Value) ops.Builder
}

// at lets the pass go on with the builder of the device that a gradient is on. A record may
// lead from one device to another by ops that say so (ops.Op.Moves).
func (w *walk) at(d ops.Value) {
	if w.roam != nil {
		w.follow(d)
	}
}

func (w *walk) follow(d ops.Value) {
	if b := w.roam.For(raw(d)); b != w.b {
		w.b, w.gb = b, b
		if w.o.CreateGraph {
			w.gb = Tape{b}
		}
	}
}

// step applies the gradient rule of one node.
func (w *walk) step(n *node) error {
	g := &w.call
	g.Op, g.Attrs, g.In, g.Out, g.D, g.Needs = n.op, n.attrs, g.In[:0], g.Out[:0], g.D[:0], g.Needs[:0]
	w.blank = 0
	any := false
	for i := range n.out {
		d := w.grads[n.first+i].val
		g.D = append(g.D, d)
		if d != nil {
			any = true
			w.at(d)
		}
	}
	if !any {
		return nil
	}
	if n.op.NoGrad != "" {
		return &ops.GradError{Op: n.op.Name, Reason: n.op.NoGrad}
	}
	if n.walked {
		return &ops.GradError{Reason: fmt.Sprintf("the record of %s was released by an earlier backward pass: give that one crease.Retain(), or compute the output again", n.op.Name)}
	}
	if w.windowed(n) {
		w.drop(n)
		return nil
	}
	for i := range n.in {
		e := &n.in[i]
		g.Needs = append(g.Needs, w.wanted(e.from))
		v, err := w.value(n, &e.saved, "input", i, e.from)
		if err != nil {
			return err
		}
		g.In = append(g.In, v)
	}
	for i := range n.out {
		o := &n.out[i]
		v, err := w.value(n, &o.saved, "output", i, source{node: n, index: i})
		if err != nil {
			return err
		}
		g.Out = append(g.Out, v)
	}
	res := ops.Scoped(w.gb, func(b ops.Builder) []ops.Value {
		g.B = b
		return n.op.Grad(g)
	})
	return w.collect(n, g, res)
}

// windowed adds the gradient of a view that shows distinct elements to the same view of
// its input's gradient, which is made once: a rule would make an array of the input's
// size for every such view. A pass that is recorded needs the rule.
func (w *walk) windowed(n *node) bool {
	b, ok := w.b.(ops.Writer)
	if !ok || !n.op.Window || w.o.CreateGraph || !w.wanted(n.in[0].from) {
		return false
	}
	at := w.index(n.in[0].from)
	g, d := &w.grads[at], w.grads[n.first].val
	first := g.val == nil
	switch {
	case first:
		*g = gradient{val: ops.Zeros(b, n.in[0].Spec()), sole: true, keep: g.keep}
	case !g.sole:
		own := ops.Copy.Of(b, g.val)
		w.free(g.val)
		g.val, g.sole = own, true
	}
	window := n.op.With(b, n.attrs, g.val)
	if first {
		b.Assign(window, d)
	} else {
		b.ApplyInto(ops.Add, nil, []ops.Value{window, d}, []ops.Value{window})
	}
	release(window)
	return true
}

// absent returns a placeholder, which is valid during the call of a rule.
func (w *walk) absent(a ops.Absent) *ops.Absent {
	var at *ops.Absent
	if w.blank < len(w.blanks) {
		at = &w.blanks[w.blank]
		w.blank++
	} else {
		at = new(ops.Absent)
	}
	*at = a
	return at
}

// value returns a saved value for a rule, or an Absent placeholder if it was not saved.
func (w *walk) value(n *node, s *saved, what string, i int, from source) (ops.Value, error) {
	if !s.data {
		return w.absent(ops.Absent{S: s.Spec(), Op: n.op, What: what, Index: i}), nil
	}
	if s.changed() {
		return nil, &ops.GradError{Reason: fmt.Sprintf("%s %d of %s (%s) was changed in place after it was saved for the gradient; change a copy, or change it after Backward", what, i, n.op.Name, s.Spec())}
	}
	if !w.o.CreateGraph {
		return s.Value, nil
	}
	if from.leaf != nil {
		return from.leaf, nil
	}
	return &Var{val: s.Value, node: from.node, index: from.index, requires: from.node != nil && s.Spec().DType.IsFloat()}, nil
}

// collect adds a rule's results to the gradients of the node's inputs and drops
// those of its outputs.
func (w *walk) collect(n *node, g *ops.GradCall, res []ops.Value) error {
	if len(res) != len(n.in) {
		return &ops.GradError{Op: n.op.Name, Reason: fmt.Sprintf("the rule returned %d gradients for %d inputs", len(res), len(n.in))}
	}
	for i, d := range res {
		if d == nil {
			// An input may depend on just those outputs that nothing flows back from.
			if g.Needs[i] && !slices.Contains(g.D, nil) {
				return &ops.GradError{Op: n.op.Name, Reason: fmt.Sprintf("the rule returned nothing for input %d", i)}
			}
			continue
		}
		if !d.Spec().Equal(n.in[i].Spec()) {
			return &ops.GradError{Op: n.op.Name, Reason: fmt.Sprintf("the rule returned %s for input %d of %s", d.Spec(), i, n.in[i].Spec())}
		}
		switch saved := contains(g.In, d) || contains(g.Out, d); {
		case g.Needs[i]:
			v, sole := w.own(n, g, res, i, saved)
			w.at(v)
			w.add(w.index(n.in[i].from), v, sole)
		case !saved && !contains(g.D, d) && !contains(res[:i], d) && !needed(g, res, 0, len(res), d):
			w.free(d)
		}
	}
	w.drop(n)
	return nil
}

// own returns result i of a rule as a handle that the pass owns, and whether nothing else
// refers to its memory. A rule may return one value several times, and may return what it
// was given. In the latter case the gradient of the output is handed over to the last input
// that it is returned for.
func (w *walk) own(n *node, g *ops.GradCall, res []ops.Value, i int, saved bool) (d ops.Value, sole bool) {
	d = res[i]
	earlier := needed(g, res, 0, i, d)
	if at := slices.Index(g.D, d); at >= 0 && !saved && !needed(g, res, i+1, len(res), d) {
		if from := &w.grads[n.first+at]; !from.keep {
			from.val = nil
			return d, from.sole && !earlier
		}
	}
	if earlier || saved || contains(g.D, d) {
		d = share(d)
	}
	return d, false
}

// needed reports whether a value is among the results of a rule that are needed, of those
// from one number up to another, exclusive.
func needed(g *ops.GradCall, res []ops.Value, from, to int, d ops.Value) bool {
	for i := from; i < to; i++ {
		if g.Needs[i] && res[i] == d {
			return true
		}
	}
	return false
}

// drop frees the gradients of a node's outputs, but for those that are wanted.
func (w *walk) drop(n *node) {
	for i := range n.out {
		if g := &w.grads[n.first+i]; g.val != nil && !g.keep {
			w.free(g.val)
			g.val = nil
		}
	}
}

// add accumulates a gradient that the pass owns. sole says that nothing else refers to its
// memory.
func (w *walk) add(at int, d ops.Value, sole bool) {
	g := &w.grads[at]
	if g.val == nil {
		g.val, g.sole = d, sole
		return
	}
	if b, ok := w.b.(ops.Writer); ok && g.sole && !w.o.CreateGraph {
		b.ApplyInto(ops.Add, nil, []ops.Value{g.val, d}, []ops.Value{g.val})
		w.free(d)
		return
	}
	sum := ops.Add.Of(w.gb, g.val, d)
	w.free(g.val)
	w.free(d)
	g.val, g.sole = sum, true
}

// take hands a gradient over to the caller in memory of its own. With again set it remains
// with the pass, for another caller.
func (w *walk) take(at int, again bool) *Var {
	g := &w.grads[at]
	d := g.val
	if again {
		d = share(d)
	} else {
		g.val = nil
	}
	w.at(d)
	switch o, ok := w.b.(ops.Owner); {
	case ok && !w.o.CreateGraph:
		d = o.Own(d)
	case ok:
		own := ops.Copy.Of(w.gb, d)
		w.free(d)
		d = own
	}
	return asVar(d)
}

// discard frees gradients that were taken and are not handed over.
func (w *walk) discard(list []*Var) {
	for _, v := range list {
		w.free(v)
	}
}

// free releases the walk's handle of a gradient; a record keeps handles of its
// own of what it saved.
func (w *walk) free(d ops.Value) { release(raw(d)) }
