package sim_test

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
)

// element is a processing element with its registers, as one would build it.
type element struct {
	activation, sum int32
	weight, shadow  int32
	change          bool // travels with the first row of a tile
}

// grid is an array of elements that is clocked register by register.
type grid struct {
	rows, cols int
	e          []element
}

func (g *grid) at(r, c int) *element { return &g.e[r*g.cols+c] }

// clock is one edge: left(r) is what enters row r, with whether it begins a tile;
// push(c) is the weight that enters column c of the shadow plane, and enabled(r, c)
// whether an element's shadow register takes the one above.
func (g *grid) clock(left func(r int) (int32, bool), push func(c int) int32, enabled func(r, c int) bool) {
	old := append([]element(nil), g.e...)
	for r := range g.rows {
		for c := range g.cols {
			e := g.at(r, c)
			if c == 0 {
				e.activation, e.change = left(r)
			} else {
				e.activation, e.change = old[r*g.cols+c-1].activation, old[r*g.cols+c-1].change
			}
			if e.change {
				e.weight = old[r*g.cols+c].shadow
			}
			above := int32(0)
			if r > 0 {
				above = old[(r-1)*g.cols+c].sum
			}
			e.sum = above + e.activation*e.weight
			if enabled(r, c) {
				if r == 0 {
					e.shadow = push(c)
				} else {
					e.shadow = old[(r-1)*g.cols+c].shadow
				}
			}
		}
	}
}

// TestRegisters compares every activation, sum and shadow register with an array
// that is clocked register by register, in every cycle, on streams of tiles of
// random sizes with and without gaps.
func TestRegisters(t *testing.T) {
	r := rand.New(rand.NewPCG(9, rand.Uint64()))
	for range 150 {
		c, err := arch.Parse("", map[string]string{"rows": "1", "cols": "1", "dtype": "int8"})
		if err != nil {
			t.Fatal(err)
		}
		c.Rows, c.Cols, c.FIFO, c.Queue = 1+r.IntN(8), 1+r.IntN(8), 3, 2+r.IntN(3)
		if r.IntN(2) == 0 {
			c.HBM = arch.Channel{Bandwidth: uint64(1e9 * (1 + r.IntN(20)))}
		}
		hbm := randomBytes(r, memoryBytes, c)
		b := isa.NewBuilder(c)
		x, err := b.Alloc("x", 1024)
		if err != nil {
			t.Fatal(err)
		}
		b.Move(isa.LoadHBM, isa.Transfer{Buf: x.Addr, Rows: 1, RowBytes: 1024})
		b.Sync()
		type job struct{ rows, weights int }
		var jobs []job
		for range 1 + r.IntN(5) {
			j := job{1 + r.IntN(2*c.Rows+3), r.IntN(2048)}
			jobs = append(jobs, j)
			b.ReadWeights(isa.WeightTile{Addr: int64(j.weights), Tile: isa.Tile{Rows: c.Rows, Cols: c.Cols, Type: isa.S8}})
			b.MatMul(isa.Product{Buf: x.Addr, Type: isa.S8, Rows: j.rows, Switch: true})
		}
		p, err := b.Program()
		if err != nil {
			t.Fatal(err)
		}

		// The fast engine says when products start; a tile's shift starts with the
		// product before it, or when it has arrived.
		var starts, arrivals []int64
		timer, err := sim.New(c, sim.Options{TimingOnly: true, Trace: func(e sim.Event) {
			switch e.Unit {
			case "array 0":
				starts = append(starts, e.Start)
			case "weights 0":
				arrivals = append(arrivals, e.End)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := timer.Run(context.Background(), p, sim.Memory{HBMSize: memoryBytes}, sim.Fast); err != nil {
			t.Fatal(err)
		}
		shifts := make([]int64, len(jobs))
		for i := range shifts {
			if shifts[i] = arrivals[i]; i > 0 {
				shifts[i] = max(arrivals[i], starts[i-1])
			}
		}

		g := &grid{rows: c.Rows, cols: c.Cols, e: make([]element, c.Rows*c.Cols)}
		cycle := int64(0)
		advance := func() {
			left := func(row int) (int32, bool) {
				for i, j := range jobs {
					if n := cycle - starts[i] - int64(row); n >= 0 && n < int64(j.rows) {
						return int32(int8(hbm[int(n)*c.Rows+row])), n == 0
					}
				}
				return 0, false
			}
			under := func(row, col int) (tile int, push int64) {
				for i := range jobs {
					if n := cycle - shifts[i] - int64(col); n >= int64(row) && n < int64(c.Rows) {
						return i, n
					}
				}
				return -1, 0
			}
			push := func(col int) int32 {
				i, n := under(0, col)
				return int32(int8(hbm[jobs[i].weights+(c.Rows-1-int(n))*c.Cols+col]))
			}
			g.clock(left, push, func(row, col int) bool { i, _ := under(row, col); return i >= 0 })
			cycle++
		}
		probe := func(at int64, arrays []*sim.Mesh) {
			for cycle <= at {
				advance()
			}
			for row := range c.Rows {
				for col := range c.Cols {
					e := g.at(row, col)
					m := arrays[0]
					if int32(int16(m.Activation(row, col))) != e.activation || int32(int16(m.Shadow(row, col))) != e.shadow {
						t.Fatalf("cycle %d, element %d,%d of %d×%d: activation %d, shadow %d; want %d, %d", at, row, col, c.Rows, c.Cols,
							int16(m.Activation(row, col)), int16(m.Shadow(row, col)), e.activation, e.shadow)
					}
					// Sums of an array that has been empty for long are not kept.
					if busy(starts, jobs[len(jobs)-1].rows, at, c) && int32(m.Sum(row, col)) != e.sum {
						t.Fatalf("cycle %d, element %d,%d of %d×%d: sum %d, want %d", at, row, col, c.Rows, c.Cols, int32(m.Sum(row, col)), e.sum)
					}
				}
			}
		}
		m, err := sim.New(c, sim.Options{Probe: probe})
		if err != nil {
			t.Fatal(err)
		}
		report, err := m.Run(context.Background(), p, sim.Memory{HBM: hbm}, sim.Exact)
		if err != nil {
			t.Fatal(err)
		}
		if cycle != report.Cycles {
			t.Fatalf("%d cycles were probed, the run took %d", cycle, report.Cycles)
		}
	}
}

// busy reports whether anything has entered the array recently.
func busy(starts []int64, rows int, at int64, c *arch.Config) bool {
	last := starts[len(starts)-1] + int64(rows)
	return at >= starts[0] && at < last+int64(c.Rows+c.Cols)
}
