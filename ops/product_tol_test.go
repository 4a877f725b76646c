package ops

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// rounded is the number with so many significant bits, the nearest one.
func rounded(v float64, bits int) float64 {
	frac, exp := math.Frexp(v)
	return math.Ldexp(math.RoundToEven(math.Ldexp(frac, bits)), exp-bits)
}

func roundedHost(h Host, bits int) Host {
	out := h.Clone()
	for i := range h.Elements() {
		out.Set(i, rounded(h.At(i), bits))
	}
	return out
}

// product is a random matrix product of a depth, with operands rounded to so many bits.
func product(r *rand.Rand, depth, bits int) (in []Spec, got, want Host) {
	m, n := 1+r.IntN(9), 1+r.IntN(9)
	lo := []float64{-2, 0.1, -1}[r.IntN(3)]
	x := Arg{Shape: []int{m, depth}, Lo: lo, Hi: 2}.Make(dtype.F32, r)
	y := Arg{Shape: []int{depth, n}, Lo: -2, Hi: 2}.Make(dtype.F32, r)
	in = []Spec{x.Spec, y.Spec}
	want, got = NewHost(Spec{dtype.F32, []int{m, n}}), NewHost(Spec{dtype.F32, []int{m, n}})
	MatMul.Ref(nil, []Host{x, y}, []Host{want})
	MatMul.Ref(nil, []Host{roundedHost(x, bits), roundedHost(y, bits)}, []Host{got})
	return in, got, want
}

func multiplies(bits int) hal.Info {
	return hal.Info{Products: map[dtype.Type]hal.Precision{dtype.F32: {Multiply: bits, Accumulate: 24}}}
}

// excess is the largest error as a share of what is allowed.
func excess(dev hal.Info, in []Spec, got, want Host) (worst float64) {
	scale := 0.0
	for _, v := range want.Float64s() {
		scale = max(scale, math.Abs(v))
	}
	for i := range want.Elements() {
		w := want.At(i)
		worst = max(worst, math.Abs(got.At(i)-w)/MatMul.Tol.Bound(dev, want.DType, nil, in, w, scale))
	}
	return worst
}

// A device that multiplies in the bits it declares passes at every depth; one that has
// four bits fewer, as eight-bit floats have next to bfloat16, does not, nor one that
// declares nothing.
func TestProductsAreAllowedWhatIsDeclared(t *testing.T) {
	for _, bits := range []int{8, 11} {
		for _, depth := range []int{1, 2, 5, 20, 100, 1000} {
			r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
			honest, worse, silent, rounds := 0.0, 0, 0, 1000/(10+depth)+20
			for range rounds {
				in, got, want := product(r, depth, bits)
				honest = max(honest, excess(multiplies(bits), in, got, want))
				if MatMul.Check(nil, in, got, want) != nil {
					silent++
				}
				in, got, want = product(r, depth, bits-4)
				if MatMul.CheckOn(multiplies(bits), nil, in, got, want) != nil {
					worse++
				}
			}
			if honest > 0.9 {
				t.Errorf("%d bits, depth %d: honest products use %.2f of the bound", bits, depth, honest)
			}
			if worse < rounds*7/10 || silent < rounds*9/10 {
				t.Errorf("%d bits, depth %d: of %d products only %d fail with four bits fewer and %d undeclared", bits, depth, rounds, worse, silent)
			}
		}
	}
}

// Sums in fewer bits than the operands have are allowed where they are declared.
func TestSumsAreAllowedWhatIsDeclared(t *testing.T) {
	const n, depth, bits = 6, 200, 11
	r := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	x := Arg{Shape: []int{n, depth}, Lo: -2, Hi: 2}.Make(dtype.F32, r)
	y := Arg{Shape: []int{depth, n}, Lo: -2, Hi: 2}.Make(dtype.F32, r)
	want, got := NewHost(Spec{dtype.F32, []int{n, n}}), NewHost(Spec{dtype.F32, []int{n, n}})
	MatMul.Ref(nil, []Host{x, y}, []Host{want})
	for i := range n {
		for j := range n {
			sum := 0.0
			for k := range depth {
				sum = rounded(sum+x.At(i*depth+k)*y.At(k*n+j), bits)
			}
			got.Set(i*n+j, sum)
		}
	}
	in := []Spec{x.Spec, y.Spec}
	dev := hal.Info{Products: map[dtype.Type]hal.Precision{dtype.F32: {Accumulate: bits}}}
	if err := MatMul.CheckOn(dev, nil, in, got, want); err != nil {
		t.Error(err)
	}
	if MatMul.Check(nil, in, got, want) == nil {
		t.Error("sums in 11 bits pass without being declared")
	}
}

// What a device says of products widens no other bound, and none of a type that has
// fewer bits anyway.
func TestOtherBoundsStay(t *testing.T) {
	dev, products := multiplies(8), 0
	for _, op := range All() {
		for _, c := range op.Cases {
			in := make([]Spec, len(c.In))
			for i, a := range c.In {
				in[i] = a.Make(dtype.F32, rand.New(rand.NewPCG(1, 1))).Spec
			}
			if len(in) == 0 {
				continue
			}
			plain, on := op.Tol.Bound(hal.Info{}, dtype.F32, c.Attrs, in, 1, 2), op.Tol.Bound(dev, dtype.F32, c.Attrs, in, 1, 2)
			if op.Tol.Products != (on > plain) {
				t.Errorf("%s, case %s: the bound is %g, and where products are rounded %g", op.Name, c.Name, plain, on)
			}
			if !op.Tol.Products {
				continue
			}
			products++
			if g := op.GradBound(hal.Info{}, dtype.F32, c.Attrs, in, 0, 1, 2); !(op.GradBound(dev, dtype.F32, c.Attrs, in, 0, 1, 2) > g) {
				t.Errorf("%s, case %s: the bound of the gradient stays at %g", op.Name, c.Name, g)
			}
			narrow := slices.Clone(in)
			for i := range narrow {
				narrow[i].DType = dtype.BF16
			}
			if b := op.Tol.Bound(dev, dtype.BF16, c.Attrs, narrow, 1, 2); b != op.Tol.Bound(hal.Info{}, dtype.BF16, c.Attrs, narrow, 1, 2) {
				t.Errorf("%s, case %s: the bound of bfloat16 grows by rounding to bfloat16", op.Name, c.Name)
			}
		}
	}
	if products < 10 {
		t.Errorf("only %d cases are of products", products)
	}
}
