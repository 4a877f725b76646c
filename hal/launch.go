package hal

import (
	"slices"

	"github.com/crease-ml/crease/shape"
)

// Operand holds the memory of one view: a buffer and the position of the view's first
// element in it, counted in elements.
type Operand struct {
	Buf    Buffer
	Offset int
}

// Launch is a call that a kernel has prepared: all that depends on the operation,
// its attributes, element types, shapes and strides has been done. It runs any
// number of times on different memory. It may keep scratch between runs, so only
// one goroutine runs it at a time.
type Launch struct {
	Op     string
	Kernel *Kernel
	Work   int // bytes of scratch that every run needs
	// InPlace (optional) reports whether a result may be written over an input of the
	// same element type, shape and strides.
	InPlace func(result, input int) bool
	// Run queues the work on a stream of the kernel's device. The operands are the
	// inputs, then the results; the slice is the caller's. ErrUnsupported means that
	// nothing was done and dispatch has to go another way: memory can be out of a
	// kernel's reach in a way that shapes do not tell.
	Run func(s Stream, at []Operand, work Buffer) error
}

// Prepare makes the launch of a call that the kernel takes. The call's views need
// no buffers, and the call is not changed and not kept.
func (k *Kernel) Prepare(c *Call) (*Launch, error) {
	own := c.planned()
	if k.Plan == nil {
		return k.simple(own), nil
	}
	l, err := k.Plan(own)
	if err != nil {
		return nil, err
	}
	l.Op, l.Kernel = c.Op, k
	return &l, nil
}

// simple returns the launch of a kernel that has only a Run. It fills the memory into a
// copy of the call and runs that.
func (k *Kernel) simple(c *Call) *Launch {
	l := &Launch{Op: c.Op, Kernel: k}
	if k.Work != nil {
		l.Work = k.Work(c)
	}
	l.Run = func(s Stream, at []Operand, work Buffer) error {
		c.Place(at, work)
		err := k.Run(s, c)
		c.Clear()
		return err
	}
	return l
}

// Place gives every view of the call its memory: inputs first, then results.
func (c *Call) Place(at []Operand, work Buffer) {
	for i := range c.In {
		c.In[i].Buf, c.In[i].Offset = at[i].Buf, at[i].Offset
	}
	at = at[len(c.In):]
	for i := range c.Out {
		c.Out[i].Buf, c.Out[i].Offset = at[i].Buf, at[i].Offset
	}
	c.Work = work
}

// Clear removes the memory from the call again, so that the call does not keep it alive.
func (c *Call) Clear() {
	for i := range c.In {
		c.In[i].Buf = nil
	}
	for i := range c.Out {
		c.Out[i].Buf = nil
	}
	c.Work = nil
}

// planned returns a copy of the call without memory. The offsets of its views are the least
// ones at which no element lies before the start of its buffer.
func (c *Call) planned() *Call {
	own := &Call{Op: c.Op, Attrs: c.Attrs, In: slices.Clone(c.In), Out: slices.Clone(c.Out)}
	for _, list := range [][]View{own.In, own.Out} {
		for i := range list {
			list[i].Buf = nil
			list[i].Offset = shape.Lead(list[i].Shape, list[i].Strides)
		}
	}
	return own
}

// Operands returns the memory of a call's views, inputs first.
func (c *Call) Operands() []Operand {
	out := make([]Operand, 0, len(c.In)+len(c.Out))
	for _, list := range [][]View{c.In, c.Out} {
		for _, v := range list {
			out = append(out, Operand{v.Buf, v.Offset})
		}
	}
	return out
}

// Do prepares a call whose views have memory and launches it once, with the scratch
// it needs.
func (k *Kernel) Do(s Stream, c *Call) error {
	l, err := k.Prepare(c)
	if err != nil {
		return err
	}
	var work Buffer
	if l.Work > 0 {
		if work, err = s.Device().Alloc(l.Work); err != nil {
			return err
		}
		defer work.Free()
	}
	return s.Launch(l, c.Operands(), work)
}
