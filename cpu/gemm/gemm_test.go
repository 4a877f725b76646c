package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

// levels are those this machine can run, each tested on its own.
func levels() []cpufeat.Level {
	var ls []cpufeat.Level
	for l := cpufeat.Generic; l <= cpufeat.NEON; l++ {
		if cpufeat.Available(l) {
			ls = append(ls, l)
		}
	}
	return ls
}

// matrix is a rows×cols operand under some layout, in memory no larger than needed.
type matrix[T Float] struct {
	data []T
	l    Layout
}

func (x matrix[T]) at(i, j int) T { return x.data[i*x.l.RS+j*x.l.CS] }

// randomMatrix draws a layout: dense, transposed, padded, or strided both ways.
func randomMatrix[T Float](r *rand.Rand, rows, cols int) matrix[T] {
	var l Layout
	switch r.IntN(4) {
	case 0:
		l = RowMajor(cols)
	case 1:
		l = RowMajor(rows).T()
	case 2:
		l = RowMajor(cols + 1 + r.IntN(5))
	default:
		l = Layout{RS: 3, CS: 3*rows + 2}
	}
	m := matrix[T]{make([]T, max(0, (rows-1)*l.RS+(cols-1)*l.CS+1)), l}
	for i := range m.data {
		m.data[i] = T(r.Float32()*2 - 1)
	}
	return m
}

const guard = 777.25

// problem is one product with guard values between and around the rows of C.
type problem[T Float] struct {
	m, n, k, ldc int
	a, b         matrix[T]
	c            []T
	add          bool
	ep           *EpilogueOf[T]
}

func randomProblem[T Float](r *rand.Rand, m, n, k int) problem[T] {
	p := problem[T]{m: m, n: n, k: k, ldc: n + r.IntN(3), add: r.IntN(2) == 0}
	p.a, p.b = randomMatrix[T](r, m, k), randomMatrix[T](r, k, n)
	p.c = make([]T, m*p.ldc+40)
	for i := range p.c {
		p.c[i] = guard
	}
	for i := range m {
		for j := range n {
			p.c[20+i*p.ldc+j] = T(r.Float32())
		}
	}
	if r.IntN(2) == 0 {
		p.ep = &EpilogueOf[T]{Act: Activation(r.IntN(4))}
		if r.IntN(2) == 0 {
			p.ep.BiasN = randomMatrix[T](r, 1, n).data[:n:n]
		}
		if r.IntN(2) == 0 {
			p.ep.BiasM = randomMatrix[T](r, 1, m).data[:m:m]
		}
	}
	return p
}

func (p problem[T]) run(ctx *Context) []T {
	c := append([]T(nil), p.c...)
	Gemm(ctx, p.m, p.n, p.k, OperandOf[T]{Data: p.a.data, Layout: p.a.l}, OperandOf[T]{Data: p.b.data, Layout: p.b.l}, c[20:20+max(0, (p.m-1)*p.ldc+p.n)], p.ldc, p.add, p.ep)
	return c
}

// check compares with a sum in float64, allowing for rounding of a sum of k terms.
func (p problem[T]) check(t *testing.T, got []T, unit float64) {
	t.Helper()
	for i, x := range got {
		at := i - 20
		if at < 0 || at >= p.m*p.ldc || at%p.ldc >= p.n {
			if x != guard {
				t.Fatalf("%v wrote outside C at %d: %v", p, at, x)
			}
			continue
		}
		row, col := at/p.ldc, at%p.ldc
		var want float64
		size := 4.0 // of the terms, which bounds the rounding of their sum
		if p.add {
			want = float64(p.c[i])
		}
		for q := range p.k {
			term := float64(p.a.at(row, q)) * float64(p.b.at(q, col))
			want += term
			size += math.Abs(term)
		}
		if p.ep != nil {
			if p.ep.BiasN != nil {
				want += float64(p.ep.BiasN[col])
			}
			if p.ep.BiasM != nil {
				want += float64(p.ep.BiasM[row])
			}
			want = activate(p.ep.Act, want)
		}
		if d := math.Abs(float64(x) - want); !(d <= unit*size*math.Sqrt(float64(4+p.k))) {
			t.Fatalf("%v: C[%d,%d] = %v, want %v", p, row, col, x, want)
		}
	}
}

func (p problem[T]) String() string {
	return fmt.Sprintf("%d×%d×%d a=%+v b=%+v ldc=%d add=%v ep=%v", p.m, p.n, p.k, p.a.l, p.b.l, p.ldc, p.add, p.ep != nil)
}

