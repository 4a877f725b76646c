package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Random arrays from a key as Philox takes it. A draw uses one word per element,
// Normal one more for an odd number; PhiloxBlocks tells how far that moves the
// offset.
var Uniform, Normal, Bernoulli *Op

// RandAttrs are the result's type, shape and range.
type RandAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	Lo    float64    `json:"lo"`
	Hi    float64    `json:"hi"`
}

// NormalAttrs are the result's type and shape and the distribution's mean and
// standard deviation.
type NormalAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	Mean  float64    `json:"mean"`
	Std   float64    `json:"std"`
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
	Uniform = Declare(Op{Name: "uniform", Doc: "Random numbers uniform in [lo, hi), in steps of 2^-24 of the range. In a narrower type than f32 rounding can reach hi.", ONNX: "RandomUniform",
		Kind: Composite, Inputs: "key", Attrs: RandAttrs{}, Types: key, NoGrad: noGradRandom, Tol: Tolerance{ULP: 2, Depth: depthOne},
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(RandAttrs)
			if !(a.Lo <= a.Hi) || math.IsInf(a.Hi-a.Lo, 0) {
				return nil, attrErr("range [%v, %v) is not a finite, ordered one", a.Lo, a.Hi)
			}
			return randomInfer(in, a.DType, a.Shape, Floats)
		},
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(RandAttrs)
			for i, w := range philoxWords(in[0], out[0].Elements()) {
				out[0].Set(i, float64(w>>8)*((a.Hi-a.Lo)*unit)+a.Lo)
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a := attrs.(RandAttrs)
			u := Scaled(b, fractions(b, in[0], a.Shape, wideType(a.DType)), (a.Hi-a.Lo)*unit, a.Lo)
			return []Value{Casted(b, u, a.DType)}
		},
		Bench: func(s Size) Case {
			return Case{Attrs: RandAttrs{DType: s.DType, Shape: s.Square().Shape, Hi: 1}, In: []Arg{s.Key()}}
		},
		Cases: []Case{
			{Name: "unit", Attrs: RandAttrs{DType: dtype.F32, Shape: []int{5, 7}, Hi: 1}, In: []Arg{randomKey}},
			{Name: "range", Attrs: RandAttrs{DType: dtype.F64, Shape: []int{33}, Lo: -3, Hi: 5}, In: []Arg{randomKey}},
			{Name: "half", Attrs: RandAttrs{DType: dtype.F16, Shape: []int{9}, Lo: -1, Hi: 1}, In: []Arg{randomKey}},
			{Name: "scalar", Attrs: RandAttrs{DType: dtype.F32, Hi: 1}, In: []Arg{randomKey}},
			{Name: "empty", Attrs: RandAttrs{DType: dtype.F32, Shape: []int{0}, Hi: 1}, In: []Arg{randomKey}},
		},
	})
	Normal = Declare(Op{Name: "normal", Doc: "Random numbers of a normal distribution by the Box-Muller transform: the first half of the words gives radii, the second angles.", ONNX: "RandomNormal",
		Kind: Composite, Inputs: "key", Attrs: NormalAttrs{}, Types: key, NoGrad: noGradRandom, Tol: Tolerance{ULP: 16, Depth: depthOne},
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(NormalAttrs)
			if !(a.Std >= 0) || math.IsInf(a.Std, 0) || math.IsNaN(a.Mean) {
				return nil, attrErr("mean %v and standard deviation %v must be finite and the latter not negative", a.Mean, a.Std)
			}
			return randomInfer(in, a.DType, a.Shape, Floats)
		},
		Ref: normalRef, Lower: normalLower,
		Bench: func(s Size) Case {
			return Case{Attrs: NormalAttrs{DType: s.DType, Shape: s.Square().Shape, Std: 1}, In: []Arg{s.Key()}}
		},
		Cases: []Case{
			{Name: "standard", Attrs: NormalAttrs{DType: dtype.F32, Shape: []int{5, 7}, Std: 1}, In: []Arg{randomKey}},
			{Name: "moved", Attrs: NormalAttrs{DType: dtype.F64, Shape: []int{32}, Mean: 3, Std: 0.5}, In: []Arg{randomKey}},
			{Name: "brain", Attrs: NormalAttrs{DType: dtype.BF16, Shape: []int{9}, Std: 1}, In: []Arg{randomKey}},
			{Name: "scalar", Attrs: NormalAttrs{DType: dtype.F32, Std: 1}, In: []Arg{randomKey}},
			{Name: "empty", Attrs: NormalAttrs{DType: dtype.F32, Shape: []int{0}, Std: 1}, In: []Arg{randomKey}},
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

// normalRef makes out[i] = r·cos(θ) and out[i+half] = r·sin(θ).
func normalRef(attrs any, in, out []Host) {
	a, y := attrs.(NormalAttrs), out[0]
	n := y.Elements()
	half := (n + 1) / 2
	words := philoxWords(in[0], 2*half)
	for i := range half {
		// The fraction lies in (0, 1], where the logarithm is finite.
		radius := math.Sqrt(-2 * math.Log(float64(words[i]>>8+1)*unit))
		sin, cos := math.Sincos(2 * math.Pi * float64(words[half+i]>>8) * unit)
		y.Set(i, a.Mean+a.Std*radius*cos)
		if half+i < n {
			y.Set(half+i, a.Mean+a.Std*radius*sin)
		}
	}
}

func normalLower(b Builder, attrs any, in []Value) []Value {
	a := attrs.(NormalAttrs)
	n := shape.MustElements(a.Shape)
	half := (n + 1) / 2
	k := fractions(b, in[0], []int{2 * half}, wideType(a.DType))
	radius := Log.Of(b, Scaled(b, sliced(b, k, 0, 0, half), unit, unit))
	radius = Sqrt.Of(b, Scaled(b, radius, -2, 0))
	angle := Scaled(b, sliced(b, k, 0, half, half), 2*math.Pi*unit, 0)
	y := Concat.With(b, ConcatAttrs{}, Mul.Of(b, radius, Cos.Of(b, angle)), Mul.Of(b, radius, Sin.Of(b, angle)))
	y = Scaled(b, sliced(b, y, 0, 0, n), a.Std, a.Mean)
	return []Value{Casted(b, Reshaped(b, y, a.Shape...), a.DType)}
}
