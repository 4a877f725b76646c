package exec

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
)

// Block is device memory that arrays view: a buffer, or a part of one that begins at
// an offset, so that an arena can hold many. It counts its handles and the changes
// made in place.
type Block struct {
	own     *owner
	base    int // bytes from the start of the buffer
	refs    atomic.Int32
	pins    atomic.Int32 // users of the address, see Pin
	version atomic.Uint32
	engine  atomic.Pointer[Engine] // the last that used it, see Engine.join
	change  sync.Mutex             // see Hold
}

// owner holds what a block gives back. It is an object of its own: the cleanup of a
// block that was lost may reach it, and not the block.
type owner struct {
	buf      hal.Buffer
	borrowed bool // the buffer is somebody else's
}

func (o *owner) free() {
	if o.buf != nil && !o.borrowed {
		o.buf.Free()
	}
	o.buf, o.borrowed = nil, false
}

// blocks are kept for reuse. A block gets its cleanup once in its life: that costs
// more than all the rest of a small op.
var blocks = sync.Pool{New: func() any {
	b := &Block{own: &owner{}}
	runtime.AddCleanup(b, (*owner).free, b.own)
	return b
}}

// newBlock takes over a buffer. It has no handle yet.
func newBlock(buf hal.Buffer) *Block {
	b := blocks.Get().(*Block)
	b.own.buf = buf
	return b
}

// Borrow makes a block of memory that stays the caller's and must outlive every
// handle: a part of an arena, or memory that another program brought. base is in
// bytes and a multiple of the size of the elements that will lie there.
func Borrow(buf hal.Buffer, base int) *Block {
	b := newBlock(buf)
	b.base, b.own.borrowed = base, true
	return b
}

func (b *Block) unref() {
	if b.refs.Add(-1) > 0 {
		return
	}
	b.own.free()
	b.base = 0
	b.version.Store(0)
	b.engine.Store(nil)
	blocks.Put(b)
}

// Pin keeps the block at its address until the returned function is called: an
// assignment then copies where it would have exchanged buffers.
func (b *Block) Pin() (unpin func()) {
	b.pins.Add(1)
	return func() { b.pins.Add(-1) }
}

// Hold keeps others who hold the block waiting until LetGo: it makes a change that takes
// several launches one step for those who ask.
func (b *Block) Hold() { b.change.Lock() }

// LetGo ends Hold.
func (b *Block) LetGo() { b.change.Unlock() }

// Touch counts a change made in place by whoever wrote to the memory by itself.
func (b *Block) Touch() { b.version.Add(1) }
