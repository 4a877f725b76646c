package sim

import (
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
)

// exact carries everything out cycle by cycle and finds out when it is done.
type exact struct {
	*core
	ctl    *control
	now    int64
	work   []worker
	meshes []*Mesh
	probe  func(int64, []*Mesh)
}

// worker is an operation under way. step does the work of one cycle and reports
// whether that was the last.
type worker struct {
	x    *flight
	step func() bool
}

func newExact(c *core, probe func(int64, []*Mesh)) *exact {
	e := &exact{core: c, probe: probe}
	for i := range c.cfg.Arrays {
		e.meshes = append(e.meshes, newMesh(c, i, probe != nil))
	}
	return e
}

func (e *exact) settle() {
	for _, m := range e.meshes {
		m.evaluate(e.now)
	}
}

// step is one cycle of everything.
func (e *exact) step(t int64) {
	kept := e.work[:0]
	for _, w := range e.work {
		if w.step() {
			w.x.read, w.x.done = t+1, t+1
		} else {
			kept = append(kept, w)
		}
	}
	clear(e.work[len(kept):])
	e.work = kept
	for i, m := range e.meshes {
		if m.step(t) {
			e.ctl.arrays[i].shifted = t + 1
		}
	}
	e.now = t + 1
	if e.probe != nil {
		e.settle()
		e.probe(t, e.meshes)
	}
}

func (e *exact) shift(array int, t int64) int64 {
	e.meshes[array].shiftIn(e.ctl.arrays[array].fifo[0], t)
	return unknown
}

func (e *exact) begin(x *flight, t int64) {
	op := &x.op
	e.now = t
	var step func() bool
	switch x.unit.lane {
	case matrix:
		e.meshes[op.Array].begin(x, t)
		return
	case weightReader:
		step = e.reading(x)
	case vectorUnit:
		if op.Code == isa.Activate {
			if e.values {
				e.meshes[op.Array].evaluate(t) // the sums that it reads
			}
			step = e.activating(op)
		} else {
			step = e.vectoring(op)
		}
	default:
		step = e.moving(op)
	}
	e.work = append(e.work, worker{x, step})
}

// stream lets bytes pass at a channel's rate, after its latency. Each cycle calls
// move with the number of bytes that pass.
func (e *exact) stream(op *isa.Op, ch *arch.Channel, rate arch.Rate, write bool, move func(n int64)) func() bool {
	wait := e.cfg.Latency(ch, write)
	left := op.Bytes()
	credit := uint64(0)
	return func() bool {
		if wait > 0 {
			if wait--; wait > 0 || rate.Limited() {
				return false
			}
		}
		n := left
		if rate.Limited() {
			credit += rate.Num
			n = min(left, int64(credit/rate.Den))
			credit %= rate.Den
		}
		if move != nil {
			move(n)
		}
		left -= n
		return left == 0
	}
}

// bytesOf walks through the bytes of a region.
type bytesOf struct {
	isa.Region
	row, at int64
}

// next is the address of the next up to n bytes that lie side by side.
func (b *bytesOf) next(n int64) (addr, bytes int64) {
	addr = b.Addr + b.row*b.Pitch + b.at
	bytes = min(n, b.Bytes-b.at)
	if b.at += bytes; b.at == b.Bytes {
		b.row, b.at = b.row+1, 0
	}
	return addr, bytes
}

func (e *exact) moving(op *isa.Op) func() bool {
	ch, rate := &e.cfg.HBM, e.cfg.HBMRate()
	if op.Code == isa.ReadHost || op.Code == isa.WriteHost {
		ch, rate = &e.cfg.Host, e.cfg.HostRate()
	}
	write := op.Code == isa.StoreHBM || op.Code == isa.WriteHost
	if !e.values {
		return e.stream(op, ch, rate, write, nil)
	}
	src, dst, from, to := e.sides(op)
	f, t := bytesOf{Region: from}, bytesOf{Region: to}
	return e.stream(op, ch, rate, write, func(n int64) {
		for n > 0 {
			a, k := f.next(n)
			b, _ := t.next(k) // rows of both sides are of one size
			copy(dst[b:b+k], src[a:a+k])
			n -= k
		}
	})
}

// reading brings a weight tile: rows from the buffer, one per cycle, or bytes from
// off-chip memory.
func (e *exact) reading(x *flight) func() bool {
	op := &x.op
	tile := op.Weights.Tile
	if op.Weights.FromBuffer {
		if e.values {
			x.tile.data = e.weights(op, nil)
		}
		left := tile.Rows
		return func() bool { left--; return left == 0 }
	}
	if !e.values {
		return e.stream(op, &e.cfg.HBM, e.cfg.HBMRate(), false, nil)
	}
	src, at := e.outside(op)
	from := bytesOf{Region: at}
	raw := make([]byte, 0, op.Bytes())
	size := tile.Type.Size()
	return e.stream(op, &e.cfg.HBM, e.cfg.HBMRate(), false, func(n int64) {
		for n > 0 {
			a, k := from.next(n)
			raw = append(raw, src[a:a+k]...)
			n -= k
		}
		if len(raw) < cap(raw) {
			return
		}
		if x.tile.data = raw; op.Weights.Transpose {
			x.tile.data = make([]byte, len(raw))
			for r := range tile.Rows {
				for c := range tile.Cols {
					copy(x.tile.data[(r*tile.Cols+c)*size:][:size], raw[(c*tile.Rows+r)*size:])
				}
			}
		}
	})
}

// activating takes so many rows per cycle, and the last of them some more cycles.
func (e *exact) activating(op *isa.Op) func() bool {
	a := &op.Activation
	row, out, latency := 0, 0, e.cfg.VectorTiming.ALULatency
	var y []float32
	if e.values {
		y = make([]float32, op.Rows*a.Cols)
	}
	return func() bool {
		if row == op.Rows {
			latency--
			return latency == 0
		}
		for range min(e.cfg.ActRows, op.Rows-row) {
			if e.values {
				e.activateRow(op, row, y[row*a.Cols:][:a.Cols])
			}
			row++
		}
		for a.Pool != isa.NoPool && out < a.OutRows && lastOf(a, out) < row {
			if e.values {
				e.pool(op, out, y)
			}
			out++
		}
		return row == op.Rows && latency == 0
	}
}

// vectoring fills the lanes once per interval.
func (e *exact) vectoring(op *isa.Op) func() bool {
	v := &op.Vector
	latency, interval, fill := pipeline(e.cfg, v)
	at, phase := 0, int64(0)
	return func() bool {
		if at >= v.Count && phase == 0 {
			latency--
			return latency == 0
		}
		if phase == 0 {
			next := min(at+fill, v.Count)
			if e.values {
				e.group(op, at, next)
			}
			at = next
		}
		phase = (phase + 1) % interval
		return at >= v.Count && phase == 0 && latency == 0
	}
}

// group computes the elements of one filling; everything else is there with the
// last.
func (e *exact) group(op *isa.Op, lo, hi int) {
	v := &op.Vector
	if v.Fn.Elementwise() {
		e.elements(v, lo, hi)
	} else if hi == v.Count {
		e.vector(op)
	}
}
