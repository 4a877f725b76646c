package cpu

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.add(ops.Philox.Name, dtype.U64, nil, func(c *hal.Call) error {
			out := data[uint32](c.Out[0])
			key := data[uint64](c.In[0])
			d.words(key, len(out), func(at int, w []uint32) { copy(out[at:], w) })
			return nil
		})
		d.add(ops.Uniform.Name, dtype.U64, nil, func(c *hal.Call) error {
			a := c.Attrs.(ops.RandAttrs)
			return d.draw(c, func(w uint32) float64 { return float64(w>>8)*((a.Hi-a.Lo)*unit) + a.Lo })
		})
		d.add(ops.Bernoulli.Name, dtype.U64, nil, func(c *hal.Call) error {
			p := c.Attrs.(ops.BernoulliAttrs).P
			return d.draw(c, func(w uint32) float64 {
				if float64(w>>8)*unit < p {
					return 1
				}
				return 0
			})
		})
		d.add(ops.Normal.Name, dtype.U64, nil, d.normal)
		d.addFloats(ops.Dropout.Name, nil, d.dropout)
	})
}

// unit is the distance between neighbouring random fractions.
const unit = 0x1p-24

// blockWords is the number of words drawn at a time: whole Philox blocks.
const blockWords = 512

// words gives f the first n words of a key's stream, piece by piece, in no order.
func (d *device) words(key []uint64, n int, f func(at int, w []uint32)) {
	seed := [2]uint32{uint32(key[0]), uint32(key[0] >> 32)}
	d.chunks(n, 1<<13, func(lo, hi int) {
		var w [blockWords]uint32
		for at := lo; at < hi; at += blockWords {
			k := min(blockWords, hi-at)
			for i := 0; i < k; i += 4 {
				block := key[1] + uint64(at+i)/4
				carry := uint32(0)
				if block < key[1] {
					carry = 1 // the counter has 128 bits
				}
				r := ops.PhiloxBlock([4]uint32{uint32(block), uint32(block >> 32), carry, 0}, seed)
				copy(w[i:], r[:])
			}
			f(at, w[:k])
		}
	})
}

// draw makes one number of every word.
func (d *device) draw(c *hal.Call, number func(uint32) float64) error {
	v := c.Out[0]
	b := memory(v)
	key := data[uint64](c.In[0])
	if v.DType == dtype.F32 {
		out := data[float32](v)
		d.words(key, len(out), func(at int, w []uint32) {
			for i, x := range w {
				out[at+i] = float32(number(x))
			}
		})
		return nil
	}
	d.words(key, v.Elements(), func(at int, w []uint32) {
		for i, x := range w {
			dtype.Store(b, v.DType, at+i, number(x))
		}
	})
	return nil
}

// normal is the Box-Muller transform: the first half of the words gives radii,
// the second angles; cosines come first, sines after.
func (d *device) normal(c *hal.Call) error {
	a, v := c.Attrs.(ops.NormalAttrs), c.Out[0]
	b, n := memory(v), v.Elements()
	half := (n + 1) / 2
	buf, err := d.Alloc(2 * half * 4)
	if err != nil {
		return err
	}
	defer buf.Free()
	all := dtype.Slice[uint32](hostdev.Bytes(buf))
	d.words(data[uint64](c.In[0]), 2*half, func(at int, w []uint32) { copy(all[at:], w) })
	d.chunks(half, grain, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			radius := a.Std * math.Sqrt(-2*math.Log(float64(all[i]>>8+1)*unit))
			sin, cos := math.Sincos(2 * math.Pi * float64(all[half+i]>>8) * unit)
			dtype.Store(b, v.DType, i, a.Mean+radius*cos)
			if half+i < n {
				dtype.Store(b, v.DType, half+i, a.Mean+radius*sin)
			}
		}
	})
	return nil
}

// dropout keeps an element where its word is at least p·2^32.
func (d *device) dropout(c *hal.Call) error {
	p := c.Attrs.(ops.DropoutAttrs).P
	threshold := math.Ceil(p * (1 << 32))
	x, y, mask := data[float32](c.In[0]), data[float32](c.Out[0]), memory(c.Out[1])
	scale := float32(1 / (1 - p))
	d.words(data[uint64](c.In[1]), len(x), func(at int, w []uint32) {
		for i, bits := range w {
			keep := float64(bits) >= threshold
			y[at+i], mask[at+i] = 0, 0
			if keep {
				y[at+i], mask[at+i] = x[at+i]*scale, 1
			}
		}
	})
	return nil
}
