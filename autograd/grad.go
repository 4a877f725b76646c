package autograd

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Options of a backward pass.
type Options struct {
	// CreateGraph records the pass itself, for gradients of gradients. It
	// implies Retain.
	CreateGraph bool
	// Retain keeps the saved values for another pass over the same record.
	Retain bool
}

// Grad is the gradient of the sum of seeds·outs with respect to every variable
// of wrt. A nil seed stands for ones and is allowed for one-element outputs only.
// Errors are *ops.GradError: an output that depends on no variable, a variable
// that no output depends on, an op without a gradient on the way, a saved value
// that was changed in place, or a record already released. The caller owns the
// results.
func Grad(b ops.Builder, outs []*Var, seeds []ops.Value, wrt []*Var, o Options) ([]*Var, error) {
	w := newWalk(b, o)
	targets := map[source]bool{}
	for i, v := range wrt {
		if !v.requires {
			return nil, &ops.GradError{Reason: fmt.Sprintf("variable %d (%s) does not require a gradient", i, v.Spec())}
		}
		targets[v.source()] = true
	}
	if err := w.run(outs, seeds, targets); err != nil {
		return nil, err
	}
	res := make([]*Var, len(wrt))
	taken := map[source]bool{}
	for i, v := range wrt {
		g := w.grads[v.source()]
		if g == nil {
			w.drop()
			return nil, &ops.GradError{Reason: fmt.Sprintf("variable %d (%s) was not used to compute the output", i, v.Spec())}
		}
		if taken[v.source()] {
			g = share(g)
		}
		taken[v.source()] = true
		res[i] = asVar(g)
	}
	return res, nil
}

// Backward accumulates the gradient of one output on the leaves it depends on.
func Backward(b ops.Builder, out *Var, seed ops.Value, o Options) error {
	w := newWalk(b, o)
	leaves := w.leaves(out)
	targets := map[source]bool{}
	for _, v := range leaves {
		targets[v.source()] = true
	}
	if err := w.run([]*Var{out}, []ops.Value{seed}, targets); err != nil {
		return err
	}
	for _, v := range leaves {
		g := w.grads[v.source()]
		if g == nil {
			continue
		}
		if v.grad == nil {
			v.grad = asVar(g)
			continue
		}
		sum := Apply(b, o.CreateGraph, ops.Add, nil, v.grad, asVar(g))[0]
		release(v.grad.val)
		release(asVar(g).val)
		v.grad = sum
	}
	return nil
}

func asVar(v ops.Value) *Var {
	if x, ok := v.(*Var); ok {
		return x
	}
	return Constant(v)
}

// walk is one backward pass. Gradients are values of gb: the builder itself,
// or variables when the pass is recorded.
type walk struct {
	b, gb ops.Builder
	o     Options
	grads map[source]ops.Value // owned
	keep  map[source]bool
}

func newWalk(b ops.Builder, o Options) *walk {
	w := &walk{b: b, gb: b, o: o, grads: map[source]ops.Value{}}
	if o.CreateGraph {
		w.gb = Tape{b}
	}
	return w
}

// run seeds the outputs and walks every node between them and the targets.
func (w *walk) run(outs []*Var, seeds []ops.Value, targets map[source]bool) error {
	w.keep = targets
	var roots []*node
	for i, v := range outs {
		if !v.requires {
			w.drop()
			return &ops.GradError{Reason: fmt.Sprintf("output %d (%s) depends on no variable that requires a gradient", i, v.Spec())}
		}
		seed, err := w.seed(v, i, seeds)
		if err != nil {
			w.drop()
			return err
		}
		w.add(v.source(), seed)
		if v.node != nil {
			roots = append(roots, v.node)
		}
	}
	nodes := reachable(roots)
	useful := map[*node]bool{}
	for _, n := range nodes { // inputs before users
		for _, e := range n.in {
			if targets[e.from] || e.from.node != nil && useful[e.from.node] {
				useful[n] = true
			}
		}
	}
	for _, n := range slices.Backward(nodes) {
		if !useful[n] {
			continue
		}
		if err := w.step(n, useful); err != nil {
			w.drop()
			return err
		}
	}
	for s, d := range w.grads { // seeds of outputs that no target reaches
		if !targets[s] {
			w.free(d)
			delete(w.grads, s)
		}
	}
	if !w.o.Retain && !w.o.CreateGraph {
		for _, n := range nodes {
			n.release()
		}
	}
	return nil
}

func (w *walk) seed(v *Var, i int, seeds []ops.Value) (ops.Value, error) {
	s := v.Spec()
	if i < len(seeds) && seeds[i] != nil {
		if !seeds[i].Spec().Equal(s) {
			return nil, &ops.GradError{Reason: fmt.Sprintf("the seed of output %d is %s, the output %s", i, seeds[i].Spec(), s)}
		}
		d := seeds[i]
		if w.o.CreateGraph {
			d = asVar(d)
		}
		return share(d), nil
	}
	if s.Elements() != 1 {
		return nil, &ops.GradError{Reason: fmt.Sprintf("output %d has shape %s: reduce it to one element (Sum or Mean) or pass the gradient of the output", i, shape.String(s.Shape))}
	}
	return ops.Ones(w.gb, s), nil
}

