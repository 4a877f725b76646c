package cpu

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Gathers move elements by their size; additions need their type. Repeated
// indices add up in the order of the indices, by one thread each, so sums have a
// fixed order.

func init() {
	declare(func(d *device) {
		for _, t := range ops.Any {
			switch t.Size() {
			case 1:
				gathers[uint8](d, t)
			case 2:
				gathers[uint16](d, t)
			case 4:
				gathers[uint32](d, t)
			default:
				gathers[uint64](d, t)
			}
		}
		d.addFloats(ops.IndexAdd.Name, nil, indexAdd[float32](d))
		d.addFloats(ops.ScatterAdd.Name, nil, scatterAdd[float32](d))
		additions[float64](d)
		additions[int64](d)
		additions[int32](d)
		additions[int16](d)
		additions[int8](d)
		additions[uint64](d)
		additions[uint32](d)
		additions[uint16](d)
		additions[uint8](d)
		for _, t := range ops.Indices {
			d.add(ops.OneHot.Name, t, nil, d.oneHot)
		}
	})
}

func gathers[T number](d *device, t dtype.Type) {
	d.add(ops.Take.Name, t, nil, take[T](d))
	d.add(ops.Gather.Name, t, nil, gather[T](d))
}

func additions[T number](d *device) {
	d.add(ops.IndexAdd.Name, dtype.Of[T](), nil, indexAdd[T](d))
	d.add(ops.ScatterAdd.Name, dtype.Of[T](), nil, scatterAdd[T](d))
}

// indices reads an index tensor as i64 and checks it against the size of the
// axis. release gives back the memory of a copy.
func (d *device) indices(op *ops.Op, v hal.View, n int) (idx []int64, release func(), err error) {
	idx, release, err = d.longs(v)
	for i, k := range idx {
		if k < 0 || k >= int64(n) {
			release()
			return nil, nil, &ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("index %d at position %d of idx is outside the axis, which has %d elements", k, i, n)}
		}
	}
	return idx, release, err
}

// longs is an index tensor as i64: itself, or a copy that release gives back.
func (d *device) longs(v hal.View) (idx []int64, release func(), err error) {
	if v.DType == dtype.I64 {
		return data[int64](v), func() {}, nil
	}
	buf, err := d.Alloc(v.Elements() * dtype.I64.Size())
	if err != nil {
		return nil, nil, err
	}
	wide := hostdev.Bytes(buf)
	dtype.Convert(wide, dtype.I64, memory(v), v.DType)
	return dtype.Slice[int64](wide), buf.Free, nil
}

// positions copies an index tensor.
func positions(v hal.View) []int {
	out := make([]int, v.Elements())
	switch v.DType {
	case dtype.I64:
		for i, k := range data[int64](v) {
			out[i] = int(k)
		}
	case dtype.I32:
		for i, k := range data[int32](v) {
			out[i] = int(k)
		}
	}
	return out
}

// axisOf is a normalised axis, which the shape rule has accepted.
func axisOf(axis, rank int) int {
	a, err := shape.Axis(axis, rank)
	if err != nil {
		panic(err)
	}
	return a
}

// take copies slices [inner] of [outer, n, inner] at indices.
func take[T number](d *device) run {
	return func(c *hal.Call) error {
		x := c.In[0]
		axis := axisOf(c.Attrs.(ops.TakeAttrs).Axis, len(x.Shape))
		n, inner := x.Shape[axis], product(x.Shape[axis+1:])
		idx, release, err := d.indices(ops.Take, c.In[1], n)
		if err != nil {
			return err
		}
		defer release()
		if inner == 0 || len(idx) == 0 {
			return nil
		}
		src, dst := dtype.Slice[T](memory(x)), dtype.Slice[T](memory(c.Out[0]))
		d.rows(len(dst)/inner, inner, func(lo, hi int) {
			for r := lo; r < hi; r++ {
				from := (r/len(idx)*n + int(idx[r%len(idx)])) * inner
				copy(dst[r*inner:(r+1)*inner], src[from:from+inner])
			}
		})
		return nil
	}
}

