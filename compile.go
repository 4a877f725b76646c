package crease

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
)

// Compiled is a function that runs as a graph. It is safe for concurrent use;
// calls take turns.
type Compiled struct {
	f  func(in ...*Tensor) []*Tensor
	mu sync.Mutex
	// programs are by device, specs of the inputs and whether gradients are recorded.
	programs map[string]*program
}

// program is one recording of the function.
type program struct {
	g        *graph.Graph
	exe      *graph.Executable
	outputs  []ops.Value // results, then the new values of changed captures
	results  int
	captures []*capture
}

// Compile makes a graph of f. The function is run once for every combination of
// device, element types and shapes of its inputs, and once more inside [NoGrad],
// with tensors that stand for values to come; what it did is optimised and replayed
// in later calls, with the same bits as running it eagerly.
//
// Tensors that f uses without receiving them are read anew in every call, and
// what f assigns to them ([Tensor.Assign]) happens in every call, after the rest;
// so an optimiser's step inside f works. Everything else that f does, such as
// reading a Go variable or printing, happens only while recording. f must not
// look at elements (Item, Data), and must leave no gradients on leaves.
func Compile(f func(in ...*Tensor) []*Tensor) *Compiled {
	return &Compiled{f: f, programs: map[string]*program{}}
}

// Call runs the function on inputs of one device. It panics with a
// *CompileError when the function cannot be recorded.
func (c *Compiled) Call(in ...*Tensor) []*Tensor {
	if tracing() != nil {
		return c.f(in...) // inside another compiled function: part of its graph
	}
	for i, t := range in {
		if t.RequiresGrad() && recording() {
			panic(&CompileError{fmt.Sprintf("input %d requires a gradient, which does not flow out of a compiled function: take gradients inside it, or call it in NoGrad", i)})
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	p, dev := c.program(in)
	arrays := make([]*exec.Array, 0, len(in)+len(p.captures))
	for _, t := range in {
		arrays = append(arrays, t.array("compiled call"))
	}
	for _, x := range p.captures {
		arrays = append(arrays, x.t.array("compiled call"))
	}
	res, err := p.exe.Run(arrays...)
	if err != nil {
		panic(err)
	}
	next := p.results
	for _, x := range p.captures {
		if !x.changed {
			continue
		}
		if err := dev.engine.Assign(x.t.array("assign"), res[next]); err != nil {
			panic(err)
		}
		res[next].Release()
		next++
	}
	out := make([]*Tensor, p.results)
	for i := range out {
		out[i] = newTensor(autograd.Constant(res[i]), dev)
	}
	return out
}

// program finds the recording for these inputs or makes it.
func (c *Compiled) program(in []*Tensor) (*program, *Device) {
	dev := (*Device)(nil)
	var key strings.Builder
	for i, t := range in {
		if dev == nil {
			dev = t.dev
		}
		if t.dev != dev {
			panic(&CompileError{fmt.Sprintf("input %d is on device %s and input 0 on %s", i, t.dev, dev)})
		}
		fmt.Fprintf(&key, "%s ", t.Spec())
	}
	if dev == nil {
		dev = mustDefault()
	}
	fmt.Fprint(&key, dev.Name(), recording())
	p := c.programs[key.String()]
	if p == nil {
		p = c.record(dev, in)
		c.programs[key.String()] = p
	}
	return p, dev
}

// record runs the function on values to come.
func (c *Compiled) record(dev *Device, in []*Tensor) *program {
	tr := newTrace(dev)
	args := make([]*Tensor, len(in))
	for i, t := range in {
		args[i] = &Tensor{v: autograd.Constant(tr.g.Input(t.Spec(), fmt.Sprintf("argument %d", i))), dev: dev}
	}
	p := &program{g: tr.g}
	with(func(l *local) func() {
		old := l.trace
		l.trace = tr
		return func() { l.trace = old }
	}, func() {
		results := c.f(args...)
		p.results = len(results)
		for i, t := range results {
			if t == nil {
				panic(&CompileError{fmt.Sprintf("result %d is nil", i)})
			}
			p.outputs = append(p.outputs, tr.owned(tr.variable(t).Value()))
		}
	})
	if err := tr.finish(); err != nil {
		panic(err)
	}
	p.captures = tr.captures
	for _, x := range p.captures {
		if x.changed {
			p.outputs = append(p.outputs, tr.owned(x.now.Value()))
		}
	}
	exe, err := tr.g.Compile(dev.engine, p.outputs...)
	if err != nil {
		panic(err)
	}
	p.exe = exe
	return p
}

// Dump writes the graphs recorded so far.
func (c *Compiled) Dump(w io.Writer, f graph.Format) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.programs {
		if err := p.g.Dump(w, f, p.outputs...); err != nil {
			return err
		}
	}
	return nil
}

// Free drops the recordings and the constants they hold. A later call records
// again.
func (c *Compiled) Free() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for key, p := range c.programs {
		p.exe.Close()
		delete(c.programs, key)
	}
}
