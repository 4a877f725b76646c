package gemm

import (
	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/internal/cpufeat"
)

const (
	// parallelWork is the number of multiply-adds below which waking another
	// thread costs more than it saves.
	parallelWork = 400_000

	// maxRows and maxCols bound the packed part of A and B, and with them the
	// buffers: the kc×maxCols block of B is meant for the last-level cache.
	maxRows = 4032
	maxCols = 4096

	// groupPanels is the number of B panels after which a tile's epilogue runs,
	// few enough that C is still in the second-level cache.
	groupPanels = 8

	// packRun is the number of panels a packing task copies.
	packRun = 8
)

// product is the arguments of one multiplication.
type product[T Float] struct {
	m, n, k int
	a, b    OperandOf[T]
	c       []T
	ldc     int
	add     bool
	ep      EpilogueOf[T]
}

// job is the state of a running product: the current block and the buffers. Tasks
// read it from several threads; only the caller changes it, between phases.
type job[T Float] struct {
	product[T]
	ctx      *Context
	level    cpufeat.Level
	set      *kernelSet[T]
	vec      *vec.Funcs
	threaded bool

	packedA, packedB bool
	bufA, bufB       []T

	// The block in work: rows i0…, columns j0…, depth p0… of the product.
	i0, mc, j0, nc, p0, kc  int
	last                    bool // the block ends k
	tileRows, tileCols      int
	tilesAcross             int
	runsB, panelsA, panelsB int

	// Bound once, so that handing a phase to the pool allocates nothing.
	packTask, tileTask, memberTask func(int)

	batch                     product[T]
	strideA, strideB, strideC int
}

// multiply runs the product p.
func (j *job[T]) multiply(p product[T]) {
	if p.m == 1 && p.b.Pack == nil && p.b.Layout.CS != 1 && p.a.Pack == nil {
		p = p.transposed()
	}
	if p.n == 1 {
		p.b.Layout.CS = 1
	}
	j.product = p
	if p.k == 0 {
		j.empty()
		return
	}
	s := j.set
	j.threaded = j.ctx.Pool.Threads() > 1 && work(p.m, p.n, p.k) >= parallelWork
	// Reading in place is best while the operand stays in the first-level cache
	// or is used by few tiles; otherwise panels repay their copy.
	j.packedB = p.b.Pack != nil || p.b.Layout.CS != 1 || p.m >= 8*s.mr && work(p.k, p.n, 1) > 8192
	j.packedA = p.a.Pack != nil || p.n >= 6*s.nr && work(p.m, p.k, 1) > 8192

	// Equal blocks of k, from k alone.
	blocks := ceil(p.k, s.kc)
	step := ceil(p.k, blocks)
	for j.j0 = 0; j.j0 < p.n; j.j0 += maxCols {
		j.nc = min(maxCols, p.n-j.j0)
		for j.p0 = 0; j.p0 < p.k; j.p0 += step {
			j.kc = min(step, p.k-j.p0)
			j.last = j.p0+j.kc == p.k
			freshB := j.packedB
			for j.i0 = 0; j.i0 < p.m; j.i0 += maxRows {
				j.mc = min(maxRows, p.m-j.i0)
				j.block(freshB)
				freshB = false
			}
		}
	}
}

// block multiplies one block of A by one of B.
func (j *job[T]) block(freshB bool) {
	s := j.set
	j.runsB, j.panelsA, j.panelsB = 0, 0, 0
	if freshB {
		j.panelsB = ceil(j.nc, s.nr)
		j.runsB = ceil(j.panelsB, packRun)
		j.bufB = grow(j.bufB, j.panelsB*s.nr*j.kc)
	}
	if j.packedA {
		j.panelsA = ceil(j.mc, s.mr)
		j.bufA = grow(j.bufA, j.panelsA*s.mr*j.kc)
	}
	j.each(j.runsB+ceil(j.panelsA, packRun), j.packTask)

	j.tileRows, j.tileCols, j.tilesAcross = min(s.mc, j.mc), j.nc, 1
	if j.threaded {
		// About four tiles per thread even out their speeds.
		want := 4 * j.ctx.Pool.Threads()
		if down := ceil(j.mc, j.tileRows); down < want {
			across := min(ceil(want, down), ceil(j.nc, 4*s.nr))
			j.tileCols = roundUp(ceil(j.nc, across), s.nr)
			j.tilesAcross = ceil(j.nc, j.tileCols)
			if down*j.tilesAcross < want {
				j.tileRows = max(roundUp(ceil(j.mc, ceil(want, j.tilesAcross)), s.mr), s.mr)
			}
		}
	}
	j.each(ceil(j.mc, j.tileRows)*j.tilesAcross, j.tileTask)
}

