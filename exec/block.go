package exec

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
)

// Block holds device memory that arrays are views of: a whole buffer, or a part of one that
// begins at an offset, so that one arena can hold many blocks. It counts the handles to it
// and the changes made in place.
type Block struct {
	own     *owner
	base    int // bytes from the start of the buffer
	refs    atomic.Int32
	pins    atomic.Int32 // users of the address, see Pin
	version atomic.Uint32
	engine  atomic.Pointer[Engine] // the last that used it, see Engine.join
	change  sync.Mutex             // see Hold
}

// owner holds the buffer that a block gives back at its end. It is an object of its own,
// because the garbage collector runs the cleanup of a block that nobody released only if
// the cleanup does not refer to the block itself.
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

// blocks keeps blocks for reuse. Registering a cleanup with the runtime takes longer than all
// the rest of a small op, so it is done once in the life of a block.
var blocks = sync.Pool{New: func() any {
	b := &Block{own: &owner{}}
	runtime.AddCleanup(b, (*owner).free, b.own)
	return b
}}

// newBlock returns a block that owns a buffer. No handle refers to it yet.
func newBlock(buf hal.Buffer) *Block {
	b := blocks.Get().(*Block)
	b.own.buf = buf
	return b
}

// Borrow returns a block over memory that it does not own, such as a part of an arena or
// memory from another library. The caller keeps the memory alive until every handle has
// been released. base is the block's start in bytes; it must be a multiple of the size of
// the elements that will lie there.
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

// Pin keeps the block at its address until the returned function is called. Meanwhile an
// assignment to the block copies, where it would otherwise have exchanged buffers.
func (b *Block) Pin() (unpin func()) {
	b.pins.Add(1)
	return func() { b.pins.Add(-1) }
}

// Hold locks the block against others who call Hold, until LetGo. A change that takes several
// launches is then a single step in their eyes.
func (b *Block) Hold() { b.change.Lock() }

// LetGo ends Hold.
func (b *Block) LetGo() { b.change.Unlock() }

// Touch counts a change in place. Whoever writes to the memory other than through an engine
// calls it.
func (b *Block) Touch() { b.version.Add(1) }
