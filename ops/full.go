package ops

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Ops that make arrays or copy whole ones.
var Full, Iota, Copy *Op

// FullAttrs are the type, the shape and the value of a constant array.
type FullAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	Value float64    `json:"value"`
}

// Constant is what attributes say of a row all of whose elements are one number.
type Constant interface{ Number() float64 }

// Number is the value, before it is rounded.
func (a FullAttrs) Number() float64 { return a.Value }

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
	Full = Declare(Op{Name: "full", Doc: "An array of one value, rounded to the element type.", ONNX: "ConstantOfShape",
		Kind: Core, Family: CopyFamily, Attrs: FullAttrs{}, Types: Stored, Tol: exact, NoGrad: noGradConstant,
		Infer: func(attrs any, _ []Spec) ([]Spec, error) {
			a := attrs.(FullAttrs)
			return arrayInfer(a.DType, a.Shape, Stored)
		},
		Ref: func(attrs any, _, out []Host) {
			for i := range out[0].Elements() {
				out[0].Set(i, attrs.(FullAttrs).Value)
			}
		},
		Bench: func(s Size) Case { return Case{Attrs: FullAttrs{DType: s.DType, Shape: s.Square().Shape, Value: 1}} },
		Cases: []Case{
			{Name: "scalar", Types: oneRun, Attrs: FullAttrs{DType: dtype.F32, Value: 0.1}},
			{Name: "empty", Types: oneRun, Attrs: FullAttrs{DType: dtype.F32, Shape: []int{0, 3}, Value: 1}},
			{Name: "matrix", Types: oneRun, Attrs: FullAttrs{DType: dtype.BF16, Shape: []int{5, 7}, Value: 0.1}},
			{Name: "integers", Types: oneRun, Attrs: FullAttrs{DType: dtype.U8, Shape: []int{9}, Value: 200}},
			{Name: "truth", Types: oneRun, Attrs: FullAttrs{DType: dtype.Bool, Shape: []int{3}, Value: 1}},
		},
	})
	Iota = Declare(Op{Name: "iota", Doc: "The index along one axis: 0, 1, 2 and so on.", ONNX: "Range",
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
