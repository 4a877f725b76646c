package hal

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// View holds a strided window on a buffer. Strides and Offset count elements.
type View struct {
	Buf     Buffer
	DType   dtype.Type
	Shape   []int
	Strides []int
	Offset  int
}

// Dense reports whether the elements lie in row-major order without gaps.
func (v View) Dense() bool { return shape.IsDense(v.Shape, v.Strides) }

// Elements returns the number of elements of the view.
func (v View) Elements() int { return shape.MustElements(v.Shape) }

// Call holds one operation and the views that it is to run on.
type Call struct {
	Op    string
	Attrs any // the op's attribute struct, see the op row
	In    []View
	Out   []View
	Work  Buffer // scratch of the size that was asked for, nil when none was
}

// DType returns the element type that kernels for the call are registered under: that of the
// first input, or of the first output if the operation has no inputs.
func (c *Call) DType() dtype.Type {
	if len(c.In) > 0 {
		return c.In[0].DType
	}
	return c.Out[0].DType
}

// Dense reports whether every view of the call is dense.
func (c *Call) Dense() bool { return c.layout() == Dense }

// layout returns the most demanding layout that all the call's views have.
func (c *Call) layout() Layout {
	for _, v := range c.Out {
		if !v.Dense() {
			return Free
		}
	}
	for _, v := range c.In {
		if !v.Dense() {
			return Strided
		}
	}
	return Dense
}

// Layout is what a kernel asks of its views.
type Layout uint8

// Layouts, each less demanding than the one before.
const (
	Dense   Layout = iota // every view is row-major without gaps
	Strided               // inputs have any strides, zero and negative ones included
	Free                  // results have any strides too, at which no two elements meet
)

func (l Layout) String() string { return [...]string{"dense", "strided", "free"}[l] }

// Priorities of kernels: the highest that accepts a call wins.
const (
	Generic  = 0  // plain code that always works
	Portable = 10 // kernel text shared by several devices
	Tuned    = 20 // tuned for the device's family
	Native   = 30 // written for this very hardware
)

// Key says what a kernel is registered for. DType Invalid stands for any element type; the
// kernel then decides in Accepts.
type Key struct {
	Op     string
	DType  dtype.Type
	Layout Layout
}

// Kernel computes one operation on one device. It has a Plan, or a Run, which is
// the simpler form of one.
type Kernel struct {
	Key      Key
	Name     string // shows in traces and benchmarks: "matmul_f32_avx2"
	Priority int
	// Accepts (optional) limits the calls that the kernel takes by their shapes,
	// strides, types and attributes. The views have no buffers.
	Accepts func(*Call) bool

	// Plan does all of a call that does not depend on memory. The call's views have
	// no buffers, and offsets at which no element lies before the buffer's start.
	// The kernel may keep the call. ErrUnsupported means that it does not take it.
	Plan func(*Call) (Launch, error)

	// Run computes a call whose views have buffers; it is for kernels without a Plan.
	Run func(Stream, *Call) error
	// Work (optional) is the scratch in bytes that Run needs.
	Work func(*Call) int

	disabled atomic.Bool
}

// generation counts the changes that may make dispatch choose another kernel.
var generation atomic.Uint64

// Generation returns a number that grows whenever a kernel is registered, or switched on or
// off, on any device. Whoever keeps a result of [Registry.Find] compares it to know whether
// the result still holds.
func Generation() uint64 { return generation.Load() }

// SetEnabled switches a kernel on or off, so that tests and comparisons can
// run every implementation alone.
func (k *Kernel) SetEnabled(on bool) {
	k.disabled.Store(!on)
	generation.Add(1)
}

// Enabled reports whether dispatch may choose the kernel.
func (k *Kernel) Enabled() bool { return !k.disabled.Load() }

// Takes reports whether the kernel can do a call: its element type, layout and limits.
func (k *Kernel) Takes(c *Call) bool {
	return (k.Key.DType == c.DType() || k.Key.DType == dtype.Invalid) && k.Key.Layout >= c.layout() && (k.Accepts == nil || k.Accepts(c))
}

// Registry holds the kernels of one device.
type Registry struct {
	mu   sync.RWMutex
	byOp map[string][]*Kernel // highest priority first
}

// Add registers kernels. A kernel without an op, a name, or a Plan or Run, or a
// second one of the same name for an op and layout, is a programming error and
// panics.
func (r *Registry) Add(ks ...*Kernel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer generation.Add(1)
	if r.byOp == nil {
		r.byOp = map[string][]*Kernel{}
	}
	for _, k := range ks {
		if k.Key.Op == "" || k.Name == "" || (k.Run == nil) == (k.Plan == nil) {
			panic(fmt.Sprintf("hal: kernel %+v needs an op, a name and a Run function, or a Plan in its place", k.Key))
		}
		for _, other := range r.byOp[k.Key.Op] {
			if other.Name == k.Name && other.Key == k.Key {
				panic(fmt.Sprintf("hal: kernel %s is registered twice for %+v", k.Name, k.Key))
			}
		}
		list := append(slices.Clip(r.byOp[k.Key.Op]), k)
		slices.SortStableFunc(list, func(a, b *Kernel) int { return cmp.Compare(b.Priority, a.Priority) })
		r.byOp[k.Key.Op] = list
	}
}

// Find returns the best enabled kernel for a call, nil if there is none. If all views are
// dense, kernels that take only dense views come before the others.
func (r *Registry) Find(c *Call) *Kernel {
	for k := range r.Candidates(c) {
		return k
	}
	return nil
}

// Candidates yields the enabled kernels that take a call, the best first.
func (r *Registry) Candidates(c *Call) iter.Seq[*Kernel] {
	return func(yield func(*Kernel) bool) {
		r.mu.RLock()
		list := r.byOp[c.Op] // never changed in place
		r.mu.RUnlock()
		for _, dense := range []bool{true, false} {
			for _, k := range list {
				if (k.Key.Layout == Dense) == dense && k.Enabled() && k.Takes(c) && !yield(k) {
					return
				}
			}
		}
	}
}

// All returns every registered kernel, sorted by op, priority and name.
func (r *Registry) All() []*Kernel {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []*Kernel
	for _, list := range r.byOp {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b *Kernel) int {
		return cmp.Or(cmp.Compare(a.Key.Op, b.Key.Op), cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.Name, b.Name),
			cmp.Compare(a.Key.DType, b.Key.DType), cmp.Compare(a.Key.Layout, b.Key.Layout))
	})
	return all
}

// For returns the kernels of one operation, highest priority first.
func (r *Registry) For(op string) []*Kernel {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.byOp[op])
}