func (j *job[T]) each(n int, f func(int)) {
	if j.threaded {
		j.ctx.Pool.For(n, f)
		return
	}
	for i := range n {
		f(i)
	}
}

// pack copies one run of panels, of B first and then of A.
func (j *job[T]) pack(task int) {
	s := j.set
	if task < j.runsB {
		q := task * packRun
		x, nx := q*s.nr, min(packRun*s.nr, j.nc-q*s.nr)
		dst := j.bufB[x*j.kc:][:roundUp(nx, s.nr)*j.kc]
		if j.b.Pack != nil {
			j.b.Pack(dst, s.nr, j.p0, j.kc, j.j0+x, nx)
			return
		}
		l := j.b.Layout
		packPanels(dst, s.nr, j.kc, j.b.Data[j.p0*l.RS+(j.j0+x)*l.CS:], l.CS, l.RS, nx)
		return
	}
	q := (task - j.runsB) * packRun
	x, nx := q*s.mr, min(packRun*s.mr, j.mc-q*s.mr)
	dst := j.bufA[x*j.kc:][:roundUp(nx, s.mr)*j.kc]
	if j.a.Pack != nil {
		j.a.Pack(dst, s.mr, j.p0, j.kc, j.i0+x, nx)
		return
	}
	l := j.a.Layout
	packPanels(dst, s.mr, j.kc, j.a.Data[(j.i0+x)*l.RS+j.p0*l.CS:], l.RS, l.CS, nx)
}

// tile computes one task's part of C.
func (j *job[T]) tile(task int) {
	s := j.set
	i0 := task / j.tilesAcross * j.tileRows
	i1 := min(i0+j.tileRows, j.mc)
	j0 := task % j.tilesAcross * j.tileCols
	j1 := min(j0+j.tileCols, j.nc)
	add := j.add || j.p0 > 0
	finish := j.last && (j.ep.Act != None || j.ep.BiasN != nil || j.ep.BiasM != nil)

	for g0 := j0; g0 < j1; g0 += groupPanels * s.nr {
		g1 := min(g0+groupPanels*s.nr, j1)
		for x := g0; x < g1; x += s.nr {
			cols := min(s.nr, g1-x)
			b, rsB := j.bufB, s.nr
			if j.packedB {
				b = b[x*j.kc:]
			} else {
				rsB = j.b.Layout.RS
				b = j.b.Data[j.p0*rsB+j.j0+x:]
			}
			for y := i0; y < i1; y += s.mr {
				rows := min(s.mr, i1-y)
				a, rsA, csA := j.bufA, 1, s.mr
				if j.packedA {
					a = a[y*j.kc:]
				} else {
					rsA, csA = j.a.Layout.RS, j.a.Layout.CS
					a = j.a.Data[(j.i0+y)*rsA+j.p0*csA:]
				}
				run, tail := s.tile(rows, cols)
				run(j.kc, a, rsA, csA, b, rsB, j.c[(j.i0+y)*j.ldc+j.j0+x:], j.ldc, tail, add)
			}
		}
		if finish {
			j.ep.apply(j.vec, j.c, j.ldc, j.i0+i0, j.i0+i1, j.j0+g0, j.j0+g1)
		}
	}
}

// empty is the product over no k: zero, or C itself when adding.
func (j *job[T]) empty() {
	for i := range j.m {
		if !j.add {
			clear(j.c[i*j.ldc:][:j.n])
		}
	}
	j.ep.apply(j.vec, j.c, j.ldc, 0, j.m, 0, j.n)
}

// transposed turns a row vector times a matrix stored by columns into that
// matrix's transpose times a column vector, which needs no packing.
func (p product[T]) transposed() product[T] {
	p.m, p.n = p.n, 1
	p.a, p.b = p.b, p.a
	p.a.Layout, p.b.Layout = p.a.Layout.T(), p.b.Layout.T()
	p.ldc = 1
	p.ep.BiasN, p.ep.BiasM = p.ep.BiasM, p.ep.BiasN
	return p
}

func ceil(x, unit int) int    { return (x + unit - 1) / unit }
func roundUp(x, unit int) int { return ceil(x, unit) * unit }

// grow returns a buffer of n elements, reusing buf's memory if it is large enough.
func grow[T Float](buf []T, n int) []T {
	if cap(buf) >= n {
		return buf[:n]
	}
	return make([]T, n)
}
