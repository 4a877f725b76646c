package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
)

// Random arrays from a key as Philox takes it, one word per element; PhiloxBlocks tells
// how far that moves the offset.
//
// All of them draw the same bits on every device. To that end their arithmetic is written
// down to the last rounding: whole numbers, comparisons, and sums and products in f32 (f64
// for an f64 result) that are rounded one by one, never a fused multiply-add or a function of
// a mathematical library. Their tolerance is none, so that the suite compares bits.
var Uniform, Bernoulli *Op

// RandAttrs are the result's type, shape and range.
type RandAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	Lo    float64    `json:"lo"`
	Hi    float64    `json:"hi"`
}

// check returns an error for a range that is not finite, or none of whose numbers is one of
// the element type.
func (a RandAttrs) check() error {
	wide := a.DType.Wide()
	for _, v := range []struct {
		of dtype.Type
		v  float64
	}{{a.DType, a.Lo}, {a.DType, a.Hi}, {wide, a.Hi - a.Lo}} {
		if r := dtype.Round(v.of, v.v); math.IsInf(r, 0) || math.IsNaN(r) {
			return attrErr("the range [%v, %v) is not a finite one of %s", a.Lo, a.Hi, a.DType)
		}
	}
	if !(a.Lo <= a.Hi) {
		return attrErr("the range [%v, %v) is not an ordered one", a.Lo, a.Hi)
	}
	if first, last := a.ends(); first > last {
		return attrErr("no number of %s lies in [%v, %v)", a.DType, a.Lo, a.Hi)
	}
	return nil
}

// ends returns the smallest and the largest number of the element type in the range.
func (a RandAttrs) ends() (first, last float64) {
	first, last = dtype.Round(a.DType, a.Lo), dtype.Round(a.DType, a.Hi)
	if a.Lo == a.Hi {
		return first, first
	}
	if first < a.Lo {
		first = dtype.Next(a.DType, first, true)
	}
	if last >= a.Hi {
		last = dtype.Next(a.DType, last, false)
	}
	return first, last
}

// step is the distance of neighbouring draws.
func (a RandAttrs) step() float64 { return (a.Hi - a.Lo) * unit }

// Derived returns what kernels read besides the fields: the first and the last number of the
// range, and the step.
func (a RandAttrs) Derived(name string) (float64, bool) {
	first, last := a.ends()
	v, ok := map[string]float64{"first": first, "last": last, "step": a.step()}[name]
	return v, ok
}

// Draw returns the function that makes an element of a random word. The caller rounds the
// result to the element type, which keeps it in the range.
func (a RandAttrs) Draw() func(word uint32) float64 {
	first, last := a.ends()
	if a.DType == dtype.F64 {
		step := a.step()
		return func(w uint32) float64 { return min(max(float64(float64(w>>8)*step)+a.Lo, first), last) }
	}
	step, low, lo, hi := float32(a.step()), float32(a.Lo), float32(first), float32(last)
	return func(w uint32) float64 { return float64(min(max(float32(float32(w>>8)*step)+low, lo), hi)) }
}

// BernoulliAttrs are the result's type and shape and the probability of a 1.
type BernoulliAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	P     float64    `json:"p"`
}

// unit is the distance between neighbouring random fractions: the high 24 bits
// of a word, which f32 holds exactly.
const unit = 0x1p-24

