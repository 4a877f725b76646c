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
		d.add(name, dtype.F32, hal.Strided, d.priority(dtype.F32), forward, func(c *call) task { return matmul[float32](d, c) })
		d.add(name, dtype.F64, hal.Strided, d.priority(dtype.F32), forward, func(c *call) task { return matmul[float64](d, c) })
		for _, t := range halves {
			d.addDense(name, t, d.widened(func(c *call) task { return matmul[float32](d, c) }))
		}
		matmulInts[int64](d)
		matmulInts[int32](d)
		matmulInts[int16](d)
		matmulInts[int8](d)
		matmulInts[uint64](d)
		matmulInts[uint32](d)
		matmulInts[uint16](d)
		matmulInts[uint8](d)
		d.addFloats(ops.Linear.Name, func(c *call) task { return linear[float32](d, c) })
		d.addDense(ops.Linear.Name, dtype.F64, func(c *call) task { return linear[float64](d, c) })
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

// nothing is the task of a call without results.
var nothing = task{run: func([]byte) error { return nil }}

// batch is the leading axes of a product over its operands.
type batch struct {
	dims []int
	a, b []int // strides
	n    int   // members
}

// leading broadcasts the axes before the last two.
func leading(c *call) batch {
	x, y, z := &c.in[0], &c.in[1], &c.out[0]
	lead := z.Shape[:len(z.Shape)-2]
	strides := func(v *operand) []int {
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
func layout(v *operand) gemm.Layout {
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
func matmul[T gemm.Float](d *device, c *call) task {
	x, y, z := &c.in[0], &c.in[1], &c.out[0]
	rank := len(z.Shape)
	m, n, k := z.Shape[rank-2], z.Shape[rank-1], x.Shape[len(x.Shape)-1]
	switch {
	case z.n == 0:
		return nothing
	case k == 0:
		return task{run: func([]byte) error {
			clear(z.memory())
			return nil
		}}
	}
	lx, ly := layout(x), layout(y)
	b := leading(c)
	if m == 1 && len(b.dims) == 1 {
		lx.RS = b.a[0] // rows of one member each: as good as a stack
	}
	from := func(o *operand) []T { return whole[T](o)[o.Offset:] }
	switch {
	case b.n == 1:
		return task{run: func([]byte) error {
			gemm.Gemm(d.gemm, m, n, k, gemm.OperandOf[T]{Data: from(x), Layout: lx}, gemm.OperandOf[T]{Data: from(y), Layout: ly}, data[T](z), n, false, nil)
			return nil
		}}
	case len(b.dims) == 1 && b.b[0] == 0 && b.a[0] == m*lx.RS:
		// One right operand for a stack of rows: a single, taller product.
		return task{run: func([]byte) error {
			gemm.Gemm(d.gemm, b.n*m, n, k, gemm.OperandOf[T]{Data: from(x), Layout: lx}, gemm.OperandOf[T]{Data: from(y), Layout: ly}, data[T](z), n, false, nil)
			return nil
		}}
	case len(b.dims) == 1:
		return task{run: func([]byte) error {
			gemm.Batched(d.gemm, b.n, m, n, k, from(x), lx, b.a[0], from(y), ly, b.b[0], data[T](z), n, m*n, false, nil)
			return nil
		}}
	}
	var xs, ys, out []T
	member := func(i int) {
		ox, oy := b.at(i)
		gemm.Gemm(d.gemm, m, n, k, gemm.OperandOf[T]{Data: xs[ox:], Layout: lx}, gemm.OperandOf[T]{Data: ys[oy:], Layout: ly}, out[i*m*n:(i+1)*m*n], n, false, nil)
	}
	small := m*n*k < smallProduct
	return task{run: func([]byte) error {
		xs, ys, out = from(x), from(y), data[T](z)
		if small {
			d.workers.For(b.n, member)
			return nil
		}
		for i := range b.n {
			member(i)
		}
		return nil
	}}
}

// matmulInts registers the product on integers, which wrap.
func matmulInts[T number](d *device) {
	d.addDense(ops.MatMul.Name, dtype.Of[T](), func(c *call) task {
		x, y, z := &c.in[0], &c.in[1], &c.out[0]
		rank := len(z.Shape)
		m, n, k := z.Shape[rank-2], z.Shape[rank-1], x.Shape[len(x.Shape)-1]
		b := leading(c)
		if z.n == 0 {
			return nothing
		}
		body := func(lo, hi int) {
			xs, ys, out := data[T](x), data[T](y), data[T](z)
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
		}
		return task{run: func([]byte) error {
			d.rows(b.n*m, n*max(k, 1), body)
			return nil
		}}
	})
}

var activations = map[string]gemm.Activation{"": gemm.None, "relu": gemm.Relu, "tanh": gemm.Tanh, "sigmoid": gemm.Sigmoid}

// linear is act(x·wᵀ + bias), bias and activation applied while the tile is in
// cache.
func linear[T gemm.Float](d *device, c *call) task {
	x, w, y := &c.in[0], &c.in[1], &c.out[0]
	n, k := w.Shape[0], w.Shape[1]
	if y.n == 0 {
		return nothing
	}
	ep := &gemm.EpilogueOf[T]{Act: activations[c.attrs.(ops.LinearAttrs).Act]}
	return task{run: func([]byte) error {
		if len(c.in) == 3 {
			ep.BiasN = data[T](&c.in[2])
		}
		gemm.Gemm(d.gemm, y.n/n, n, k,
			gemm.OperandOf[T]{Data: data[T](x), Layout: gemm.RowMajor(k)},
			gemm.OperandOf[T]{Data: data[T](w), Layout: gemm.RowMajor(k).T()}, data[T](y), n, false, ep)
		return nil
	}}
}
