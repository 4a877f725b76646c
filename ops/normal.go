package ops

import (
	"math"
	"math/bits"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Normal draws from a normal distribution.
var Normal *Op

// NormalAttrs are the result's type and shape and the distribution's mean and
// standard deviation.
type NormalAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	Mean  float64    `json:"mean"`
	Std   float64    `json:"std"`
}

func init() {
	Normal = Declare(Op{Name: "normal", Doc: "Random numbers of a normal distribution by the Box-Muller transform of pairs of words, computed in f32 with the same bits everywhere.", ONNX: "RandomNormal",
		Kind: Composite, Inputs: "key", Attrs: NormalAttrs{}, Types: []dtype.Type{dtype.U64}, NoGrad: noGradRandom, Tol: exact,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(NormalAttrs)
			if !(a.Std >= 0) || math.IsInf(a.Std, 0) || math.IsNaN(a.Mean) || math.IsInf(a.Mean, 0) {
				return nil, attrErr("mean %v and standard deviation %v must be finite and the latter not negative", a.Mean, a.Std)
			}
			return randomInfer(in, a.DType, a.Shape, Floats)
		},
		Ref: func(attrs any, in, out []Host) {
			a, y := attrs.(NormalAttrs), out[0]
			place := a.Placed()
			n := y.Elements()
			words := philoxWords(in[0], n+n%2)
			for i := 0; i < n; i += 2 {
				first, second := NormalPair(words[i], words[i+1])
				y.Set(i, place(first))
				if i+1 < n {
					y.Set(i+1, place(second))
				}
			}
		},
		Lower: normalLower,
		Bench: func(s Size) Case {
			return Case{Attrs: NormalAttrs{DType: s.DType, Shape: s.Square().Shape, Std: 1}, In: []Arg{s.Key()}}
		},
		Cases: []Case{
			{Name: "standard", Attrs: NormalAttrs{DType: dtype.F32, Shape: []int{5, 7}, Std: 1}, In: []Arg{randomKey}},
			{Name: "many", Attrs: NormalAttrs{DType: dtype.F32, Shape: []int{20011}, Mean: -0.7, Std: 1.3}, In: []Arg{randomKey}},
			{Name: "moved", Attrs: NormalAttrs{DType: dtype.F64, Shape: []int{32}, Mean: 3, Std: 0.3}, In: []Arg{randomKey}},
			{Name: "brain", Attrs: NormalAttrs{DType: dtype.BF16, Shape: []int{9}, Std: 1}, In: []Arg{randomKey}},
			{Name: "half", Attrs: NormalAttrs{DType: dtype.F16, Shape: []int{9}, Mean: 0.1, Std: 0.3}, In: []Arg{randomKey}},
			{Name: "scalar", Attrs: NormalAttrs{DType: dtype.F32, Std: 1}, In: []Arg{randomKey}},
			{Name: "empty", Attrs: NormalAttrs{DType: dtype.F32, Shape: []int{0}, Std: 1}, In: []Arg{randomKey}},
		},
	})
}

// Placed returns the function that moves a standard normal number to the distribution: a
// product and a sum in f32, in f64 for that type, each rounded.
func (a NormalAttrs) Placed() func(z float32) float64 {
	if a.DType == dtype.F64 {
		return func(z float32) float64 { return float64(a.Std*float64(z)) + a.Mean }
	}
	std, mean := float32(a.Std), float32(a.Mean)
	return func(z float32) float64 { return float64(float32(std*z) + mean) }
}

// The Box-Muller transform makes two independent normal numbers, r·cos(θ) and r·sin(θ),
// of a radius r = sqrt(-2 ln u) and an angle. It is written in comparisons and in f32 sums
// and products, rounded one by one, for there alone do processors agree: a division, a root
// or a logarithm has other last bits on other devices. NormalPair, normalLower and the
// kernel in kernels/random.k are the same steps. The polynomials are those of Moshier's
// Cephes library (logf, sinf, cosf); against exact arithmetic the results are off by at most
// a few units in the last place.
var (
	logPoly  = []float32{7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1}
	sinPoly  = []float32{-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1}
	cosPoly  = []float32{2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2}
	ln2High  = float32(0.693359375) // 9 bits: its product with a small whole number is exact
	ln2Low   = float32(-2.12194440e-4)
	halfRoot = float32(math.Sqrt2 / 2)
	turn     = float32(2 * math.Pi * unit)
)

// NormalPair returns the two numbers of a standard normal distribution that two random
// words make.
func NormalPair(radius, angle uint32) (first, second float32) {
	// u = m/2^24 lies in (0, 1]. m = f·2^e with f in [1, 2), then in [sqrt(1/2), sqrt(2)).
	m := radius>>8 + 1
	e := float32(bits.Len32(m) - 1)
	f := float32(m) * math.Float32frombits((127-uint32(e))<<23) * 0.5
	e++
	if f < halfRoot {
		f, e = 2*f, e-1
	}
	// t = -2 ln u
	s := f - 1
	z := float32(s * s) // an arm64 would fuse a product without a conversion with the sum that takes it
	p := logPoly[0]
	for _, c := range logPoly[1:] {
		p = float32(p*s) + c
	}
	p = float32(float32(p*s) * z)
	k := e - 24
	p += float32(k * ln2Low)
	p -= float32(0.5 * z)
	t := -2 * (float32(k*ln2High) + (s + p))
	// a = 4^24·t/scale² lies in [1, 4) but for t = 0; y is 1/sqrt(a) by Newton's iteration.
	a, scale := t*0x1p24, float32(0x1p-12)
	for _, q := range [...]float32{0x1p8, 0x1p4, 0x1p2, 0x1p1} {
		if a >= q*q {
			a, scale = a*(1/(q*q)), scale*q
		}
	}
	y := 1.09 - float32(a*0.1558)
	for range 4 {
		y = float32(y * (1.5 - float32(float32(a*0.5)*float32(y*y))))
	}
	r := float32(float32(a*y) * scale)
	// The angle is j quarter turns and x, at most an eighth.
	w := int32(angle >> 8)
	j := (w + 1<<21) >> 22
	x := float32(float32(w-j<<22) * turn)
	z = float32(x * x)
	sin, cos := sinPoly[0], cosPoly[0]
	for i := range 2 {
		sin = float32(sin*z) + sinPoly[i+1]
		cos = float32(cos*z) + cosPoly[i+1]
	}
	sin = float32(float32(sin*z)*x) + x
	cos = float32(float32(cos*z)*z) - float32(0.5*z) + 1
	if j&1 != 0 {
		sin, cos = cos, -sin
	}
	if j&2 != 0 {
		sin, cos = -sin, -cos
	}
	return float32(r * cos), float32(r * sin)
}

