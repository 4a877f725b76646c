package tpu

import (
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

func init() {
	declare("matmul", floats, hal.Strided, (*program).matmul)
	declare("linear", floats, hal.Strided, (*program).linear)
}

// matrix is a matrix operand: rows and columns that are strides apart.
type matrix struct {
	addr     int64
	row, col int // strides in elements
	size     int
	t        isa.Type
}

func (m matrix) at(r, c int) int64 { return m.addr + int64((r*m.row+c*m.col)*m.size) }

// turned is the transposed matrix.
func (m matrix) turned() matrix {
	m.row, m.col = m.col, m.row
	return m
}

func matrixOf(o *operand, row, col int) matrix {
	return matrix{o.addr, row, col, o.size, spaceType(o.DType)}
}

// gemm is z = fn(x·y + bias) for matrices in off-chip memory.
type gemm struct {
	m, n, k int
	x, y, z matrix
	bias    int64 // in the buffer, -1 for none
	fn      num.Function
}

// matmul multiplies matrices, one pair after the other. A right operand that a batch
// shares meets the batch as one tall matrix.
func (p *program) matmul() {
	x, y, z := &p.in[0], &p.in[1], &p.out[0]
	rank := len(z.Shape)
	g := gemm{m: z.Shape[rank-2], n: z.Shape[rank-1], k: x.Shape[len(x.Shape)-1], bias: -1}
	if g.k == 0 {
		p.fill(z.whole(), z.DType, 0)
		return
	}
	lead := z.Shape[:rank-2]
	xs, err := shape.BroadcastStrides(x.Shape[:len(x.Shape)-2], x.Strides[:len(x.Shape)-2], lead)
	if err != nil {
		p.refuse("%v", err)
		return
	}
	ys, err := shape.BroadcastStrides(y.Shape[:len(y.Shape)-2], y.Strides[:len(y.Shape)-2], lead)
	if err != nil {
		p.refuse("%v", err)
		return
	}
	zs := z.Strides[:rank-2]
	g.x = matrixOf(x, x.Strides[len(x.Shape)-2], x.Strides[len(x.Shape)-1])
	g.y = matrixOf(y, y.Strides[len(y.Shape)-2], y.Strides[len(y.Shape)-1])
	g.z = matrixOf(z, z.Strides[rank-2], z.Strides[rank-1])
	dims, s := shape.Collapse(lead, xs, ys, zs)
	if k := len(dims) - 1; k == 0 && s[1][0] == 0 && s[0][0] == g.m*g.x.row && s[2][0] == g.m*g.z.row {
		g.m *= dims[0]
		dims, s = nil, [][]int{nil, nil, nil}
	}
	var l gemmLoop
	for it := shape.NewIterator(dims, s...); it.Next() && !p.failed(); {
		one := g
		for i, m := range []*matrix{&one.x, &one.y, &one.z} {
			m.addr += int64(it.Offsets()[i] * m.size)
		}
		p.gemm(one, &l)
	}
}

// activations that come for free with the sums.
var activations = map[string]num.Function{"": num.Identity, "relu": num.ReLU, "tanh": num.Tanh, "sigmoid": num.Sigmoid}

// linear is act(x·wᵀ + bias).
func (p *program) linear() {
	x, w, z := &p.in[0], &p.in[1], &p.out[0]
	last := len(x.Shape) - 1
	g := gemm{n: w.Shape[0], k: w.Shape[1], bias: -1, y: matrixOf(w, w.Strides[1], w.Strides[0])}
	fn, ok := activations[p.attrs.(ops.LinearAttrs).Act]
	dims, s := shape.Collapse(x.Shape[:last], x.Strides[:last], z.Strides[:last])
	if !ok || len(dims) > 1 || g.k == 0 {
		p.refuse("a layer of this shape")
		return
	}
	g.m, g.fn = 1, fn
	g.x, g.z = matrixOf(x, 0, x.Strides[last]), matrixOf(z, 0, z.Strides[last])
	if len(dims) == 1 {
		g.m, g.x.row, g.z.row = dims[0], s[0][0], s[1][0]
	}
	if len(p.in) > 2 {
		g.bias = p.biasOf(&p.in[2])
	}
	p.gemm(g, &gemmLoop{})
}

// biasOf brings a bias into the buffer as float32.
func (p *program) biasOf(b *operand) int64 {
	return p.floats("bias", b.whole(), b.DType)
}

// gemmLoop is where a loop over blocks stands.
type gemmLoop struct {
	turn, loads int
	panel       [4]int64 // the block of x in the buffer: address, rows, columns
	panelAt     isa.Memory
}

// blocks is how a product is cut such that all that is in the buffer at a time fits.
func (p *program) blocks(g *gemm) (mb, nb, kb int) {
	mb, nb, kb = min(g.m, p.cfg.AccRows/2), min(g.n, p.cfg.Cols*p.cfg.Arrays), min(g.k, 1<<14)
	need := func() int {
		in := func(t isa.Type) int {
			if t == isa.BF16 {
				return 4
			}
			return 12
		}
		return mb*kb*in(g.x.t) + kb*nb*in(g.y.t) + 2*mb*nb*4 + 4*g.n + 4096
	}
	half := func(v, unit int) int { return max(unit, (v/2+unit-1)/unit*unit) }
	for need() > p.room() {
		was := [3]int{mb, nb, kb}
		switch {
		case kb > p.cfg.Rows && kb >= mb:
			kb = half(kb, p.cfg.Rows)
		case mb > 64:
			mb = half(mb, 64)
		case nb > p.cfg.Cols:
			nb = half(nb, p.cfg.Cols)
		case kb > p.cfg.Rows:
			kb = half(kb, p.cfg.Rows)
		case mb > 8:
			mb = half(mb, 8)
		}
		if was == [3]int{mb, nb, kb} {
			p.refuse("blocks of %d×%d×%d do not fit in the buffer", mb, nb, kb)
			break
		}
	}
	return mb, nb, kb
}

// gemm multiplies block by block: while the arrays work on one, the next is brought in,
// and the last result leaves.
func (p *program) gemm(g gemm, l *gemmLoop) {
	if p.cfg.Dataflow == arch.IS && g.bias < 0 {
		g.m, g.n, g.x, g.y, g.z = g.n, g.m, g.y.turned(), g.x.turned(), g.z.turned()
	}
	mb, nb, kb := p.blocks(&g)
	out := g.z.t
	for m := 0; m < g.m; m += mb {
		for n := 0; n < g.n; n += nb {
			block := &grid{m: min(mb, g.m-m), c: min(nb, g.n-n)}
			block.settle(p.cfg, l.turn)
			if !block.fits(p.cfg) {
				p.refuse("%d×%d sums do not fit in the accumulators", block.m, block.c)
			}
			for k := 0; k < g.k && !p.failed(); k += kb {
				block.k = min(kb, g.k-k)
				if at := [4]int64{g.x.at(m, k), int64(block.m), int64(block.k), 1}; l.panel != at {
					l.panel, l.panelAt = at, p.panel(g.x, m, k, block.m, block.k, l.loads)
				}
				block.rows = matrixRows(l.panelAt.Addr, block.m, block.k)
				block.w = p.tiles(g.y, k, n, block.k, block.c, l.loads)
				l.loads++
				p.multiply(block, k > 0)
			}
			if p.failed() {
				return
			}
			f := finish{fn: g.fn, bias: g.bias, out: out}
			if f.bias >= 0 {
				f.bias += int64(4 * n)
			}
			for t, at := range p.drain(block, f, side("z", l.turn)) {
				c := t * p.cfg.Cols
				cols := min(p.cfg.Cols, block.c-c)
				p.storeMatrix(at, g.z, m, n+c, block.m, cols, l.turn)
			}
			l.turn++
		}
	}
}

// storeMatrix writes a block of a result. Of one that is stored by columns, the vector
// unit transposes the block.
func (p *program) storeMatrix(at int64, z matrix, r, c, rows, cols, turn int) {
	if z.col != 1 && z.row == 1 && rows > 1 && cols > 1 {
		to := p.slot(side("zt", turn), rows*cols*z.size)
		p.Vector(isa.VectorOp{Fn: isa.Transpose, Count: rows * cols, Cols: cols, Src: [3]int64{at}, SrcType: [3]isa.Type{z.t}, Dst: to.Addr, DstType: z.t})
		p.store(to.Addr, area{z.at(r, c), []int{cols, rows}, []int{z.col, 1}, z.size})
		return
	}
	p.store(at, area{z.at(r, c), []int{rows, cols}, []int{z.row, z.col}, z.size})
}

// panel brings a block of the left operand into the buffer: bf16, its rows side by side.
func (p *program) panel(x matrix, r, c, rows, cols, turn int) isa.Memory {
	if x.row == 1 && x.col != 1 && rows > 1 && cols > 1 { // stored by columns
		m := p.fetch(side("x", turn), area{x.at(r, c), []int{cols, rows}, []int{x.col, 1}, x.size})
		to := p.slot(side("xt", turn), 2*rows*cols)
		p.Vector(isa.VectorOp{Fn: isa.Transpose, Count: rows * cols, Cols: rows, Src: [3]int64{m.Addr}, SrcType: [3]isa.Type{x.t}, Dst: to.Addr, DstType: isa.BF16})
		return to
	}
	m := p.fetch(side("x", turn), area{x.at(r, c), []int{rows, cols}, []int{x.row, x.col}, x.size})
	return p.narrow(m, x.t, rows*cols, side("xb", turn))
}

// tiles brings a block of the right operand into the buffer. One that is stored by
// columns is transposed on its way into the array.
func (p *program) tiles(y matrix, r, c, rows, cols, turn int) weights {
	if y.row == 1 && y.col != 1 {
		m := p.fetch(side("w", turn), area{y.at(r, c), []int{cols, rows}, []int{y.col, 1}, y.size})
		return weights{p.narrow(m, y.t, rows*cols, side("wb", turn)).Addr, 2 * rows, true}
	}
	m := p.fetch(side("w", turn), area{y.at(r, c), []int{rows, cols}, []int{y.row, y.col}, y.size})
	return weights{p.narrow(m, y.t, rows*cols, side("wb", turn)).Addr, 2 * cols, false}
}
