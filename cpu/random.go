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
			a := c.attrs.(ops.RandAttrs)
			return d.draw(c, func(w uint32) float64 { return float64(w>>8)*((a.Hi-a.Lo)*unit) + a.Lo })
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
				block := key[1] + uint64(at+i)/4
				carry := uint32(0)
				if block < key[1] {
					carry = 1 // the counter has 128 bits
				}
				*(*[4]uint32)(w[i:]) = ops.PhiloxBlock([4]uint32{uint32(block), uint32(block >> 32), carry, 0}, seed)
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

// normal is the Box-Muller transform: the first half of the words gives radii,
// the second angles; cosines come first, sines after.
func (d *device) normal(c *call) task {
	a, out := c.attrs.(ops.NormalAttrs), &c.out[0]
	half := (out.n + 1) / 2
	var all []uint32
	draw := d.words(&c.in[0], 2*half, func(at int, w []uint32) { copy(all[at:], w) })
	body := func(lo, hi int) {
		b, all := out.memory(), all
		for i := lo; i < hi; i++ {
			radius := a.Std * math.Sqrt(-2*math.Log(float64(all[i]>>8+1)*unit))
			sin, cos := math.Sincos(2 * math.Pi * float64(all[half+i]>>8) * unit)
			dtype.Store(b, out.DType, i, a.Mean+radius*cos)
			if half+i < out.n {
				dtype.Store(b, out.DType, half+i, a.Mean+radius*sin)
			}
		}
	}
	return task{work: aligned(2 * half * 4), run: func(work []byte) error {
		all = scratch[uint32](&work, 2*half)
		if err := draw.run(nil); err != nil {
			return err
		}
		d.chunks(half, grain, body)
		return nil
	}}
}

// dropout keeps an element where its word is at least p·2^32.
func (d *device) dropout(c *call) task {
	p := c.attrs.(ops.DropoutAttrs).P
	threshold := uint64(math.Ceil(p * (1 << 32)))
	scale := float32(1 / (1 - p))
	in, out, kept := &c.in[0], &c.out[0], &c.out[1]
	t := d.words(&c.in[1], in.n, func(at int, w []uint32) {
		x, y, mask := data[float32](in)[at:], data[float32](out)[at:], kept.memory()[at:]
		for i, bits := range w {
			var keep uint32 // no branch: processors cannot foresee a random one
			if uint64(bits) >= threshold {
				keep = 1
			}
			y[i] = math.Float32frombits(math.Float32bits(x[i]*scale) & -keep)
			mask[i] = byte(keep)
		}
	})
	t.inPlace = over(pair{0, 0})
	return t
}
