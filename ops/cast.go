package ops

import "github.com/crease-ml/crease/dtype"

// Cast converts the element type.
var Cast *Op

// CastAttrs is the element type of the result.
type CastAttrs struct {
	DType dtype.Type `json:"dtype"`
}

func init() {
	Cast = Declare(Op{Name: "cast", Doc: "x in another element type, by the conversion rules of package dtype.", ONNX: "Cast",
		Kind: Core, Family: CopyFamily, Inputs: "x", Attrs: CastAttrs{}, Types: Stored, Tol: exact, Cases: castCases(), Fold: castFold,
		Bench: func(s Size) Case { return Case{Attrs: CastAttrs{DType: dtype.F64}, In: []Arg{s.Square()}} },
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			t := attrs.(CastAttrs).DType
			if !t.Valid() {
				return nil, typeErr("%v is no element type to cast to", t)
			}
			return []Spec{{t, in[0].Shape}}, nil
		},
		Ref: func(_ any, in, out []Host) { dtype.Convert(out[0].Data, out[0].DType, in[0].Data, in[0].DType) },
		// A value that passed through whole numbers is a step function of x.
		Grad: func(g *GradCall) []Value {
			if !g.Out[0].Spec().DType.IsFloat() {
				return zeroGradient(g)
			}
			return []Value{Casted(g.B, g.D[0], g.In[0].Spec().DType)}
		},
	})
}

func castCases() []Case {
	var cases []Case
	for _, t := range Stored {
		// Rounding to a narrow type is a staircase to finite differences.
		cases = append(cases, Case{Name: "to-" + t.String(), Attrs: CastAttrs{DType: t},
			In: args(Arg{}, []int{37}), NoGradCheck: t != dtype.F64})
	}
	return append(cases,
		Case{Name: "scalar", Attrs: CastAttrs{DType: dtype.F64}, In: args(Arg{}, []int{})},
		Case{Name: "empty", Attrs: CastAttrs{DType: dtype.F32}, In: args(Arg{}, []int{0, 2})},
		Case{Name: "special-f16", Attrs: CastAttrs{DType: dtype.F16}, In: args(Arg{Special: true}, []int{40}), NoGradCheck: true},
		Case{Name: "special-i32", Attrs: CastAttrs{DType: dtype.I32}, In: args(Arg{Special: true}, []int{40}), NoGradCheck: true})
}
