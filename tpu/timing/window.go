package timing

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/tpu/arch"
)

// Window is the time of a bf16 product whose operands and float32 result lie in
// off-chip memory, as a compiler for these chips schedules it: the product is cut
// into windows that fit on the chip; while the arrays work on one step, the next
// step's windows come in and the last step's result goes out.
//
//	cycles = in(first) + Σ max(arrays + Step, in(next) + out(last)) + arrays + Step + out(last)
//
// A transfer costs its latency and its bytes; those of a step share the memory. The
// arrays need one cycle per row of activations and tile, and for few rows the time
// to change the weights. Of all cuts that fit the one with the least time is taken.
// Chips that prefetch have the larger operand on the chip when the product starts.
//
// The constants are in [arch.Window] and [arch.Channel]; docs/tpu.md says where they
// are from and how far the result is from libtpu's estimates.
func Window(c *arch.Config, p Product) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	if c.Window == nil {
		return Result{}, fmt.Errorf("tpu: %q has no constants for products in off-chip memory", c.Name)
	}
	w := newWindows(c, p)
	best := step{cycles: math.Inf(1)}
	for _, n := range cuts(w.unitsN) {
		for _, m := range cuts(w.unitsM) {
			for _, k := range cuts(w.unitsK) {
				if s := w.cost(m, n, k); s.cycles < best.cycles {
					best = s
				}
			}
		}
	}
	if math.IsInf(best.cycles, 1) {
		return Result{}, fmt.Errorf("tpu: no window of the product %v fits into %d bytes", p, c.Window.Budget)
	}
	if err := p.countable(1, best.cycles); err != nil {
		return Result{}, err
	}
	cycles := int64(math.Round(best.cycles))
	res := Result{Cycles: cycles, Stall: max(0, cycles-int64(best.busy)), Folds: int64(best.steps)}
	kt, nt := float64(ceil(p.K, c.Rows)), float64(ceil(p.N, c.Cols))
	return res.shares(p, c.MACs()*c.Cores, float64(p.K)*float64(p.N), kt*nt, c.Rows, c.Cols), nil
}

// cut divides a dimension into parts of size units each, the last perhaps less.
type cut struct {
	parts, size int
}

// cuts are the ways to divide units: into up to 64 parts, and beyond that into ever
// twice as many.
func cuts(units int) []cut {
	var list []cut
	for parts := 1; parts <= units; {
		if size := ceil(units, parts); len(list) == 0 || size != list[len(list)-1].size {
			list = append(list, cut{ceil(units, size), size})
		}
		if parts < 64 {
			parts++
		} else {
			parts *= 2
		}
	}
	return list
}

// step is the outcome of one way to cut.
type step struct {
	cycles, busy, steps float64
}

// windows is what the cost of a cut depends on.
type windows struct {
	c *arch.Config
	p Product

	// Memory holds tiles of 8×128 elements, so each operand is stored by rows or by
	// columns, whichever needs less padding. A result by columns is computed as the
	// transposed product: the first operand is then stationary.
	exchanged  bool
	transposed bool // the second operand is stationary and stored by columns

	unitsM, unitsN, unitsK int
	readA, readB           bool // from off-chip memory; otherwise on the chip before
	stageA, stageB         bool // through second-level memory

	rate        float64 // bytes per cycle
	read, write float64 // latency in cycles
}

func newWindows(c *arch.Config, p Product) *windows {
	w := &windows{c: c, p: p, readA: true, readB: true}
	w.exchanged = !byRows(p.M, p.N)
	w.transposed = !w.exchanged && !byRows(p.K, p.N)
	w.unitsM, w.unitsN, w.unitsK = ceil(p.M, 8), ceil(p.N, 128), ceil(p.K, 128)
	if w.exchanged {
		w.unitsM, w.unitsN = ceil(p.M, 128), ceil(p.N, 8)
	}
	if c.Window.Prefetch {
		staged := c.Window.StageBytes > 0
		if stored(p.M, p.K, 2) >= stored(p.K, p.N, 2) {
			w.readA, w.stageA = false, staged
		} else {
			w.readB, w.stageB = false, staged
		}
	}
	w.rate = c.HBMRate().PerCycle()
	w.read, w.write = float64(c.Latency(&c.HBM, false)), float64(c.Latency(&c.HBM, true))
	return w
}

// padded is the number of elements of a matrix in memory if it is stored by rows.
func padded(rows, cols int) float64 { return float64(roundUp(rows, 8)) * float64(roundUp(cols, 128)) }

// byRows reports whether a matrix is stored by rows.
func byRows(rows, cols int) bool { return padded(rows, cols) <= padded(cols, rows) }