func activate(a Activation, x float64) float64 {
	switch a {
	case Relu:
		return max(x, 0)
	case Tanh:
		return math.Tanh(x)
	case Sigmoid:
		return 1 / (1 + math.Exp(-x))
	}
	return x
}

func TestAgainstFloat64(t *testing.T) {
	for _, level := range levels() {
		t.Run(level.String(), func(t *testing.T) {
			testShapes[float32](t, level, 1.2e-7)
			testShapes[float64](t, level, 2.3e-16)
		})
	}
}

func testShapes[T Float](t *testing.T, level cpufeat.Level, unit float64) {
	r := rand.New(rand.NewPCG(1, uint64(level)))
	ctx := NewContext(nil, level)
	s := kernels[T](level)
	// Every tile edge: all heights around MR, all widths around NR.
	for m := range 2*s.mr + 2 {
		for n := range 2*s.nr + 2 {
			p := randomProblem[T](r, m, n, r.IntN(12))
			p.check(t, p.run(ctx), unit)
		}
	}
	// Packed sizes and several blocks of k.
	for range 40 {
		p := randomProblem[T](r, 1+r.IntN(160), 1+r.IntN(160), 1+r.IntN(2*s.kc+60))
		p.check(t, p.run(ctx), unit)
	}
	for _, d := range [][3]int{{1, 300, 70}, {300, 1, 700}, {1, 1, 600}, {1024, 3, 64}, {64, 3, 1024}, {1024, 64, 3}, {2, maxCols + 5, 3}, {maxRows + 5, 2, 3}} {
		p := randomProblem[T](r, d[0], d[1], d[2])
		p.check(t, p.run(ctx), unit)
	}
}

// sameBits compares including NaN and the sign of zero.
func sameBits[T Float](t *testing.T, what string, got, want []T) {
	t.Helper()
	for i := range want {
		if math.Float64bits(float64(got[i])) != math.Float64bits(float64(want[i])) {
			t.Fatalf("%s: element %d is %v, want the same bits as %v", what, i, got[i], want[i])
		}
	}
}

func TestThreadsDoNotChangeBits(t *testing.T) {
	for _, level := range levels() {
		r := rand.New(rand.NewPCG(2, 3))
		for _, d := range [][3]int{{129, 150, 300}, {40, 700, 90}, {500, 33, 64}, {5, 900, 270}, {1000, 3, 300}} {
			p := randomProblem[float32](r, d[0], d[1], d[2])
			want := p.run(NewContext(nil, level))
			for _, threads := range []int{2, 3} {
				pool := parallel.New(threads)
				sameBits(t, fmt.Sprintf("%v %v, %d threads", level, p, threads), p.run(NewContext(pool, level)), want)
				pool.Close()
			}
		}
	}
}

func TestBatchedMatchesSingle(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	for _, level := range levels() {
		r := rand.New(rand.NewPCG(4, 5))
		for _, batch := range []int{0, 1, 3, 40} {
			const m, n, k = 19, 35, 40
			a := randomMatrix[float32](r, batch*m+1, k)
			a.l = RowMajor(k)
			b := randomMatrix[float32](r, n, k)
			b.l = RowMajor(k).T() // shared by the batch
			ep := &Epilogue{BiasN: make([]float32, n), Act: Relu}
			got := make([]float32, batch*m*n)
			want := make([]float32, batch*m*n)
			ctx := NewContext(pool, level)
			Batched(ctx, batch, m, n, k, a.data, a.l, m*k, b.data, b.l, 0, got, n, m*n, false, ep)
			for i := range batch {
				Sgemm(ctx, m, n, k, a.data[i*m*k:], a.l, b.data, b.l, want[i*m*n:], n, false, ep)
			}
			sameBits(t, fmt.Sprintf("%v batch %d", level, batch), got, want)
		}
	}
}

func TestPackFuncMatchesData(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	for _, level := range levels() {
		r := rand.New(rand.NewPCG(6, 7))
		for _, d := range [][3]int{{3, 5, 7}, {70, 90, 300}, {200, 300, 20}} {
			p := randomProblem[float32](r, d[0], d[1], d[2])
			// The packer, written from its documentation.
			packer := func(at func(k, x int) float32) PackFunc {
				return func(dst []float32, width, k0, kc, x0, nx int) {
					clear(dst)
					for x := range nx {
						for k := range kc {
							q := x / width
							dst[q*width*kc+k*width+x-q*width] = at(k0+k, x0+x)
						}
					}
				}
			}
			a := Operand{Pack: packer(func(k, x int) float32 { return p.a.at(x, k) })}
			b := Operand{Pack: packer(func(k, x int) float32 { return p.b.at(k, x) })}
			ctx := NewContext(pool, level)
			got := append([]float32(nil), p.c...)
			SgemmPacked(ctx, p.m, p.n, p.k, a, b, got[20:], p.ldc, p.add, p.ep)
			sameBits(t, fmt.Sprintf("%v %v", level, p), got, p.run(ctx))
		}
	}
}

