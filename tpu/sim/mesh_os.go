package sim

import (
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// outputMesh is the registers of an output-stationary array: activations move right,
// weights down, and every element keeps its sum. When a chain of sums is complete in
// the last row of a column, the column's sums move down and out, the last row first.
type outputMesh struct {
	m      *Mesh
	a, w   []uint32
	sum    []uint32
	token  []*entry // what an element works on in this cycle
	drains []draining
}

// draining is a column whose sums leave.
type draining struct {
	col  int
	step int // sums that have left
	e    *entry
}

func newOutputMesh(m *Mesh) *outputMesh {
	n := m.rows * m.cols
	return &outputMesh{m: m, a: make([]uint32, n), w: make([]uint32, n), sum: make([]uint32, n), token: make([]*entry, n)}
}

// fetch reads what enters: of every row of activations the k-th, and the k-th row of
// the weight tile.
func (o *outputMesh) fetch(v []uint32, op *isa.Op, k, pass int, t *tile) {
	c, size := o.m.core, op.Format.ActivationBytes()
	clear(v)
	for r := range op.Rows {
		at := op.Buf.Addr + int64(r)*op.Buf.Pitch + int64(k*size)
		if op.Window != nil {
			if at = op.Window.Address(r, k); at < 0 {
				continue
			}
		}
		v[r] = register(c.buffer[at:], 0, size, op.Format.SignedA, o.m.float, pass%2)
	}
	for j := range t.Cols {
		lo, hi := o.m.weight(t.raw(k, j), op.Format.Precision == num.Int16)
		if pass >= 2 {
			lo = hi
		}
		v[o.m.rows+j] = lo
	}
}

// stepOutputs is one cycle of an output-stationary array.
func (m *Mesh) stepOutputs(t int64) {
	if o := m.outputs; o != nil {
		o.drain()
		o.move(t)
	}
	// When the last column's sums of a chain have left, or, within a chain, the last
	// element has worked.
	if e := m.entry(t - int64(2*m.rows+m.cols) + 2); e.valid && e.last && e.drain {
		e.x.done = t + 1
	}
	if e := m.entry(t - int64(m.rows+m.cols) + 1); e.valid && e.last && !e.drain {
		e.x.done = t + 1
	}
}

// move advances all operands by one element and lets every element work.
func (o *outputMesh) move(t int64) {
	m := o.m
	for r := m.rows - 1; r >= 0; r-- {
		for c := m.cols - 1; c >= 0; c-- {
			i := r*m.cols + c
			var e *entry
			var a, w uint32
			if c > 0 {
				e, a = o.token[i-1], o.a[i-1]
			} else {
				// The skew in front of the array: row r sees what entered r cycles ago.
				if e = m.entry(t - int64(r)); e.valid {
					a = m.valuesOf(t - int64(r))[r]
				}
			}
			if r > 0 {
				w = o.w[i-m.cols]
			} else if f := m.entry(t - int64(c)); f.valid {
				w = m.valuesOf(t - int64(c))[m.rows+c]
			}
			o.a[i], o.w[i], o.token[i] = a, w, e
			if e == nil || !e.valid {
				continue
			}
			sum := o.sum[i]
			if e.first {
				sum = 0
			}
			if m.float {
				sum = element(true, a, w, sum)
			} else {
				sum += element(false, a, w, 0) << e.shift
			}
			o.sum[i] = sum
			if e.last && e.drain && r == m.rows-1 {
				o.drains = append(o.drains, draining{c, -1, e})
			}
		}
	}
}

// drain lets one sum of every complete column leave and moves the others down.
func (o *outputMesh) drain() {
	m := o.m
	kept := o.drains[:0]
	for _, d := range o.drains {
		d.step++
		row := m.rows - 1 - d.step
		op := &d.e.x.op
		if row < op.Rows && d.col < op.Tile.Cols {
			v := o.sum[(m.rows-1)*m.cols+d.col]
			move(m.core.acc[m.index][(op.Acc+row)*m.cols+d.col:][:1], []uint32{v}, op.Accumulate, m.float)
		}
		// The sums above move down; those of rows before the step have passed.
		for r := m.rows - 1; r > d.step; r-- {
			o.sum[r*m.cols+d.col] = o.sum[(r-1)*m.cols+d.col]
		}
		if d.step < m.rows-1 {
			kept = append(kept, d)
		}
	}
	o.drains = kept
}
