package exec

import (
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Array is a handle to a strided view of device memory. It belongs to a device. Any
// engine of that device may use it, and the engines order their work on it among
// themselves. It implements ops.Holder.
type Array struct {
	block    *Block
	layout   *Layout
	offset   int // of the first element from the start of the block, in elements
	released atomic.Bool
}

// On returns an array on part of a block. The caller owns the handle.
func (b *Block) On(l *Layout, offset int) *Array {
	b.refs.Add(1)
	return &Array{block: b, layout: l, offset: offset}
}

// Spec returns the element type and shape.
func (a *Array) Spec() ops.Spec { return a.layout.spec }

// Layout returns the array's type, shape and strides.
func (a *Array) Layout() *Layout { return a.layout }

// Strides returns for every axis the distance between neighbours, in elements.
func (a *Array) Strides() []int { return a.layout.strides }

// Offset returns the position of the first element in the block, in elements.
func (a *Array) Offset() int { return a.offset }

// Block returns the memory that the array is a view of. Arrays that share a block see each
// other's changes.
func (a *Array) Block() *Block { return a.block }

// Device returns the device that the memory belongs to.
func (a *Array) Device() hal.Device { return a.block.own.buf.Device() }

// Operand returns the array's memory in the form that launches take.
func (a *Array) Operand() hal.Operand {
	return hal.Operand{Buf: a.block.own.buf, Offset: a.block.base/a.layout.spec.DType.Size() + a.offset}
}

// View returns the array in the form that kernels see when they plan a call.
func (a *Array) View() hal.View {
	at := a.Operand()
	return hal.View{Buf: at.Buf, DType: a.layout.spec.DType, Shape: a.layout.spec.Shape, Strides: a.layout.strides, Offset: at.Offset}
}

// Outline returns the array's layout, a value that keeps no memory alive.
func (a *Array) Outline() ops.Value { return a.layout }

// Share returns a second handle to the same view. Each handle is released by itself.
func (a *Array) Share() ops.Value { return a.block.On(a.layout, a.offset) }

// Release gives the handle up. When the last handle of a block is released, its memory goes
// back to the pool. Releasing twice does nothing.
func (a *Array) Release() {
	if a.released.CompareAndSwap(false, true) {
		a.block.unref()
	}
}

// Released reports whether the handle has been released.
func (a *Array) Released() bool { return a.released.Load() }

// Version counts the changes made in place to the array's memory.
func (a *Array) Version() uint32 { return a.block.version.Load() }

// Sole reports whether the array may be overwritten without anybody noticing: no other
// handle refers to its memory, and it is dense, so that no two elements share an address.
func (a *Array) Sole() bool {
	return a.layout.dense && !a.block.own.borrowed && a.block.refs.Load() == 1
}

// whole reports whether the array is dense and begins where its block does.
func (a *Array) whole() bool { return a.offset == 0 && a.layout.dense }

// overlaps reports whether two arrays may have an element in common.
func (a *Array) overlaps(b *Array) bool {
	if a.block != b.block {
		return false
	}
	alo, ahi, err1 := shape.Extent(a.layout.spec.Shape, a.layout.strides, a.offset)
	blo, bhi, err2 := shape.Extent(b.layout.spec.Shape, b.layout.strides, b.offset)
	return err1 != nil || err2 != nil || alo < bhi && blo < ahi
}

// same reports whether two arrays are the same view of the same memory.
func (a *Array) same(b *Array) bool {
	return a.block == b.block && a.offset == b.offset && a.layout.Equal(b.layout)
}
