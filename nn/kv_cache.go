package nn

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// KVCache holds the keys and values of a sequence that one layer of attention has
// seen, so that the next token costs one position and not all of them again. Its
// memory is there from the start and does not grow. It is for decoding: in NoGrad,
// and not in a compiled function.
type KVCache struct {
	keys, values *crease.Tensor // [N, KVHeads, capacity, D]
	n            int
}

// NewCache makes an empty cache for a batch of sequences of at most capacity
// positions.
func (l *MultiHeadAttention) NewCache(batch, capacity int) *KVCache {
	dims := []int{batch, l.c.KVHeads, capacity, l.c.Dim / l.c.Heads}
	at := []crease.Option{crease.On(l.InWeight.Device()), crease.As(l.InWeight.DType())}
	return &KVCache{keys: crease.Zeros(dims, at...).Keep(), values: crease.Zeros(dims, at...).Keep()}
}

// Len is the number of positions in the cache.
func (c *KVCache) Len() int { return c.n }

// Cut forgets the positions from n on; 0 empties the cache.
func (c *KVCache) Cut(n int) {
	if n < 0 || n > c.n {
		panic(&ops.AttrError{Op: "kv_cache", Reason: fmt.Sprintf("cannot cut to %d positions, there are %d", n, c.n)})
	}
	c.n = n
}

// Free gives the memory back.
func (c *KVCache) Free() {
	c.keys.Free()
	c.values.Free()
}

// add appends keys and values [N, KVHeads, L, D] and returns all there are.
func (c *KVCache) add(k, v *crease.Tensor) (keys, values *crease.Tensor) {
	switch more := k.Dim(2); {
	case crease.Compiling():
		panic(&ops.AttrError{Op: "kv_cache", Reason: "in a compiled function every call would write to the same places: decode without Compile"})
	case k.RequiresGrad() || v.RequiresGrad():
		panic(&ops.GradError{Reason: "a cache of keys and values records no gradients: decode in NoGrad"})
	case c.n+more > c.keys.Dim(2):
		panic(&ops.ShapeError{Op: "kv_cache", In: []ops.Spec{k.Spec()}, Rule: fmt.Sprintf("%d positions after %d do not fit in a cache of %d: make a larger one, or Cut it", more, c.n, c.keys.Dim(2))})
	default:
		c.keys.Narrow(2, c.n, more).Assign(k)
		c.values.Narrow(2, c.n, more).Assign(v)
		c.n += more
	}
	return c.keys.Narrow(2, 0, c.n), c.values.Narrow(2, 0, c.n)
}
