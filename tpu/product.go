package tpu

import (
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// weights is a matrix of bf16 in the buffer that is cut into tiles: element (k, c) lies
// at addr + k·pitch + 2c, or transposed at addr + c·pitch + 2k.
type weights struct {
	addr       int64
	pitch      int
	transposed bool
}

func (w weights) tile(k0, c0 int) int64 {
	if w.transposed {
		k0, c0 = c0, k0
	}
	return w.addr + int64(k0*w.pitch+2*c0)
}

// rows says where n rows of the left operand lie, from row r and column k on. It fills in
// Buf and Pitch, or Window, for the first of them, and says how these go on.
type rows func(x *isa.Product, r, n, k int) run

// run is the rows of one instruction, which is repeated that often, step bytes apart.
// What is left of the rows takes others.
type run struct {
	rows, count int
	step        int64
}

// matrixRows are rows of a matrix of bf16 in the buffer, of depth elements side by side.
// Rows that do not begin at words are read by the address generator.
func matrixRows(addr int64, m, depth int) rows {
	return func(x *isa.Product, r, n, k int) run {
		pitch := 2 * depth
		if at := int64(r*pitch + 2*k); at%8 == 0 {
			x.Buf, x.Pitch, x.Rows = addr+at, pitch, n
			return run{n, 1, 0}
		}
		x.Buf, x.Window = addr, &isa.Window{
			Base: addr, Height: m, Width: 1, Channels: depth, KernelW: 1, PitchY: int64(pitch), PitchX: int64(pitch), PitchC: 2,
			StrideY: 1, StrideX: 1, DilateY: 1, DilateX: 1, SpreadY: 1, SpreadX: 1, K0: k, Y0: r, High: n, Wide: 1,
		}
		return run{n, 1, 0}
	}
}

// grid is a product of m rows with k×c weights, whose sums are in the accumulators: cut
// into tiles of columns and, where there are fewer of these than arrays, into parts of
// rows.
type grid struct {
	m, k, c int
	rows    rows
	w       weights
	line    int // rows that a part is a multiple of, 0 for any

	tiles, parts, part int // part is the rows of one
	base               int // first accumulator row
}

// unit is a piece of a grid on one array.
type unit struct {
	array, acc int
	r, rows    int
	c, cols    int
}

// settle decides how the grid is cut. Sums of the one before may still be leaving, so
// every other grid has the other half of the accumulators.
func (g *grid) settle(cfg *arch.Config, turn int) {
	g.tiles = (g.c + cfg.Cols - 1) / cfg.Cols
	g.parts = max(1, cfg.Arrays/g.tiles)
	step := max(g.line, 1)
	for step%8 != 0 {
		step *= 2 // the parts' results begin at words
	}
	g.part = (g.m + g.parts - 1) / g.parts
	g.part = (g.part + step - 1) / step * step
	g.parts = (g.m + g.part - 1) / g.part
	g.base = turn % 2 * (cfg.AccRows / 2)
}

// fits reports whether the sums have room in half of the accumulators.
func (g *grid) fits(cfg *arch.Config) bool {
	slots := (g.tiles*g.parts + cfg.Arrays - 1) / cfg.Arrays
	return slots*min(g.part, g.m) <= cfg.AccRows/2
}

func (g *grid) units(cfg *arch.Config) []unit {
	var list []unit
	for t := range g.tiles {
		for q := range g.parts {
			i := len(list)
			u := unit{array: i % cfg.Arrays, acc: g.base + i/cfg.Arrays*min(g.part, g.m), r: q * g.part, c: t * cfg.Cols}
			u.rows, u.cols = min(g.part, g.m-u.r), min(cfg.Cols, g.c-u.c)
			list = append(list, u)
		}
	}
	return list
}

// multiply adds the instructions of a grid. Add goes on with sums that are there.
func (p *program) multiply(g *grid, add bool) {
	units := g.units(p.cfg)
	if p.cfg.Dataflow == arch.OS {
		for _, u := range units {
			p.chain(g, u, add)
		}
		return
	}
	for k := 0; k < g.k; k += p.cfg.Rows {
		for _, u := range units {
			p.readTile(g, u, k)
			x := isa.Product{Array: u.array, Type: isa.BF16, Switch: true, Accumulate: add || k > 0}
			for done := 0; done < u.rows; {
				x.Acc, x.Window = u.acc+done, nil
				piece := g.rows(&x, u.r+done, u.rows-done, k)
				p.MatMul(x)
				done += piece.rows
				x.Switch = false // the tile is in its place
				if piece.count > 1 {
					x.Acc, x.Buf = x.Acc+piece.rows, x.Buf+piece.step
					p.Repeat(piece.count-1, piece.step, int64(piece.rows), 0)
					p.MatMul(x)
					done += piece.rows * (piece.count - 1)
				}
			}
		}
	}
}

// chain is the output-stationary form: a piece of up to R rows stays in the array while
// both operands pass.
func (p *program) chain(g *grid, u unit, add bool) {
	for r := 0; r < u.rows; {
		var probe isa.Product
		n := g.rows(&probe, u.r+r, min(p.cfg.Rows, u.rows-r), 0).rows
		for k := 0; k < g.k; k += p.cfg.Rows {
			p.readTile(g, u, k)
			x := isa.Product{Array: u.array, Type: isa.BF16, Acc: u.acc + r, Switch: true, Accumulate: add, Last: k+p.cfg.Rows >= g.k}
			g.rows(&x, u.r+r, n, k)
			p.MatMul(x)
		}
		r += n
	}
}

func (p *program) readTile(g *grid, u unit, k int) {
	p.ReadWeights(isa.WeightTile{
		Array: u.array, FromBuffer: true, Addr: g.w.tile(k, u.c), Pitch: g.w.pitch, Transpose: g.w.transposed,
		Tile: isa.Tile{Rows: min(p.cfg.Rows, g.k-k), Cols: u.cols, Type: isa.BF16},
	})
}

// finish is what happens to sums on their way out.
type finish struct {
	fn   num.Function
	bias int64 // address of a float32 for every column, -1 for none
	out  isa.Type
}

// drain writes the sums of a grid to the buffer: for every tile of columns a matrix of m
// rows, one after the other. It returns where they begin.
func (p *program) drain(g *grid, f finish, name string) []int64 {
	m := p.slot(name, g.tiles*g.m*min(g.c, p.cfg.Cols)*f.out.Size()+8*g.tiles)
	at := make([]int64, g.tiles)
	next := m.Addr
	for t := range at {
		at[t] = next
		cols := min(p.cfg.Cols, g.c-t*p.cfg.Cols)
		next += int64(g.m*cols*f.out.Size()+7) / 8 * 8
	}
	for _, u := range g.units(p.cfg) {
		a := isa.Plain(f.out, true, u.cols)
		a.Fn = f.fn
		if f.bias >= 0 {
			a.Bias = f.bias + int64(4*u.c)
		}
		p.Activate(isa.Result{Array: u.array, Acc: u.acc, Rows: u.rows, Buf: at[u.c/p.cfg.Cols] + int64(u.r*u.cols*f.out.Size()), Activation: a})
	}
	return at
}

// narrow converts n values to bf16 in another slot; those that are bf16 stay where they
// are.
func (p *program) narrow(m isa.Memory, t isa.Type, n int, name string) isa.Memory {
	if t == isa.BF16 {
		return m
	}
	to := p.slot(name, 2*n)
	p.convert(to.Addr, isa.BF16, m.Addr, t, n)
	return to
}
