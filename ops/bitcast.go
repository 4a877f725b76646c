package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// Bitcast shows the bits of elements as another type.
var Bitcast *Op

func init() {
	Bitcast = Declare(Op{Name: "bitcast", Doc: "The bits of x as another element type of the same size.", ONNX: "BitCast",
		Kind: View, Inputs: "x", Attrs: CastAttrs{}, Types: Numbers, Tol: exact, NoGrad: "it works on the bits of numbers", Method: "-",
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			to := attrs.(CastAttrs).DType
			if to == dtype.Bool || to.Size() != in[0].DType.Size() {
				return nil, typeErr("has not as many bits as %v", to)
			}
			return []Spec{{to, in[0].Shape}}, nil
		},
		Ref: func(_ any, in, out []Host) { copy(out[0].Data, in[0].Data) },
		View: func(attrs any, v hal.View) (hal.View, bool) {
			v.DType = attrs.(CastAttrs).DType
			return v, true
		},
		Cases: []Case{
			{Name: "float", Types: []dtype.Type{dtype.F32, dtype.I32}, Attrs: CastAttrs{DType: dtype.U32}, In: args(Arg{}, []int{3, 5})},
			{Name: "double", Types: []dtype.Type{dtype.F64, dtype.U64}, Attrs: CastAttrs{DType: dtype.I64}, In: args(Arg{}, []int{7})},
			{Name: "half", Types: []dtype.Type{dtype.I16, dtype.BF16}, Attrs: CastAttrs{DType: dtype.F16}, In: args(Arg{Hi: 100}, []int{4})},
			{Name: "byte", Types: []dtype.Type{dtype.I8}, Attrs: CastAttrs{DType: dtype.U8}, In: args(Arg{}, []int{0, 3})},
		},
	})
}