// normalLower is NormalPair for arrays.
func normalLower(b Builder, attrs any, in []Value) []Value {
	a := attrs.(NormalAttrs)
	n := shape.MustElements(a.Shape)
	pairs := (n + 1) / 2
	k := Reshaped(b, highBits(b, Philox.With(b, PhiloxAttrs{Shape: []int{2 * pairs}}, in[0])), pairs, 2)
	mul := func(x Value, c float32) Value { return Mul.Of(b, x, scalarLike(b, x, float64(c))) }
	add := func(x Value, c float32) Value { return Add.Of(b, x, scalarLike(b, x, float64(c))) }
	atLeast := func(x Value, c float32) Value { return Ge.Of(b, x, scalarLike(b, x, float64(c))) }
	horner := func(x Value, poly []float32) Value {
		p := add(mul(x, poly[0]), poly[1])
		for _, c := range poly[2:] {
			p = add(Mul.Of(b, p, x), c)
		}
		return p
	}
	// f and e: halved where that leaves at least 1.
	f := add(Casted(b, sliced(b, k, 1, 0, 1), dtype.F32), 1)
	e := mul(f, 0)
	for _, q := range []int{16, 8, 4, 2, 1} {
		large := atLeast(f, float32(math.Ldexp(1, q)))
		f = Where.Of(b, large, mul(f, float32(math.Ldexp(1, -q))), f)
		e = Where.Of(b, large, add(e, float32(q)), e)
	}
	f, e = mul(f, 0.5), add(e, 1)
	fits := atLeast(f, halfRoot)
	f, e = Where.Of(b, fits, f, mul(f, 2)), Where.Of(b, fits, e, add(e, -1))
	s, c := add(f, -1), add(e, -24)
	z := Mul.Of(b, s, s)
	p := Mul.Of(b, Mul.Of(b, horner(s, logPoly), s), z)
	p = Sub.Of(b, Add.Of(b, p, mul(c, ln2Low)), mul(z, 0.5))
	t := mul(Add.Of(b, mul(c, ln2High), Add.Of(b, s, p)), -2)
	x := mul(t, 0x1p24)
	scale := Filled(b, x.Spec(), 0x1p-12)
	for _, q := range []float32{0x1p8, 0x1p4, 0x1p2, 0x1p1} {
		large := atLeast(x, q*q)
		x = Where.Of(b, large, mul(x, 1/(q*q)), x)
		scale = Where.Of(b, large, mul(scale, q), scale)
	}
	y := Sub.Of(b, scalarLike(b, x, 1.09), mul(x, 0.1558))
	for range 4 {
		y = Mul.Of(b, y, Sub.Of(b, scalarLike(b, x, 1.5), Mul.Of(b, mul(x, 0.5), Mul.Of(b, y, y))))
	}
	r := Mul.Of(b, Mul.Of(b, x, y), scale)
	// The quarter of the angle, 0 to 4, and what is left.
	w := sliced(b, k, 1, 1, 1)
	quarter := Div.Of(b, Add.Of(b, w, scalarLike(b, w, 1<<21)), scalarLike(b, w, 1<<22))
	j := Casted(b, quarter, dtype.F32)
	x = mul(Sub.Of(b, Casted(b, w, dtype.F32), mul(j, 1<<22)), turn)
	z = Mul.Of(b, x, x)
	sin := Add.Of(b, Mul.Of(b, Mul.Of(b, horner(z, sinPoly), z), x), x)
	cos := add(Sub.Of(b, Mul.Of(b, Mul.Of(b, horner(z, cosPoly), z), z), mul(z, 0.5)), 1)
	is := func(q float64) Value { return Eq.Of(b, j, scalarLike(b, j, q)) }
	odd := Or.Of(b, is(1), is(3))
	sin, cos = Where.Of(b, odd, cos, sin), Where.Of(b, odd, Neg.Of(b, sin), cos)
	opposite := Or.Of(b, is(2), is(3))
	sin, cos = Where.Of(b, opposite, Neg.Of(b, sin), sin), Where.Of(b, opposite, Neg.Of(b, cos), cos)
	out := Concat.With(b, ConcatAttrs{Axis: 1}, Mul.Of(b, r, cos), Mul.Of(b, r, sin))
	out = Casted(b, sliced(b, Reshaped(b, out, 2*pairs), 0, 0, n), a.DType.Wide())
	out = Add.Of(b, Mul.Of(b, out, scalarLike(b, out, a.Std)), scalarLike(b, out, a.Mean))
	return []Value{Casted(b, Reshaped(b, out, a.Shape...), a.DType)}
}
