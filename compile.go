package crease

import (
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
)

// Compiled is a function that runs as a graph. It is safe for concurrent use;
// calls take turns.
type Compiled struct {
	f        func(in ...*Tensor) []*Tensor
	mu       sync.Mutex
	programs []*program // the most recently used one comes first
	options  graph.Options
}

// programLimit is how many recordings of a function are kept. Beyond it, the least recently
// used one is dropped.
const programLimit = 32

// program holds one recording of the function, and what a call must have in common with the
// recorded one for it to be replayed.
type program struct {
	dev      *Device
	noGrad   bool           // gradients were not recorded
	layouts  []*exec.Layout // of the inputs
	shares   []int          // for every input, the index of the first input with the same memory
	within   []*exec.Block  // for every input, its memory if a captured tensor has the same, else nil
	captures []*capture
	captured map[*exec.Block]bool
	exe      *graph.Executable
}

// Compile makes a graph of f. The function is run once, with tensors that stand for the
// values of a later call; what it did is optimised and replayed in later calls, with the
// same bits as running it eagerly. It is run again when a call differs in what a
// recording assumes: the device, the element types, shapes and strides of the inputs,
// which of them share memory with each other and with tensors that f uses from outside,
// which of those require gradients, and whether the call is inside [NoGrad]. At most 32
// recordings are kept.
//
// Tensors that f uses without receiving them are read anew in every call. What f assigns
// ([Tensor.Assign]), to them, to its inputs or to views of either, happens in every call
// in the order of the program, so an optimiser's step inside f works. A result that is a
// view of an input or of a tensor from outside is one in every call.
//
// Everything else that f does, such as reading a Go variable or printing, happens only
// while it is recorded. f must not look at elements (Item, Data, printing a tensor) or
// use another device, and must leave no gradients on leaves: these are *CompileErrors.
func Compile(f func(in ...*Tensor) []*Tensor) *Compiled { return &Compiled{f: f} }

// Compiling reports whether the goroutine is recording a function for [Compile]. What is
// no tensor, such as a count kept in a Go variable, then keeps for all calls the value
// that it has now.
func Compiling() bool { return tracing() != nil }

// Call runs the function on inputs of one device. It panics with a
// *CompileError when the function cannot be recorded.
func (c *Compiled) Call(in ...*Tensor) []*Tensor { return c.call(nil, in) }

// Timed does what Call does, but waits for the device after every step of the graph and
// calls took with the time that the step needed. The steps are those of the first of
// [Compiled.Executables].
func (c *Compiled) Timed(took func(step int, d time.Duration), in ...*Tensor) []*Tensor {
	return c.call(took, in)
}