// stored is the size in memory of a matrix of elements of the given bytes.
func stored(rows, cols int, bytes float64) float64 {
	return bytes * min(padded(rows, cols), padded(cols, rows))
}

// cost is the time of one way to cut, infinite if the windows do not fit. Windows
// advance along K first, then M, then N.
func (w *windows) cost(cm, cn, ck cut) step {
	none := step{cycles: math.Inf(1)}
	um, un := 8, 128
	if w.exchanged {
		um, un = 128, 8
	}
	m, n, k := min(cm.size*um, roundUp(w.p.M, 8)), cn.size*un, min(ck.size*128, roundUp(w.p.K, 8))
	mParts, nParts, kParts := float64(cm.parts), float64(cn.parts), float64(ck.parts)

	// The cores share the steps and the memory.
	rate := w.rate * float64(w.c.Cores)
	if w.c.Cores == 2 && mParts*nParts*kParts > 1 {
		switch {
		case cn.parts%2 == 0:
			nParts /= 2
		case cm.parts%2 == 0:
			mParts /= 2
		case ck.parts%2 == 0:
			kParts /= 2
		default:
			return none
		}
		rate = w.rate
	}
	steps := mParts * nParts * kParts

	a := stored(min(m, w.p.M), min(k, w.p.K), 2)
	b := stored(min(k, w.p.K), min(n, w.p.N), 2)
	out := stored(min(m, w.p.M), min(n, w.p.N), 4)
	room := out
	if w.readA || w.stageA {
		room += a
	}
	if w.readB || w.stageB {
		room += b
	}
	if steps > 1 {
		room *= 2 // double buffering
	}
	// What was on the chip before has one copy.
	if !w.readA && !w.stageA {
		room += a
	}
	if !w.readB && !w.stageB {
		room += b
	}
	if room > float64(w.c.Window.Budget) {
		return none
	}

	// Where a dimension is cut, the rows of a window are apart.
	alongK, alongN := 0, 0
	if ck.parts > 1 {
		alongK = ck.size
	}
	if cn.parts > 1 {
		alongN = cn.size
	}
	var inA, inB float64
	if w.readA {
		inA = a/rate*w.burst(alongK) + w.read
	}
	if w.readB {
		inB = b/rate*w.burst(alongN) + w.read
	}
	o := out/rate*w.burst(alongN) + w.write
	busy := w.arrays(m, n, k)
	compute := busy + w.c.Window.Step
	during := func(transfers float64) float64 { return max(compute, transfers) }

	t := inA + inB + compute + o
	results := mParts * nParts
	if kParts == 1 {
		next := inB
		if mParts > 1 {
			next += inA
		}
		t += (mParts-1)*nParts*during(inA+o) + (nParts-1)*during(next+o)
	} else {
		t += results*(kParts-1)*during(inA+inB) + (results-1)*during(inA+inB+o)
		// The vector unit adds each step's sums to those before.
		t += results * 1.25 * float64(ceil(m, 8)*ceil(n, 128))
	}
	if w.transposed {
		t += w.c.Window.Transpose
	}
	if w.stageB {
		t += w.c.Window.StageSetup
	}
	if w.stageA {
		loads := 1.0
		if kParts > 1 || mParts > 1 {
			loads = steps
		}
		t += loads * a / w.c.Window.StageBytes
	}
	return step{cycles: t, busy: busy * steps, steps: steps}
}

// burst is how much longer the transfer of a window takes that has the given number
// of 4 KiB tiles side by side, 0 for all.
func (w *windows) burst(tiles int) float64 {
	if tiles == 0 || w.exchanged {
		return 1
	}
	for _, b := range w.c.Window.Bursts {
		if tiles*4096 >= b.Bytes {
			return b.Factor
		}
	}
	return 1
}

// arrays is the time that the arrays need for one step.
func (w *windows) arrays(m, n, k int) float64 {
	win := w.c.Window
	streamed, columns := m, n
	if w.exchanged {
		streamed, columns = n, m
	}
	weightRows := min(k, w.c.Rows)
	push := win.Push
	if win.PushTransposed > 0 {
		switch {
		case w.transposed:
			weightRows, push = min(roundUp(min(n, w.p.N), 8), w.c.Cols), win.PushTransposed
		case w.exchanged && byRows(w.p.M, w.p.K):
			weightRows = min(m, w.c.Cols) // the first operand is stored by rows
		}
	}
	if win.PushLimit > 0 {
		weightRows = min(weightRows, win.PushLimit)
	}
	tiles := float64(ceil(k, w.c.Rows)) * float64(ceil(columns, w.c.Cols))
	return max(float64(streamed), push*float64(weightRows)) * tiles / float64(w.c.Arrays)
}