// step applies the gradient rule of one node.
func (w *walk) step(n *node, useful map[*node]bool) error {
	d := make([]ops.Value, len(n.out))
	any := false
	for i := range n.out {
		d[i] = w.grads[source{node: n, index: i}]
		any = any || d[i] != nil
	}
	if !any {
		return nil
	}
	if n.op.NoGrad != "" {
		return &ops.GradError{Op: n.op.Name, Reason: n.op.NoGrad}
	}
	if n.walked {
		return &ops.GradError{Reason: fmt.Sprintf("the record of %s was released by an earlier backward pass; ask that pass to retain it", n.op.Name)}
	}
	g := &ops.GradCall{Op: n.op, Attrs: n.attrs, D: d, Needs: make([]bool, len(n.in))}
	for i := range n.in {
		e := &n.in[i]
		g.Needs[i] = e.from != source{} && (w.keep[e.from] || useful[e.from.node])
		v, err := w.value(n, &e.saved, e.spec, fmt.Sprintf("input %d", i), e.from)
		if err != nil {
			return err
		}
		g.In = append(g.In, v)
	}
	for i := range n.out {
		o := &n.out[i]
		v, err := w.value(n, &o.saved, o.spec, fmt.Sprintf("output %d", i), source{node: n, index: i})
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

// value is a saved value as the rule sees it, or an Absent placeholder.
func (w *walk) value(n *node, s *saved, spec ops.Spec, what string, from source) (ops.Value, error) {
	if s.val == nil {
		return ops.Absent{S: spec, What: what + " of " + n.op.Name}, nil
	}
	if s.changed() {
		return nil, &ops.GradError{Reason: fmt.Sprintf("%s of %s (%s) was changed in place after it was saved for the gradient; change a copy, or change it after Backward", what, n.op.Name, spec)}
	}
	if !w.o.CreateGraph {
		return s.val, nil
	}
	if from.leaf != nil {
		return from.leaf, nil
	}
	return &Var{val: s.val, node: from.node, index: from.index, requires: from.node != nil && spec.DType.IsFloat()}, nil
}

// collect adds a rule's results to the gradients of the node's inputs and drops
// those of its outputs.
func (w *walk) collect(n *node, g *ops.GradCall, res []ops.Value) error {
	if len(res) != len(n.in) {
		return &ops.GradError{Op: n.op.Name, Reason: fmt.Sprintf("the rule returned %d gradients for %d inputs", len(res), len(n.in))}
	}
	var seen []ops.Value
	for _, list := range [][]ops.Value{g.In, g.Out, g.D} {
		for _, v := range list {
			if _, absent := v.(ops.Absent); v != nil && !absent {
				seen = append(seen, v)
			}
		}
	}
	for i, d := range res {
		if d == nil {
			// An input may depend on just those outputs that nothing flows back from.
			if g.Needs[i] && !slices.Contains(g.D, nil) {
				return &ops.GradError{Op: n.op.Name, Reason: fmt.Sprintf("the rule returned nothing for input %d", i)}
			}
			continue
		}
		if !d.Spec().Equal(n.in[i].spec) {
			return &ops.GradError{Op: n.op.Name, Reason: fmt.Sprintf("the rule returned %s for input %d of %s", d.Spec(), i, n.in[i].spec)}
		}
		if contains(seen, d) {
			d = share(d)
		} else {
			seen = append(seen, d)
		}
		if g.Needs[i] {
			w.add(n.in[i].from, d)
		} else {
			w.free(d)
		}
	}
	for i := range n.out {
		if s := (source{node: n, index: i}); !w.keep[s] && w.grads[s] != nil {
			w.free(w.grads[s])
			delete(w.grads, s)
		}
	}
	return nil
}

// add accumulates an owned gradient.
func (w *walk) add(s source, d ops.Value) {
	old := w.grads[s]
	if old == nil {
		w.grads[s] = d
		return
	}
	w.grads[s] = ops.Add.Of(w.gb, old, d)
	w.free(old)
	w.free(d)
}

// free releases the walk's handle of a gradient; a record keeps handles of its
// own of what it saved.
func (w *walk) free(d ops.Value) {
	if v, ok := d.(*Var); ok {
		d = v.val
	}
	release(d)
}

func (w *walk) drop() {
	for s, d := range w.grads {
		w.free(d)
		delete(w.grads, s)
	}
}

// reachable lists the nodes behind the roots, inputs before users.
func reachable(roots []*node) []*node {
	seen := map[*node]bool{}
	var all []*node
	stack := slices.Clone(roots)
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[n] {
			continue
		}
		seen[n] = true
		all = append(all, n)
		for _, e := range n.in {
			if e.from.node != nil {
				stack = append(stack, e.from.node)
			}
		}
	}
	slices.SortFunc(all, func(a, b *node) int { return cmp.Compare(a.seq, b.seq) })
	return all
}

// leaves lists the leaves that an output depends on, in order of first use.
func (w *walk) leaves(out *Var) []*Var {
	if out.node == nil {
		if out.requires {
			return []*Var{out}
		}
		return nil
	}
	var list []*Var
	seen := map[*Var]bool{}
	for _, n := range reachable([]*node{out.node}) {
		for _, e := range n.in {
			if v := e.from.leaf; v != nil && !seen[v] {
				seen[v] = true
				list = append(list, v)
			}
		}
	}
	return list
}

func (n *node) release() {
	n.walked = true
	for i := range n.in {
		n.in[i].saved.release()
	}
	for i := range n.out {
		n.out[i].saved.release()
	}
}
