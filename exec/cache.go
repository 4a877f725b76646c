package exec

import (
	"slices"
	"unsafe"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

const (
	cacheSets = 512
	cacheWays = 8
)

// planCache keeps plans for calls to come. It is a set-associative cache, as processors have
// them: the hash of a plan names a set, and every set keeps its most recently used plans. So
// calls whose shapes never repeat push each other out, and memory does not grow.
type planCache struct {
	sets       [][cacheWays]*Plan // made with the first plan
	clock      uint32
	generation uint64 // of the kernels that plans were made with
	hits       uint64
	misses     uint64
	evictions  uint64
}

// planHash returns a hash of all that a plan depends on.
func planHash(op *ops.Op, attrs any, in, into []*Layout) uint64 {
	h := mix(uint64(uintptr(unsafe.Pointer(op))), uint64(len(in)))
	if attrs != nil {
		h = mix(h, op.HashAttrs(attrs))
	}
	for _, l := range in {
		h = mix(h, l.hash)
	}
	for _, l := range into {
		h = mix(h, l.hash+1)
	}
	return h
}

// find returns the plan for a call, or nil if none is kept.
func (c *planCache) find(hash uint64, op *ops.Op, attrs any, in, into []*Layout) *Plan {
	if g := hal.Generation(); g != c.generation {
		clear(c.sets)
		c.generation = g
	}
	if c.sets != nil {
		for _, p := range c.sets[hash%cacheSets] {
			if p != nil && p.hash == hash && p.op == op && slices.EqualFunc(p.in, in, (*Layout).Equal) &&
				slices.EqualFunc(p.into, into, (*Layout).Equal) && (attrs == nil && p.attrs == nil || op.SameAttrs(attrs, p.attrs)) {
				c.clock++
				p.used = c.clock
				c.hits++
				return p
			}
		}
	}
	c.misses++
	return nil
}

// add keeps a plan and drops the least recently used one of its set.
func (c *planCache) add(p *Plan) {
	if c.sets == nil {
		c.sets = make([][cacheWays]*Plan, cacheSets)
	}
	c.clock++
	p.used = c.clock
	set := &c.sets[p.hash%cacheSets]
	at := 0
	for i, q := range set {
		if q == nil {
			at = i
			break
		}
		if c.clock-q.used > c.clock-set[at].used {
			at = i
		}
	}
	if set[at] != nil {
		c.evictions++
	}
	set[at] = p
}

// CacheStats counts how often plans were found in an engine's cache, made and dropped.
type CacheStats struct {
	Hits, Misses, Evictions uint64
}

// CacheStats returns the counts since the engine was made.
func (e *Engine) CacheStats() CacheStats {
	e.planning.Lock()
	defer e.planning.Unlock()
	return CacheStats{e.plans.hits, e.plans.misses, e.plans.evictions}
}
