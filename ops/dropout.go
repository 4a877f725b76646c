package ops

import (
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// DropoutAttrs holds the probability that an element is dropped, in [0, 1).
type DropoutAttrs struct {
	P float64 `json:"p"`
}

// Dropout (Srivastava et al. 2014), scaled so that expectations are kept.
var Dropout *Op

func init() {
	Dropout = Declare(Op{
		Name: "dropout",
		Doc: "x/(1-p) where the Philox word of the element is at least p*2^32, else 0; key is u64[2], {seed, offset}. " +
			"Results y and the bool mask of what was kept.",
		ONNX:   "Dropout",
		Kind:   Composite,
		Inputs: "x key",
		Attrs:  DropoutAttrs{},
		Types:  Floats,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			if p := attrs.(DropoutAttrs).P; !(p >= 0 && p < 1) {
				return nil, attrErr("p is %g, the probability to drop an element must be in [0, 1)", p)
			}
			if in[1].DType != dtype.U64 {
				return nil, typeErr("key must be u64, {seed, offset}")
			}
			if !shape.Equal(in[1].Shape, []int{2}) {
				return nil, shapeErr("key must have shape [2], {seed, offset}")
			}
			return []Spec{in[0], {dtype.Bool, in[0].Shape}}, nil
		},
		Ref: func(attrs any, in, out []Host) {
			a, x := attrs.(DropoutAttrs), in[0]
			bits := NewHost(Spec{dtype.U32, x.Shape})
			Philox.Ref(PhiloxAttrs{Shape: x.Shape}, in[1:], []Host{bits})
			for i := range x.Elements() {
				if bits.At(i) >= float64(a.Threshold()) {
					out[0].Set(i, x.At(i)/(1-a.P))
					out[1].SetInt(i, 1)
				}
			}
		},
		Lower: func(b Builder, attrs any, in []Value) []Value {
			a, spec := attrs.(DropoutAttrs), in[0].Spec()
			bits := Philox.With(b, PhiloxAttrs{Shape: spec.Shape}, in[1])
			mask := Ge.Of(b, bits, Filled(b, Spec{dtype.U32, nil}, float64(a.Threshold())))
			return []Value{a.masked(b, mask, in[0]), mask}
		},
		Grad: func(g *GradCall) []Value {
			if g.D[0] == nil {
				return make([]Value, 2)
			}
			return []Value{g.Attrs.(DropoutAttrs).masked(g.B, g.Out[1], g.D[0]), nil}
		},
		Saves: Out(1),
		Cost:  flopsPer(12),
		Tol:   Tolerance{ULP: 2},
		Bench: func(s Size) Case { return Case{Attrs: DropoutAttrs{P: 0.5}, In: []Arg{s.Square(), s.Key()}} },
		Cases: []Case{
			dropoutCase("scalar", 0.5),
			dropoutCase("row", 0.25, 23),
			dropoutCase("none", 0, 9),
			dropoutCase("most", 0.9, 4, 5),
			dropoutCase("nearly-all", 1-0x1p-40, 9),
			dropoutCase("empty", 0.5, 0, 3),
		},
	})
}

// Threshold returns the least Philox word that keeps its element: p·2^32 rounded up. The
// largest word always does.
func (a DropoutAttrs) Threshold() uint32 {
	return uint32(min(math.Ceil(a.P*0x1p32), math.MaxUint32))
}

// masked is x/(1-p) where the mask is set: the op and its gradient.
func (a DropoutAttrs) masked(b Builder, mask, x Value) Value {
	zero := Zeros(b, Spec{x.Spec().DType, nil})
	return Where.Of(b, mask, Scaled(b, x, 1/(1-a.P), 0), zero)
}

func dropoutCase(name string, p float64, dims ...int) Case {
	return Case{Name: name, Attrs: DropoutAttrs{p}, In: []Arg{
		{Shape: dims}, {Shape: []int{2}, DType: dtype.U64, Lo: 0, Hi: 1000}}}
}
