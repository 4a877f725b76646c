package sim

import "sync"

// Work on many elements is spread over the threads of the pool: it is cut at places that
// depend on sizes alone, no two pieces write the same element, and none reads what
// another writes, so that results do not depend on threads.

// laneRooms are the lanes of pieces that are done.
var laneRooms = sync.Pool{New: func() any { return new([5]room) }}

// ranges runs f on pieces of 0..n, each with a core of its own: the same memories, other
// lanes. The other scratch of the core is not for f.
func (c *core) ranges(n, size int, f func(c *core, lo, hi int)) {
	if c.workers == nil || n <= size {
		f(c, 0, n)
		return
	}
	c.workers.Ranges(n, size, func(lo, hi int) {
		own := *c
		own.lanes = laneRooms.Get().(*[5]room)
		f(&own, lo, hi)
		laneRooms.Put(own.lanes)
	})
}

// piece is how many elements are worth handing to another thread.
const piece = 16 * strip

// rowsOf is how many rows of so many elements make a piece.
func rowsOf(elements int) int { return max(1, piece/max(elements, 1)) }