func (c *Compiled) call(took func(step int, d time.Duration), in []*Tensor) []*Tensor {
	l := state()
	if l.tracing() != nil || l.checking() {
		return c.f(in...) // it becomes part of another function's graph, or every op is to be checked
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var room [32]*exec.Array
	dev, arrays := memories(l, in, room[:0])
	p := c.program(l, dev, arrays)
	for _, x := range p.captures {
		if err := x.ready(); err != nil {
			panic(err)
		}
		arrays = append(arrays, x.t.array("compiled call"))
	}
	res, err := p.exe.RunTimed(arrays, took)
	if err != nil {
		panic(err)
	}
	out := make([]*Tensor, len(res))
	for i, a := range res {
		out[i] = wrap(a, p.dev, l)
	}
	return out
}

// Prepare makes sure that there is a recording for calls with inputs like these, and does
// not run it. The executable that it returns says what such a call does and how much memory
// it takes.
func (c *Compiled) Prepare(in ...*Tensor) *graph.Executable {
	l := state()
	if tr := l.tracing(); tr != nil {
		panic(tr.fail("a function was prepared inside one that is being compiled"))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	dev, arrays := memories(l, in, nil)
	return c.program(l, dev, arrays).exe
}

// memories checks the inputs of a call, returns their device and appends their arrays.
func memories(l *local, in []*Tensor, arrays []*exec.Array) (*Device, []*exec.Array) {
	wantTensors("compile", in)
	dev := device("compile", in)
	for i, t := range in {
		if t.RequiresGrad() && l.recording() {
			panic(&CompileError{fmt.Sprintf("input %d requires a gradient, which does not flow out of a compiled function: take gradients inside it, or call it in NoGrad", i)})
		}
	}
	for _, t := range in {
		arrays = append(arrays, t.array("compiled call"))
	}
	return dev, arrays
}

// program returns a recording that fits the call, and makes one where there is none. It
// moves the recording to the front of the list.
func (c *Compiled) program(l *local, dev *Device, arrays []*exec.Array) *program {
	for i, p := range c.programs {
		if p.fits(l, dev, arrays) {
			if i > 0 {
				copy(c.programs[1:], c.programs[:i])
				c.programs[0] = p
			}
			return p
		}
	}
	p := c.record(l, dev, arrays)
	c.programs = slices.Insert(c.programs, 0, p)
	if len(c.programs) > programLimit {
		last := len(c.programs) - 1
		c.programs[last].exe.Close()
		c.programs[last] = nil
		c.programs = c.programs[:last]
	}
	return p
}

// fits reports whether a call agrees with everything that the recording assumes.
func (p *program) fits(l *local, dev *Device, arrays []*exec.Array) bool {
	if len(arrays) != len(p.layouts) || p.noGrad == l.recording() || dev != p.dev {
		return false
	}
	for i, a := range arrays {
		if !a.Layout().Equal(p.layouts[i]) || first(arrays[:i], a) != p.shares[i] {
			return false
		}
		var within *exec.Block
		if p.captured[a.Block()] {
			within = a.Block()
		}
		if within != p.within[i] {
			return false
		}
	}
	for _, x := range p.captures {
		if x.t.v.RequiresGrad() != x.requires {
			return false
		}
	}
	return true
}

// first returns the index of the first of the arrays that shares a's block, or the index
// that a is about to get, len(arrays), if none does.
func first(arrays []*exec.Array, a *exec.Array) int {
	for i, b := range arrays {
		if a.Block() == b.Block() {
			return i
		}
	}
	return len(arrays)
}

// record runs the function once on tensors that stand for the inputs of a later call and
// hold no numbers, and compiles the graph of what it did.
func (c *Compiled) record(l *local, dev *Device, arrays []*exec.Array) *program {
	p := &program{dev: dev, noGrad: !l.recording(), captured: map[*exec.Block]bool{}}
	tr := newTrace(dev)
	args := make([]*Tensor, len(arrays))
	for i, a := range arrays {
		p.layouts, p.shares = append(p.layouts, a.Layout()), append(p.shares, first(arrays[:i], a))
		v := autograd.Constant(tr.input(a, fmt.Sprintf("argument %d", i)))
		args[i] = &Tensor{v: v, dev: dev}
	}
	results := tr.run(c.f, args)
	for _, x := range tr.captures {
		p.captured[x.block] = true
	}
	p.captures = tr.captures
	for _, a := range arrays {
		if p.captured[a.Block()] {
			p.within = append(p.within, a.Block())
		} else {
			p.within = append(p.within, nil)
		}
	}
	exe, err := tr.g.CompileWith(c.options, tr.values(backward, results)...)
	if err != nil {
		panic(err)
	}
	p.exe = exe
	return p
}

// run calls f while the goroutine records into the trace, and returns f's results.
func (tr *trace) run(f func(in ...*Tensor) []*Tensor, args []*Tensor) []*Tensor {
	l, leave := enter()
	defer leave()
	l.trace = tr
	defer func() { l.trace = nil }()
	results := f(args...)
	for i, t := range results {
		if t == nil {
			panic(tr.fail("result %d is nil", i))
		}
	}
	if err := tr.finish(); err != nil {
		panic(err)
	}
	// A result that f did not compute but took from outside is captured like an input.
	tr.values(backward, results)
	return results
}

// Observe calls f with the graph of every recording made from now on: as it was recorded,
// with an empty name, and after every pass of the compiler. It returns c.
func (c *Compiled) Observe(f func(pass string, g *graph.Graph)) *Compiled {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.options.Observe = f
	return c
}

// Passes chooses the compiler's passes for every recording made from now on, in place of
// what CREASE_PASSES says. It returns c.
func (c *Compiled) Passes(s graph.PassSet) *Compiled {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.options.Passes = &s
	return c
}

// Executables returns the recordings, the most recently used one first.
func (c *Compiled) Executables() []*graph.Executable {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*graph.Executable, len(c.programs))
	for i, p := range c.programs {
		out[i] = p.exe
	}
	return out
}

// Dump writes the graphs recorded so far, in the form that the compiler's passes left them.
func (c *Compiled) Dump(w io.Writer, f graph.Format) error {
	for _, x := range c.Executables() {
		if err := x.Graph().Dump(w, f); err != nil {
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
	for _, p := range c.programs {
		p.exe.Close()
	}
	c.programs = nil
}
