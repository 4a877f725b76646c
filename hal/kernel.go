package hal

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// View is a strided window on a buffer. Strides and Offset count elements.
type View struct {
	Buf     Buffer
	DType   dtype.Type
	Shape   []int
	Strides []int
	Offset  int
}

// Dense is true when the elements lie in row-major order without gaps.
func (v View) Dense() bool { return shape.IsDense(v.Shape, v.Strides) }

// Elements is the number of elements of the view.
func (v View) Elements() int { return shape.MustElements(v.Shape) }

// Call is one operation on concrete views. Kernels must not keep it.
type Call struct {
	Op    string
	Attrs any // the op's attribute struct, see the op row
	In    []View
	Out   []View
	Work  Buffer // scratch of the size Kernel.Work asked for, nil when it asked for none
}

// DType is the element type that kernels are registered under: that of the first
// input, or of the first output of an operation without inputs.
func (c *Call) DType() dtype.Type {
	if len(c.In) > 0 {
		return c.In[0].DType
	}
	return c.Out[0].DType
}

// Dense is true when every view of the call is.
func (c *Call) Dense() bool {
	for _, v := range c.In {
		if !v.Dense() {
			return false
		}
	}
	for _, v := range c.Out {
		if !v.Dense() {
			return false
		}
	}
	return true
}

// Layout is what a kernel asks of its views.
type Layout uint8

// Layouts.
const (
	Dense   Layout = iota // every view is row-major without gaps
	Strided               // any strides, zero and negative ones included
)

func (l Layout) String() string { return [...]string{"dense", "strided"}[l] }

// Priorities of kernels: the highest that accepts a call wins.
const (
	Generic  = 0  // plain code that always works
	Portable = 10 // kernel text shared by several devices
	Tuned    = 20 // tuned for the device's family
	Native   = 30 // written for this very hardware
)

// Key is what a kernel is registered under. DType Invalid stands for any
// element type; the kernel then decides in Accepts.
type Key struct {
	Op     string
	DType  dtype.Type
	Layout Layout
}

// Kernel computes one operation on one device.
type Kernel struct {
	Key      Key
	Name     string // shows in traces and benchmarks: "matmul_f32_avx2"
	Priority int
	Accepts  func(*Call) bool          // optional: limits on shapes, types and attributes
	Work     func(*Call) int           // optional: scratch bytes
	Run      func(Stream, *Call) error // queues the work

	disabled atomic.Bool
}

// SetEnabled switches a kernel on or off, so that tests and comparisons can
// run every implementation alone.
func (k *Kernel) SetEnabled(on bool) { k.disabled.Store(!on) }

// Enabled reports whether dispatch may choose the kernel.
func (k *Kernel) Enabled() bool { return !k.disabled.Load() }

// Takes reports whether the kernel can do a call: its element type, layout and limits.
func (k *Kernel) Takes(c *Call) bool {
	return (k.Key.DType == c.DType() || k.Key.DType == dtype.Invalid) && (k.Key.Layout == Strided || c.Dense()) && (k.Accepts == nil || k.Accepts(c))
}

// Registry holds the kernels of one device.
type Registry struct {
	mu   sync.RWMutex
	byOp map[string][]*Kernel // highest priority first
}

// Add registers kernels. A kernel without an op, name or Run, or a second one
// of the same name for an op and layout, is a programming error and panics.
func (r *Registry) Add(ks ...*Kernel) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byOp == nil {
		r.byOp = map[string][]*Kernel{}
	}
	for _, k := range ks {
		if k.Key.Op == "" || k.Name == "" || k.Run == nil {
			panic(fmt.Sprintf("hal: kernel %+v needs an op, a name and a Run function", k.Key))
		}
		for _, other := range r.byOp[k.Key.Op] {
			if other.Name == k.Name && other.Key == k.Key {
				panic(fmt.Sprintf("hal: kernel %s is registered twice for %+v", k.Name, k.Key))
			}
		}
		list := append(r.byOp[k.Key.Op], k)
		slices.SortStableFunc(list, func(a, b *Kernel) int { return cmp.Compare(b.Priority, a.Priority) })
		r.byOp[k.Key.Op] = list
	}
}

// Find is the best enabled kernel for a call: among those that take dense views
// if all views are dense, then among the strided ones. It is nil when there is none.
func (r *Registry) Find(c *Call) *Kernel {
	r.mu.RLock()
	defer r.mu.RUnlock()
	list := r.byOp[c.Op]
	if len(list) == 0 {
		return nil
	}
	if c.Dense() {
		if k := first(list, c, Dense); k != nil {
			return k
		}
	}
	return first(list, c, Strided)
}

func first(list []*Kernel, c *Call, l Layout) *Kernel {
	for _, k := range list {
		if k.Key.Layout == l && k.Enabled() && k.Takes(c) {
			return k
		}
	}
	return nil
}

// All is every registered kernel, sorted by op, priority and name.
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

// For is the kernels of one operation, highest priority first.
func (r *Registry) For(op string) []*Kernel {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.byOp[op])
}
