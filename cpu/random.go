package cpu

import (
	"math"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addDense(ops.Philox.Name, dtype.U64, func(c *call) task {
			out := &c.out[0]
			return d.words(&c.in[0], out.n, func(at int, w []uint32) { copy(data[uint32](out)[at:], w) })
		})
		d.addDense(ops.Uniform.Name, dtype.U64, func(c *call) task {
			return d.draw(c, c.attrs.(ops.RandAttrs).Draw())
		})
		d.addDense(ops.RandInt.Name, dtype.U64, func(c *call) task {
			a, out := c.attrs.(ops.RandIntAttrs), &c.out[0]
			return d.words(&c.in[0], 4*out.n, func(at int, w []uint32) {
				b := out.memory()
				for i := 0; i < len(w); i += 4 {
					dtype.StoreInt(b, out.DType, (at+i)/4, a.Draw([4]uint32(w[i:])))
				}
			})
		})
		d.addDense(ops.Bernoulli.Name, dtype.U64, func(c *call) task {
			p := c.attrs.(ops.BernoulliAttrs).P
			return d.draw(c, func(w uint32) float64 {
				if float64(w>>8)*unit < p {
					return 1
				}
				return 0
			})
		})
		d.addDense(ops.Normal.Name, dtype.U64, d.normal)
		d.addFloats(ops.Dropout.Name, d.dropout)
	})
}

// unit is the distance between neighbouring random fractions.
const unit = 0x1p-24

// blockWords is the number of words drawn at a time: whole Philox blocks.
const blockWords = 512

var wordScratch = sync.Pool{New: func() any { return new([blockWords]uint32) }}

// words plans giving f the first n words of a key's stream, piece by piece, in no order.
func (d *device) words(from *operand, n int, f func(at int, w []uint32)) task {
	body := func(lo, hi int) {
		key := data[uint64](from)
		seed := [2]uint32{uint32(key[0]), uint32(key[0] >> 32)}
		w := wordScratch.Get().(*[blockWords]uint32)
		for at := lo; at < hi; at += blockWords {
			k := min(blockWords, hi-at)
			for i := 0; i < k; i += 4 {
				block := key[1] + uint64(at+i)/4 // modulo 2^64, as on every device
				*(*[4]uint32)(w[i:]) = ops.PhiloxBlock([4]uint32{uint32(block), uint32(block >> 32)}, seed)
			}
			f(at, w[:k])
		}
		wordScratch.Put(w)
	}
	return task{run: func([]byte) error {
		d.chunks(n, 1<<13, body)
		return nil
	}}
}

// draw makes one number of every word.
func (d *device) draw(c *call, number func(uint32) float64) task {
	out := &c.out[0]
	if out.DType == dtype.F32 {
		return d.words(&c.in[0], out.n, func(at int, w []uint32) {
			to := data[float32](out)[at:]
			for i, x := range w {
				to[i] = float32(number(x))
			}
		})
	}
	return d.words(&c.in[0], out.n, func(at int, w []uint32) {
		b := out.memory()
		for i, x := range w {
			dtype.Store(b, out.DType, at+i, number(x))
		}
	})
}

// normal makes two elements of every pair of words.
func (d *device) normal(c *call) task {
	out := &c.out[0]
	place := c.attrs.(ops.NormalAttrs).Placed()
	return d.words(&c.in[0], out.n+out.n%2, func(at int, w []uint32) {
		b := out.memory()
		for i := 0; i < len(w); i += 2 {
			first, second := ops.NormalPair(w[i], w[i+1])
			dtype.Store(b, out.DType, at+i, place(first))
			if at+i+1 < out.n {
				dtype.Store(b, out.DType, at+i+1, place(second))
			}
		}
	})
}

// dropout keeps an element where its word is at least the threshold.
func (d *device) dropout(c *call) task {
	a := c.attrs.(ops.DropoutAttrs)
	threshold := a.Threshold()
	scale := float32(1 / (1 - a.P))
	in, out, kept := &c.in[0], &c.out[0], &c.out[1]
	t := d.words(&c.in[1], in.n, func(at int, w []uint32) {
		x, y, mask := data[float32](in)[at:], data[float32](out)[at:], kept.memory()[at:]
		for i, bits := range w {
			var keep uint32 // no branch: processors cannot foresee a random one
			if bits >= threshold {
				keep = 1
			}
			y[i] = math.Float32frombits(math.Float32bits(x[i]*scale) & -keep)
			mask[i] = byte(keep)
		}
	})
	t.inPlace = over(pair{0, 0})
	return t
}
