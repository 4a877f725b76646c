package cpu

import (
	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() {
	declare(func(d *device) {
		name := ops.MatMul.Name
		d.register(name, dtype.F32, hal.Strided, d.priority(dtype.F32), forward, func(c *hal.Call) error { return matmul[float32](d, c) })
		d.register(name, dtype.F64, hal.Strided, d.priority(dtype.F32), forward, func(c *hal.Call) error { return matmul[float64](d, c) })
		for _, t := range halves {
			d.add(name, t, nil, d.lifted(func(c *hal.Call) error { return matmul[float32](d, c) }))
		}
		matmulInts[int64](d)
		matmulInts[int32](d)
		matmulInts[int16](d)
		matmulInts[int8](d)
		matmulInts[uint64](d)
		matmulInts[uint32](d)
		matmulInts[uint16](d)
		matmulInts[uint8](d)
		d.addFloats(ops.Linear.Name, nil, func(c *hal.Call) error { return linear[float32](d, c) })
		d.add(ops.Linear.Name, dtype.F64, nil, func(c *hal.Call) error { return linear[float64](d, c) })
	})
}

// forward accepts operands whose strides the packed product can follow:
// transposed and broadcast ones, but none that run backwards.
func forward(c *hal.Call) bool {
	for _, v := range c.In {
		for _, s := range v.Strides {
			if s < 0 {
				return false
			}
		}
	}
	return true
}

// batch is the leading axes of a product over its operands.
type batch struct {
	dims []int
	a, b []int // strides
	n    int   // members
}

// leading broadcasts the axes before the last two.
func leading(c *hal.Call) batch {
	x, y, z := c.In[0], c.In[1], c.Out[0]
	lead := z.Shape[:len(z.Shape)-2]
	strides := func(v hal.View) []int {
		k := len(v.Shape) - 2
		s, err := shape.BroadcastStrides(v.Shape[:k], v.Strides[:k], lead)
		if err != nil {
			panic(err) // the shape rule has accepted it
		}
		return s
	}
	dims, s := shape.Collapse(lead, strides(x), strides(y))
	return batch{dims, s[0], s[1], product(dims)}
}

// at is where member i of the batch begins in either operand.
func (b *batch) at(i int) (x, y int) {
	for k := len(b.dims) - 1; k >= 0; k-- {
		j := i % b.dims[k]
		i /= b.dims[k]
		x, y = x+j*b.a[k], y+j*b.b[k]
	}
	return x, y
}

// layout is how the last two axes lie in memory.
func layout(v hal.View) gemm.Layout {
	k := len(v.Shape)
	l := gemm.Layout{RS: v.Strides[k-2], CS: v.Strides[k-1]}
	if v.Shape[k-2] == 1 {
		l.RS = 0
	}
	if v.Shape[k-1] == 1 {
		l.CS = 0
	}
	return l
}

// smallProduct is the number of multiplications below which the members of a
// batch are spread over the threads, and not the parts of each.
const smallProduct = 1 << 21

// matmul multiplies on the packed kernels, whose layouts take transposed views
// as they are.
func matmul[T gemm.Float](d *device, c *hal.Call) error {
	x, y, z := c.In[0], c.In[1], c.Out[0]
	rank := len(z.Shape)
	m, n, k := z.Shape[rank-2], z.Shape[rank-1], x.Shape[len(x.Shape)-1]
	out := data[T](z)
	if len(out) == 0 {
		return nil
	}
	if k == 0 {
		clear(out)
		return nil
	}
	xs, ys := whole[T](x)[x.Offset:], whole[T](y)[y.Offset:]
	lx, ly := layout(x), layout(y)
	b := leading(c)
	if m == 1 && len(b.dims) == 1 {
		lx.RS = b.a[0] // rows of one member each: as good as a stack
	}
	switch {
	case b.n == 1:
		gemm.Gemm(d.gemm, m, n, k, gemm.OperandOf[T]{Data: xs, Layout: lx}, gemm.OperandOf[T]{Data: ys, Layout: ly}, out, n, false, nil)
	case len(b.dims) == 1 && b.b[0] == 0 && b.a[0] == m*lx.RS:
		// One right operand for a stack of rows: a single, taller product.
		gemm.Gemm(d.gemm, b.n*m, n, k, gemm.OperandOf[T]{Data: xs, Layout: lx}, gemm.OperandOf[T]{Data: ys, Layout: ly}, out, n, false, nil)
	case len(b.dims) == 1:
		gemm.Batched(d.gemm, b.n, m, n, k, xs, lx, b.a[0], ys, ly, b.b[0], out, n, m*n, false, nil)
	default:
		member := func(i int) {
			ox, oy := b.at(i)
			gemm.Gemm(d.gemm, m, n, k, gemm.OperandOf[T]{Data: xs[ox:], Layout: lx}, gemm.OperandOf[T]{Data: ys[oy:], Layout: ly}, out[i*m*n:(i+1)*m*n], n, false, nil)
		}
		if m*n*k < smallProduct {
			d.workers.For(b.n, member)
			return nil
		}
		for i := range b.n {
			member(i)
		}
	}
	return nil
}

// matmulInts registers the product on integers, which wrap.
func matmulInts[T number](d *device) {
	d.add(ops.MatMul.Name, dtype.Of[T](), nil, func(c *hal.Call) error {
		x, y, z := c.In[0], c.In[1], c.Out[0]
		rank := len(z.Shape)
		m, n, k := z.Shape[rank-2], z.Shape[rank-1], x.Shape[len(x.Shape)-1]
		xs, ys, out := data[T](x), data[T](y), data[T](z)
		b := leading(c)
		if len(out) == 0 {
			return nil
		}
		d.rows(b.n*m, n*max(k, 1), func(lo, hi int) {
			for r := lo; r < hi; r++ {
				row := out[r*n : (r+1)*n]
				clear(row)
				ox, oy := b.at(r / m)
				for p := range k {
					v := xs[ox+r%m*k+p]
					for j, w := range ys[oy+p*n : oy+(p+1)*n] {
						row[j] += v * w
					}
				}
			}
		})
		return nil
	})
}

var activations = map[string]gemm.Activation{"": gemm.None, "relu": gemm.Relu, "tanh": gemm.Tanh, "sigmoid": gemm.Sigmoid}

// linear is act(x·wᵀ + bias), bias and activation applied while the tile is in
// cache.
func linear[T gemm.Float](d *device, c *hal.Call) error {
	x, w := c.In[0], c.In[1]
	n, k := w.Shape[0], w.Shape[1]
	out := data[T](c.Out[0])
	if len(out) == 0 {
		return nil
	}
	ep := &gemm.EpilogueOf[T]{Act: activations[c.Attrs.(ops.LinearAttrs).Act]}
	if len(c.In) == 3 {
		ep.BiasN = data[T](c.In[2])
	}
	gemm.Gemm(d.gemm, len(out)/n, n, k,
		gemm.OperandOf[T]{Data: data[T](x), Layout: gemm.RowMajor(k)},
		gemm.OperandOf[T]{Data: data[T](w), Layout: gemm.RowMajor(k).T()}, out, n, false, ep)
	return nil
}