func TestSpecialValuesPropagate(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, level := range levels() {
		ctx := NewContext(nil, level)
		for _, n := range []int{1, 3, 17, 64} {
			for _, bad := range []float32{nan, inf} {
				const m, k = 13, 20
				a, b, c := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n)
				b[7*n+n-1] = bad // row 7, last column
				Sgemm(ctx, m, n, k, a, RowMajor(k), b, RowMajor(n), c, n, false, &Epilogue{Act: Relu})
				for i, x := range c {
					if isNaN := x != x; isNaN != (i%n == n-1) {
						t.Fatalf("%v: 0·%v gave %v at row %d, column %d of %d", level, bad, x, i/n, i%n, n)
					}
				}
			}
		}
	}
}

func TestBadArgumentsPanic(t *testing.T) {
	ctx := NewContext(nil, cpufeat.Best())
	x := make([]float32, 100)
	big := math.MaxInt / 2
	for name, f := range map[string]func(){
		"operand A": func() { Sgemm(ctx, 11, 1, 10, x, RowMajor(10), x, RowMajor(1), x, 1, false, nil) },
		"operand B": func() { Sgemm(ctx, 1, 10, 11, x, RowMajor(11), x, RowMajor(10), x, 10, false, nil) },
		"operand C": func() { Sgemm(ctx, 11, 10, 1, x, RowMajor(1), x, RowMajor(10), x, 10, false, nil) },
		"overflow":  func() { Sgemm(ctx, big, 1, big, x, Layout{RS: big, CS: big}, x, RowMajor(1), x, 1, false, nil) },
		"negative strides": func() {
			Sgemm(ctx, 2, 2, 2, x, Layout{RS: -2, CS: 1}, x, RowMajor(2), x, 2, false, nil)
		},
		"negative size": func() { Sgemm(ctx, -1, 2, 2, x, RowMajor(2), x, RowMajor(2), x, 2, false, nil) },
		"row stride":    func() { Sgemm(ctx, 2, 3, 2, x, RowMajor(2), x, RowMajor(3), x, 2, false, nil) },
		"BiasN":         func() { Sgemm(ctx, 2, 3, 2, x, RowMajor(2), x, RowMajor(3), x, 3, false, &Epilogue{BiasN: x[:2]}) },
		"members": func() {
			Batched(ctx, 9, 2, 2, 2, x, RowMajor(2), 40, x, RowMajor(2), 0, x, 2, 4, false, nil)
		},
	} {
		func() {
			defer func() {
				got := fmt.Sprint(recover())
				if name == "overflow" {
					name = "operand A"
				}
				if !strings.HasPrefix(got, "gemm: ") || !strings.Contains(got, name) {
					t.Errorf("%s: recovered %q", name, got)
				}
			}()
			f()
		}()
	}
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	pool := parallel.New(2)
	defer pool.Close()
	ctx := NewContext(pool, cpufeat.Best())
	for _, n := range []int{8, 128} {
		x, c := make([]float32, n*n), make([]float32, n*n)
		bias := make([]float32, n)
		ep := &Epilogue{BiasN: bias, BiasM: bias, Act: Sigmoid}
		if got := testing.AllocsPerRun(20, func() {
			Sgemm(ctx, n, n, n, x, RowMajor(n), x, RowMajor(n).T(), c, n, true, ep)
		}); got != 0 {
			t.Errorf("a product of size %d allocates %v times", n, got)
		}
		if got := testing.AllocsPerRun(20, func() {
			Batched(ctx, 4, n/2, n/2, n/2, x, RowMajor(n/2), n*n/4, x, RowMajor(n/2), 0, c, n/2, n*n/4, false, ep32(bias[:n/2]))
		}); got > 1 { // the epilogue literal itself
			t.Errorf("a batch of size %d allocates %v times", n, got)
		}
	}
}

func ep32(bias []float32) *Epilogue { return &Epilogue{BiasN: bias} }