// indexAdd adds slices of updates [outer, len(idx), inner] to a copy of x
// [outer, n, inner].
func indexAdd[T number](d *device) run {
	return func(c *hal.Call) error {
		x := c.In[0]
		axis := axisOf(c.Attrs.(ops.IndexAddAttrs).Axis, len(x.Shape))
		n, inner := x.Shape[axis], product(x.Shape[axis+1:])
		idx, release, err := d.indices(ops.IndexAdd, c.In[1], n)
		if err != nil {
			return err
		}
		defer release()
		dst, up := data[T](c.Out[0]), data[T](c.In[2])
		copy(dst, data[T](x))
		outer := product(x.Shape[:axis])
		if len(up) == 0 {
			return nil
		}
		// One task owns a stretch of columns of one outer slice.
		const run = 256
		blocks := (inner + run - 1) / run
		d.chunks(outer*blocks, max(1, grain/(len(idx)*min(inner, run))), func(lo, hi int) {
			for task := lo; task < hi; task++ {
				o, b := task/blocks, task%blocks*run
				e := min(b+run, inner)
				for i, k := range idx {
					at := (o*n + int(k)) * inner
					to := dst[at+b : at+e]
					for j, v := range up[(o*len(idx)+i)*inner+b : (o*len(idx)+i)*inner+e] {
						to[j] += v
					}
				}
			}
		})
		return nil
	}
}

// picks calls f with the element that every index refers to. The positions before
// the axis are spread over the threads; those that may meet in one element are
// visited in order.
func (d *device) picks(op *ops.Op, x, idx hal.View, axis int, f func(at, i int)) error {
	axis = axisOf(axis, len(x.Shape))
	list, release, err := d.indices(op, idx, x.Shape[axis])
	if err != nil {
		return err
	}
	defer release()
	strides := shape.Strides(x.Shape)
	stride := strides[axis]
	strides[axis] = 0
	outer, block := product(idx.Shape[:axis]), product(idx.Shape[axis:])
	d.rows(outer, block, func(lo, hi int) {
		for o := lo; o < hi; o++ {
			base := 0
			for a, rest := axis-1, o; a >= 0; a-- {
				base += rest % idx.Shape[a] * strides[a]
				rest /= idx.Shape[a]
			}
			if axis == len(x.Shape)-1 {
				for i, k := range list[o*block : (o+1)*block] {
					f(base+int(k), o*block+i)
				}
				continue
			}
			it := shape.NewIterator(idx.Shape[axis:], strides[axis:])
			for i := o * block; it.Next(); i++ {
				f(base+it.Offsets()[0]+int(list[i])*stride, i)
			}
		}
	})
	return nil
}

func gather[T number](d *device) run {
	return func(c *hal.Call) error {
		src, dst := dtype.Slice[T](memory(c.In[0])), dtype.Slice[T](memory(c.Out[0]))
		return d.picks(ops.Gather, c.In[0], c.In[1], c.Attrs.(ops.GatherAttrs).Axis, func(at, i int) { dst[i] = src[at] })
	}
}

func scatterAdd[T number](d *device) run {
	return func(c *hal.Call) error {
		dst, up := data[T](c.Out[0]), data[T](c.In[2])
		copy(dst, data[T](c.In[0]))
		return d.picks(ops.ScatterAdd, c.In[0], c.In[1], c.Attrs.(ops.ScatterAttrs).Axis, func(at, i int) { dst[at] += up[i] })
	}
}

// oneHot writes rows of zeros with a one at every index; an index outside the
// classes leaves its row zero.
func (d *device) oneHot(c *hal.Call) error {
	classes := c.Attrs.(ops.OneHotAttrs).Classes
	d.fill(c.Out[0], 0)
	b := memory(c.Out[0])
	idx, release, err := d.longs(c.In[0])
	if err != nil {
		return err
	}
	defer release()
	for i, k := range idx {
		if k >= 0 && k < int64(classes) {
			dtype.Store(b, c.Out[0].DType, i*classes+int(k), 1)
		}
	}
	return nil
}
