package nn

import (
	"fmt"
	"reflect"
	"strings"
	"text/tabwriter"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Summary is what a model is made of and what a run of it costs.
type Summary struct {
	Layers     []LayerSummary
	Parameters int     // trained numbers, shared ones once
	Frozen     int     // of these, how many no gradients flow to
	StateBytes int     // of parameters and buffers
	Flops      float64 // of one forward pass
	// StepBytes is the memory of a training step that is compiled: parameters,
	// buffers, their gradients, and all that is kept in between. What an optimiser
	// keeps comes on top: as much as the parameters for momentum, twice as much for
	// Adam.
	StepBytes int
}

// LayerSummary is one module of a model.
type LayerSummary struct {
	Name, Kind string
	Depth      int      // how many modules it is inside of
	Calls      int      // in a forward pass; 0 for a module that is not run by Call
	In, Out    ops.Spec // of its last call
	Parameters int      // of its own, without those of modules inside
	Flops      float64  // of all its calls; -1 for modules that hold others
}

// Summarize follows a model through a forward pass and a training step on an
// input like x. Both are recorded and not run, so it takes no longer for large
// models than for small ones. What cannot be recorded is an error.
func Summarize(m Module, x *crease.Tensor) (s *Summary, err error) {
	err = crease.Try(func() { s = summarize(m, x) })
	return s, err
}

func summarize(m Module, x *crease.Tensor) *Summary {
	s := &Summary{}
	at := map[Module]int{} // those that can be told from others like them, which hooks need
	var list []Module
	v := Visitor{}
	var stack []string
	v.module = func(path string, m Module) {
		for len(stack) > 0 && stack[len(stack)-1] != "" && !strings.HasPrefix(path, stack[len(stack)-1]+".") {
			stack = stack[:len(stack)-1]
		}
		if reflect.TypeOf(m).Comparable() {
			if _, seen := at[m]; seen {
				return
			}
			at[m] = len(list)
		}
		s.Layers = append(s.Layers, LayerSummary{Name: path, Kind: kindOf(m), Depth: len(stack)})
		list = append(list, m)
		stack = append(stack, path)
	}
	v.visit(m)
	s.count(m)
	forward(s, m, x, at)
	for i, m := range list {
		l := &s.Layers[i]
		switch {
		case i+1 < len(list) && s.Layers[i+1].Depth > l.Depth: // it holds others
			l.Flops = -1
		case l.Calls > 0:
			in := crease.Zeros(l.In.Shape, crease.As(l.In.DType), crease.On(x.Device()))
			l.Flops = float64(l.Calls) * costOf(func(x *crease.Tensor) *crease.Tensor { return m.Forward(x) }, in).Flops
			in.Free()
		}
	}
	s.StepBytes = s.StateBytes + stepBytes(m, x)
	return s
}

// kindOf is the name of a module's type, or of a function.
func kindOf(m Module) string {
	switch f := m.(type) {
	case *Function:
		return f.Name
	case Function:
		return f.Name
	}
	t := reflect.TypeOf(m)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// count fills in parameters and state.
func (s *Summary) count(m Module) {
	for _, p := range Parameters(m) {
		n := p.Tensor.Len()
		s.Parameters += n
		if !p.Tensor.RequiresGrad() {
			s.Frozen += n
		}
		owner := 0
		for i, l := range s.Layers {
			if strings.HasPrefix(p.Name, l.Name+".") && len(l.Name) >= len(s.Layers[owner].Name) {
				owner = i
			}
		}
		s.Layers[owner].Parameters += n
	}
	for _, t := range State(m) {
		s.StateBytes += shape.MustElements(t.Tensor.Shape()) * t.Tensor.DType().Size()
	}
}

// forward records a forward pass and notes what goes through every module.
func forward(s *Summary, m Module, x *crease.Tensor, at map[Module]int) {
	var removes []func()
	defer func() {
		for _, f := range removes {
			f()
		}
	}()
	for m, i := range at {
		removes = append(removes, AfterForward(m, func(_ Module, in, out *crease.Tensor) *crease.Tensor {
			l := &s.Layers[i]
			l.Calls, l.In, l.Out = l.Calls+1, in.Spec(), out.Spec()
			return nil
		}))
	}
	s.Flops = costOf(func(x *crease.Tensor) *crease.Tensor { return Call(m, x) }, x).Flops
}

// costOf is what a function costs without gradients.
func costOf(f func(*crease.Tensor) *crease.Tensor, x *crease.Tensor) (cost ops.Cost) {
	c := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{f(in[0])} })
	defer c.Free()
	c.Observe(func(pass string, g *graph.Graph) {
		if pass == "" {
			cost = g.Cost()
		}
	})
	crease.NoGrad(func() { c.Prepare(x) })
	return cost
}

// stepBytes is the memory of a training step besides parameters and buffers.
func stepBytes(m Module, x *crease.Tensor) int {
	train := Tensors(Trainable(m))
	c := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
		y := Call(m, in[0])
		if len(train) == 0 {
			return []*crease.Tensor{y}
		}
		return crease.Grad([]*crease.Tensor{y.Square().Mean()}, train)
	})
	defer c.Free()
	bytes := c.Prepare(x).Bytes() + x.Len()*x.DType().Size()
	for _, t := range train {
		bytes += t.Len() * t.DType().Size()
	}
	return bytes
}

// String is the summary as a table.
func (s *Summary) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "LAYER\tKIND\tOUTPUT\tPARAMETERS\tMFLOP")
	for _, l := range s.Layers {
		out, flops := "-", "-"
		if l.Calls > 0 {
			out = l.Out.String()
			if l.Flops >= 0 {
				flops = fmt.Sprintf("%.2f", l.Flops/1e6)
			}
		}
		fmt.Fprintf(w, "%s%s\t%s\t%s\t%d\t%s\n", strings.Repeat("  ", max(0, l.Depth-1)), l.Name, l.Kind, out, l.Parameters, flops)
	}
	w.Flush()
	fmt.Fprintf(&b, "\n%d parameters, %d of them frozen; %.1f MiB of state; %.1f MFLOP forward; %.1f MiB in a training step\n",
		s.Parameters, s.Frozen, float64(s.StateBytes)/(1<<20), s.Flops/1e6, float64(s.StepBytes)/(1<<20))
	return b.String()
}
