package ops

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Ops that make arrays or copy whole ones.
var Full, Iota, Copy *Op

// FullAttrs are the type, the shape and the value of a constant array. Int is the
// value in place of Value where a float64 would round it; see [NumberOf].
type FullAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	Value float64    `json:"value"`
	Int   int64      `json:"int,omitempty"`
}

// Constant is what attributes say of a row all of whose elements are one number.
type Constant interface{ Number() float64 }

// Derived is attributes from which kernels read more than the fields: numbers that follow
// from them, by name.
type Derived interface {
	Derived(name string) (value float64, ok bool)
}

// Number returns the value, before it is rounded to the element type.
func (a FullAttrs) Number() float64 { return a.number().Float() }

// Bits returns the bytes of an element.
func (a FullAttrs) Bits() [8]byte { return a.number().Bits(a.DType) }

func (a FullAttrs) number() Number { return Number{a.Value, a.Int} }

// IotaAttrs are the type, the shape and the axis along which the index is
// counted.
type IotaAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	Axis  int        `json:"axis"`
}

const noGradConstant = "it has no input to differentiate by"

func init() {
	oneRun := []dtype.Type{dtype.F32}
	Full = Declare(Op{Name: "full", Doc: "An array of one value, rounded to a float type; an integer type must hold it.", ONNX: "ConstantOfShape",
		Kind: Core, Family: CopyFamily, Attrs: FullAttrs{}, Types: Stored, Tol: exact, NoGrad: noGradConstant,
		Infer: func(attrs any, _ []Spec) ([]Spec, error) {
			a := attrs.(FullAttrs)
			if err := a.number().check(a.DType); err != nil {
				return nil, err
			}
			return arrayInfer(a.DType, a.Shape, Stored)
		},
		Ref:   func(attrs any, _, out []Host) { fillHost(out[0], attrs.(FullAttrs).Bits()) },
		Bench: func(s Size) Case { return Case{Attrs: FullAttrs{DType: s.DType, Shape: s.Square().Shape, Value: 1}} },
		Cases: []Case{
			{Name: "scalar", Types: oneRun, Attrs: FullAttrs{DType: dtype.F32, Value: 0.1}},
			{Name: "empty", Types: oneRun, Attrs: FullAttrs{DType: dtype.F32, Shape: []int{0, 3}, Value: 1}},
			{Name: "matrix", Types: oneRun, Attrs: FullAttrs{DType: dtype.BF16, Shape: []int{5, 7}, Value: 0.1}},
			{Name: "integers", Types: oneRun, Attrs: FullAttrs{DType: dtype.U8, Shape: []int{9}, Value: 200}},
			{Name: "long", Types: oneRun, Attrs: FullAttrs{DType: dtype.I64, Shape: []int{9}, Int: -1<<62 - 1}},
			{Name: "longer", Types: oneRun, Attrs: FullAttrs{DType: dtype.U64, Shape: []int{9}, Int: -1}},
			{Name: "rounded", Types: oneRun, Attrs: FullAttrs{DType: dtype.F32, Shape: []int{9}, Int: 1<<60 + 1}},
			{Name: "truth", Types: oneRun, Attrs: FullAttrs{DType: dtype.Bool, Shape: []int{3}, Value: 1}},
		},
	})
	Iota = Declare(Op{Name: "iota", Doc: "The index along one axis: 0, 1, 2 and so on. Integers wrap, floats round.", ONNX: "Range",
		Kind: Core, Family: CopyFamily, Attrs: IotaAttrs{}, Types: Numbers, Tol: exact, NoGrad: noGradConstant,
		Infer: func(attrs any, _ []Spec) ([]Spec, error) {
			a := attrs.(IotaAttrs)
			if _, err := shape.Axis(a.Axis, len(a.Shape)); err != nil {
				return nil, err
			}
			return arrayInfer(a.DType, a.Shape, Numbers)
		},
		Ref: func(attrs any, _, out []Host) {
			a := attrs.(IotaAttrs)
			axis := mustAxis(a.Axis, out[0].Spec)
			inner := shape.MustElements(a.Shape[axis+1:])
			for i := range out[0].Elements() {
				out[0].SetInt(i, int64(i/inner%a.Shape[axis]))
			}
		},
		Bench: func(s Size) Case { return Case{Attrs: IotaAttrs{DType: s.DType, Shape: s.Square().Shape, Axis: 1}} },
		Cases: []Case{
			{Name: "row", Types: oneRun, Attrs: IotaAttrs{DType: dtype.I64, Shape: []int{11}}},
			{Name: "rows", Types: oneRun, Attrs: IotaAttrs{DType: dtype.F32, Shape: []int{3, 5}}},
			{Name: "columns", Types: oneRun, Attrs: IotaAttrs{DType: dtype.U8, Shape: []int{3, 5}, Axis: -1}},
			{Name: "empty", Types: oneRun, Attrs: IotaAttrs{DType: dtype.I32, Shape: []int{0, 5}, Axis: 1}},
			{Name: "wrapped", Types: oneRun, Attrs: IotaAttrs{DType: dtype.U8, Shape: []int{600}}},
			{Name: "wrapped-signed", Types: oneRun, Attrs: IotaAttrs{DType: dtype.I8, Shape: []int{600, 2}}},
			{Name: "wrapped-short", Types: oneRun, Attrs: IotaAttrs{DType: dtype.I16, Shape: []int{66000}}},
			{Name: "rounded", Types: oneRun, Attrs: IotaAttrs{DType: dtype.BF16, Shape: []int{600}}},
			{Name: "overflow", Types: oneRun, Attrs: IotaAttrs{DType: dtype.F16, Shape: []int{66000}}},
		},
	})
	Copy = Declare(Op{Name: "copy", Method: "-", Doc: "A dense copy of x.", ONNX: "Identity",
		Kind: Core, Family: CopyFamily, Inputs: "x", Types: Stored, Infer: sameInfer, Tol: exact,
		Ref:   func(_ any, in, out []Host) { copy(out[0].Data, in[0].Data) },
		Grad:  func(g *GradCall) []Value { return []Value{g.D[0]} },
		Bench: func(s Size) Case { return Case{In: []Arg{s.Square()}} },
		Cases: unaryCases(Arg{}),
	})
}

// arrayInfer is the rule of ops that make an array from attributes alone.
func arrayInfer(t dtype.Type, dims []int, allowed []dtype.Type) ([]Spec, error) {
	if !slices.Contains(allowed, t) {
		return nil, typeErr("cannot make an array of %v", t)
	}
	if _, err := shape.Elements(dims); err != nil {
		return nil, err
	}
	return []Spec{{t, shape.Clone(dims)}}, nil
}
