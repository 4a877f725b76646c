package onnx

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// NodeError is a node that cannot run: its attributes, types or shapes are wrong, or
// crease does not do what they ask.
type NodeError struct {
	Node string
	Err  error
}

func (e *NodeError) Error() string { return "onnx: " + e.Node + ": " + e.Err.Error() }
func (e *NodeError) Unwrap() error { return e.Err }

// frame is a graph that is running: the values of its names, and the frame around it.
type frame struct {
	b      *builder
	g      *graph
	values map[string]ops.Value
	left   map[string]int // reads to come, by name
	outer  *frame
	attrs  map[string]*pb.Attribute // inside a function, those of the call
	inits  map[*pb.Tensor]ops.Value // shared by all frames of a session
	files  *dataFiles
	budget *int // iterations of loops that are left
}

// maxIterations limits how often the bodies of loops run in one call of a model, so that a
// file cannot make it run for ever.
const maxIterations = 1 << 24

func (f *frame) child(g *graph) *frame {
	c := *f
	c.g, c.outer = g, f
	c.values, c.left = map[string]ops.Value{}, map[string]int{}
	return &c
}

// lookup is the value of a name, here or around.
func (f *frame) lookup(name string) ops.Value {
	for ; f != nil; f = f.outer {
		if v, ok := f.values[name]; ok {
			return v
		}
		if v, ok := f.initial(name); ok {
			return v
		}
	}
	return nil
}

// initial is the value of an initializer.
func (f *frame) initial(name string) (ops.Value, bool) {
	t := f.g.inits[name]
	if s := f.g.sparse[name]; s != nil {
		v, err := f.scattered(s)
		if err != nil {
			panic(&NodeError{fmt.Sprintf("sparse initializer %q", name), err})
		}
		f.values[name] = v
		return v, true
	}
	if t == nil {
		return nil, false
	}
	return f.constant(t, fmt.Sprintf("initializer %q", name)), true
}

// constant is the value of a tensor of the file, read once.
func (f *frame) constant(t *pb.Tensor, what string) ops.Value {
	if v, ok := f.inits[t]; ok {
		return v
	}
	h, e, err := hostOf(t, f.files)
	if err != nil {
		panic(&NodeError{what, err})
	}
	k := &known{host: h}
	f.b.keep(k)
	v := as(k, e)
	f.inits[t] = v
	return v
}

// run runs the graph on its inputs, by name, and returns its outputs.
func (f *frame) run(in map[string]ops.Value) []ops.Value {
	for name, v := range in {
		f.set(name, v)
		hold(v, 1) // the caller's
	}
	defer f.clear(in)
	for name, n := range f.g.uses {
		f.left[name] = n
	}
	for _, n := range f.g.nodes {
		f.step(n)
	}
	out := make([]ops.Value, len(f.g.outputs))
	for i, o := range f.g.outputs {
		out[i] = f.lookup(o.Name)
		hold(out[i], 1)
	}
	for _, v := range out {
		hold(v, -1) // now the caller's; it is not freed here
	}
	return out
}

// set names a value.
func (f *frame) set(name string, v ops.Value) {
	f.values[name] = v
	hold(v, 1)
}

// clear lets go of all names that are left. Values that outputs hold live on.
func (f *frame) clear(in map[string]ops.Value) {
	for _, v := range f.values {
		hold(v, -1)
	}
	for _, v := range in {
		hold(v, -1)
	}
}

// hold counts the names of a value.
func hold(v ops.Value, n int) {
	switch v := v.(type) {
	case *dense:
		v.refs += n
	case *narrow:
		hold(v.Value, n)
	case *list:
		for _, x := range v.items {
			hold(x, n)
		}
	}
}

// free gives the memory of values back that no name is left for.
func (f *frame) free(v ops.Value) {
	if f.b.recording {
		return
	}
	switch v := v.(type) {
	case *dense:
		if v.refs <= 0 {
			v.t.Free()
		}
	case *narrow:
		f.free(v.Value)
	case *list:
		for _, x := range v.items {
			f.free(x)
		}
	}
}

// used counts a read of a name; after the last one the value goes.
func (f *frame) used(name string) {
	v, here := f.values[name]
	if !here {
		return // of a graph around, which counts itself
	}
	f.left[name]--
	if f.left[name] <= 0 {
		delete(f.values, name)
		hold(v, -1)
		f.free(v)
	}
}

// step runs one node.
func (f *frame) step(n *node) {
	c := &call{f: f, b: f.b, n: n, read: map[string]bool{}}
	for _, name := range n.Input {
		var v ops.Value
		if name != "" {
			v = f.lookup(name)
		}
		c.in = append(c.in, v)
	}
	var out []ops.Value
	err := try(func() {
		crease.Tidy(func() []*crease.Tensor {
			if n.body != nil {
				out = c.function()
			} else {
				out = n.row.run(c)
				c.unread()
			}
			return tensors(nil, out...)
		})
	})
	if err != nil {
		if inner := (*NodeError)(nil); errors.As(err, &inner) {
			panic(inner)
		}
		panic(&NodeError{n.label(), err})
	}
	for i, name := range n.Output {
		if name == "" {
			continue
		}
		if i >= len(out) {
			panic(&NodeError{n.label(), fmt.Errorf("it has an output %d, %q, which crease does not compute", i, name)})
		}
		f.set(name, out[i])
	}
	for i, v := range out {
		if i >= len(n.Output) || n.Output[i] == "" {
			f.free(v)
		} else if f.left[n.Output[i]] == 0 {
			f.left[n.Output[i]]++
			f.used(n.Output[i])
		}
	}
	for _, name := range n.Input {
		f.used(name)
	}
	for _, name := range n.outer {
		f.used(name)
	}
}

// try runs f and returns the error it panicked with, one of a node or one of crease. Errors
// of the runtime become errors too: a file must not end the program, whatever is in it.
func try(f func()) (err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *NodeError:
			err = r
		case runtime.Error:
			err = fmt.Errorf("internal error: %w (please report this with the model)", r)
		default:
			panic(r)
		}
	}()
	return crease.Try(f)
}

// tensors are those of values.
func tensors(to []*crease.Tensor, values ...ops.Value) []*crease.Tensor {
	for _, v := range values {
		switch v := v.(type) {
		case *dense:
			to = append(to, v.t)
		case *narrow:
			to = tensors(to, v.Value)
		case *list:
			to = tensors(to, v.items...)
		}
	}
	return to
}