func init() {
	key := []dtype.Type{dtype.U64}
	Uniform = Declare(Op{Name: "uniform", Doc: "Random numbers uniform in [lo, hi), in steps of 2^-24 of the range; rounding never leads out of it. Where lo is hi, all are lo.", ONNX: "RandomUniform",
		Kind: Composite, Inputs: "key", Attrs: RandAttrs{}, Types: key, NoGrad: noGradRandom, Tol: exact,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(RandAttrs)
			out, err := randomInfer(in, a.DType, a.Shape, Floats)
			if err != nil {
				return nil, err
			}
			return out, a.check()
		},
		Ref: func(attrs any, in, out []Host) {
			draw := attrs.(RandAttrs).Draw()
			for i, w := range philoxWords(in[0], out[0].Elements()) {
				out[0].Set(i, draw(w))
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a := attrs.(RandAttrs)
			first, last := a.ends()
			u := Mul.Of(b, fractions(b, in[0], a.Shape, a.DType.Wide()), Filled(b, Spec{DType: a.DType.Wide()}, a.step()))
			u = Add.Of(b, u, scalarLike(b, u, a.Lo))
			u = Min.Of(b, Max.Of(b, u, scalarLike(b, u, first)), scalarLike(b, u, last))
			return []Value{Casted(b, u, a.DType)}
		},
		Bench: func(s Size) Case {
			return Case{Attrs: RandAttrs{DType: s.DType, Shape: s.Square().Shape, Hi: 1}, In: []Arg{s.Key()}}
		},
		Cases: []Case{
			{Name: "unit", Attrs: RandAttrs{DType: dtype.F32, Shape: []int{5, 7}, Hi: 1}, In: []Arg{randomKey}},
			{Name: "range", Attrs: RandAttrs{DType: dtype.F64, Shape: []int{33}, Lo: -3, Hi: 5}, In: []Arg{randomKey}},
			{Name: "half", Attrs: RandAttrs{DType: dtype.F16, Shape: []int{9}, Lo: -1, Hi: 1}, In: []Arg{randomKey}},
			{Name: "tight", Attrs: RandAttrs{DType: dtype.F32, Shape: []int{4099}, Lo: 1000, Hi: 1001}, In: []Arg{randomKey}},
			{Name: "tight-half", Attrs: RandAttrs{DType: dtype.F16, Shape: []int{4099}, Lo: 1, Hi: 2}, In: []Arg{randomKey}},
			{Name: "tight-brain", Attrs: RandAttrs{DType: dtype.BF16, Shape: []int{4099}, Lo: -0.3, Hi: 0.1}, In: []Arg{randomKey}},
			{Name: "tight-double", Attrs: RandAttrs{DType: dtype.F64, Shape: []int{99}, Lo: 0x1p52, Hi: 0x1p52 + 3}, In: []Arg{randomKey}},
			{Name: "point", Attrs: RandAttrs{DType: dtype.F32, Shape: []int{9}, Lo: 0.1, Hi: 0.1}, In: []Arg{randomKey}},
			{Name: "scalar", Attrs: RandAttrs{DType: dtype.F32, Hi: 1}, In: []Arg{randomKey}},
			{Name: "empty", Attrs: RandAttrs{DType: dtype.F32, Shape: []int{0}, Hi: 1}, In: []Arg{randomKey}},
		},
	})
	Bernoulli = Declare(Op{Name: "bernoulli", Doc: "1 with probability p, rounded up to a multiple of 2^-24, else 0.", ONNX: "Bernoulli",
		Kind: Composite, Inputs: "key", Attrs: BernoulliAttrs{}, Types: key, NoGrad: noGradRandom, Tol: exact,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(BernoulliAttrs)
			if !(a.P >= 0 && a.P <= 1) {
				return nil, attrErr("probability %v is outside [0, 1]", a.P)
			}
			return randomInfer(in, a.DType, a.Shape, Any)
		},
		Ref: func(attrs any, in, out []Host) {
			for i, w := range philoxWords(in[0], out[0].Elements()) {
				if float64(w>>8)*unit < attrs.(BernoulliAttrs).P {
					out[0].Set(i, 1)
				}
			}
		},
		// Compared in whole numbers, so that every device draws the same.
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a := attrs.(BernoulliAttrs)
			k := highBits(b, Philox.With(b, PhiloxAttrs{Shape: a.Shape}, in[0]))
			return []Value{Casted(b, Lt.Of(b, k, scalarLike(b, k, math.Ceil(a.P/unit))), a.DType)}
		},
		Bench: func(s Size) Case {
			return Case{Attrs: BernoulliAttrs{DType: s.DType, Shape: s.Square().Shape, P: 0.5}, In: []Arg{s.Key()}}
		},
		Cases: []Case{
			{Name: "truth", Attrs: BernoulliAttrs{DType: dtype.Bool, Shape: []int{6, 9}, P: 0.3}, In: []Arg{randomKey}},
			{Name: "numbers", Attrs: BernoulliAttrs{DType: dtype.F32, Shape: []int{41}, P: 0.8}, In: []Arg{randomKey}},
			{Name: "never", Attrs: BernoulliAttrs{DType: dtype.F32, Shape: []int{8}}, In: []Arg{randomKey}},
			{Name: "always", Attrs: BernoulliAttrs{DType: dtype.I32, Shape: []int{8}, P: 1}, In: []Arg{randomKey}},
			{Name: "empty", Attrs: BernoulliAttrs{DType: dtype.F32, Shape: []int{0}, P: 0.5}, In: []Arg{randomKey}},
		},
	})
}

func randomInfer(in []Spec, t dtype.Type, dims []int, allowed []dtype.Type) ([]Spec, error) {
	if err := wantKey(in); err != nil {
		return nil, err
	}
	return arrayInfer(t, dims, allowed)
}

// highBits drops the low 8 bits of u32 words.
func highBits(b Builder, words Value) Value {
	return Div.Of(b, words, scalarLike(b, words, 256))
}

// fractions draws whole numbers below 2^24 in a float type.
func fractions(b Builder, key Value, dims []int, t dtype.Type) Value {
	return Casted(b, highBits(b, Philox.With(b, PhiloxAttrs{Shape: dims}, key)), t)
}
