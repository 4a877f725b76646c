package exec

import (
	"runtime"
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Array is a handle of a strided view of device memory. It implements
// ops.Holder.
type Array struct {
	engine   *Engine
	block    *block
	spec     ops.Spec
	strides  []int // in elements
	offset   int   // in elements
	released atomic.Bool
}

// block is device memory shared by the arrays that view it.
type block struct {
	mem     *memory
	refs    atomic.Int32
	version atomic.Uint32
	net     runtime.Cleanup
}

// memory is what a block owns. It is an object of its own so that the
// finalizing net and an assignment that swaps buffers agree on the owner.
type memory struct{ buf hal.Buffer }

func newBlock(buf hal.Buffer) *block {
	b := &block{mem: &memory{buf}}
	b.refs.Store(1)
	b.net = runtime.AddCleanup(b, func(m *memory) { m.buf.Free() }, b.mem)
	return b
}

func (b *block) unref() {
	if b.refs.Add(-1) == 0 {
		b.net.Stop()
		b.mem.buf.Free()
	}
}

// Spec is the element type and shape.
func (a *Array) Spec() ops.Spec { return a.spec }

// Engine is the engine that made the array.
func (a *Array) Engine() *Engine { return a.engine }

// Strides is the distance in elements between neighbours on every axis.
func (a *Array) Strides() []int { return a.strides }

// View is the array as kernels see it.
func (a *Array) View() hal.View {
	return hal.View{Buf: a.block.mem.buf, DType: a.spec.DType, Shape: a.spec.Shape, Strides: a.strides, Offset: a.offset}
}

// Share is a second handle of the same view.
func (a *Array) Share() ops.Value { return a.window(a.spec, a.strides, a.offset) }

func (a *Array) window(s ops.Spec, strides []int, offset int) *Array {
	a.block.refs.Add(1)
	return &Array{engine: a.engine, block: a.block, spec: s, strides: strides, offset: offset}
}

// Release drops the handle; the memory goes back to the pool with the last one.
func (a *Array) Release() {
	if a.released.CompareAndSwap(false, true) {
		a.block.unref()
	}
}

// Released reports whether the handle has been released.
func (a *Array) Released() bool { return a.released.Load() }

// Version counts the changes made in place to the array's memory.
func (a *Array) Version() uint32 { return a.block.version.Load() }

// whole is true when the array is dense and covers its block from the start.
func (a *Array) whole() bool { return a.offset == 0 && shape.IsDense(a.spec.Shape, a.strides) }
