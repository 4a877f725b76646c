package hal

import (
	"fmt"
	"math/bits"
	"sync"

	"github.com/crease-ml/crease/shape"
)

// Pool is a caching allocator that backends put under Device.Alloc. T is the
// backend's handle of a raw block. Requests are rounded up to size classes,
// eight to a power of two, so that at most an eighth is wasted and blocks of
// nearly equal tensors are interchangeable. It is safe for concurrent use.
type Pool[T any] struct {
	// New gets a raw block of so many bytes; ErrOutOfMemory makes the pool
	// flush its cache and try once more.
	New func(bytes int) (T, error)
	// Drop gives a raw block back.
	Drop func(T)
	// Limit, when positive, is the most bytes that may be in use and cached.
	Limit int

	mu    sync.Mutex
	free  [][]T // by number of class
	stats MemoryStats
}

const minClass = 256 // bytes

// class returns the size that a request of n bytes is rounded up to, and the number of that
// size class.
func class(n int) (size, number int) {
	n = max(n, minClass)
	shift := max(bits.Len(uint(n-1))-4, 6)
	steps := (n + 1<<shift - 1) >> shift // at most 16
	return steps << shift, (shift-6)*17 + steps
}

// classes is above the number of every size class up to shape.MaxBytes.
const classes = 47 * 17

// Get returns a block of at least n bytes and its class size, for Put.
func (p *Pool[T]) Get(n int) (block T, size int, err error) {
	if n < 0 || n > shape.MaxBytes {
		return block, 0, fmt.Errorf("allocation of %d bytes: outside 0..%d", n, shape.MaxBytes)
	}
	size, number := class(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.free == nil {
		p.free = make([][]T, classes)
	}
	if list := p.free[number]; len(list) > 0 {
		block = list[len(list)-1]
		p.free[number] = list[:len(list)-1]
		p.stats.Cached -= size
	} else {
		if p.Limit > 0 && p.stats.InUse+p.stats.Cached+size > p.Limit {
			p.flush()
		}
		if p.Limit > 0 && p.stats.InUse+size > p.Limit {
			return block, 0, fmt.Errorf("%w: %d bytes asked for, %d of %d in use", ErrOutOfMemory, n, p.stats.InUse, p.Limit)
		}
		if block, err = p.New(size); err != nil {
			p.flush()
			if block, err = p.New(size); err != nil {
				return block, 0, fmt.Errorf("%d bytes asked for, %d in use: %w", n, p.stats.InUse, err)
			}
		}
		p.stats.Allocs++
	}
	p.stats.InUse += size
	p.stats.Buffers++
	p.stats.HighWater = max(p.stats.HighWater, p.stats.InUse)
	return block, size, nil
}

// Put takes back a block with the class size Get gave.
func (p *Pool[T]) Put(block T, size int) {
	_, number := class(size)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.InUse -= size
	p.stats.Buffers--
	p.free[number] = append(p.free[number], block)
	p.stats.Cached += size
}

// Flush drops every cached block.
func (p *Pool[T]) Flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flush()
}

func (p *Pool[T]) flush() {
	for i, list := range p.free {
		for _, b := range list {
			p.Drop(b)
		}
		p.free[i] = nil
	}
	p.stats.Cached = 0
}

// ResetHighWater sets the high water mark to what is in use now.
func (p *Pool[T]) ResetHighWater() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stats.HighWater = p.stats.InUse
}

// Stats returns the pool's present state.
func (p *Pool[T]) Stats() MemoryStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stats
}
