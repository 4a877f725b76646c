package ops

import "github.com/crease-ml/crease/dtype"

// Elementwise comparisons and logic; results are bool. Comparisons with NaN are
// false, except Ne.
var (
	Eq, Ne, Lt, Le, Gt, Ge *Op
	And, Or, Xor, Not      *Op
	IsNaN, IsInf           *Op
	Where                  *Op
)

const (
	noGradBool  = "its result is a truth value"
	noGradIndex = "its result is a whole number"
)

func init() {
	predicate := func(name, doc, onnx, inputs, expression string, types []dtype.Type, cases []Case) *Op {
		return Elementwise(Op{Name: name, Doc: doc, ONNX: onnx, Inputs: inputs, Types: types, Infer: predicateInfer,
			NoGrad: noGradBool, Tol: exact, Cases: cases}, expression)
	}
	Eq = predicate("eq", "x == y.", "Equal", "x y", "x0 == x1", Any, binaryCases(Arg{}))
	Ne = predicate("ne", "x != y.", "", "x y", "x0 != x1", Any, binaryCases(Arg{}))
	Lt = predicate("lt", "x < y.", "Less", "x y", "x0 < x1", Numbers, binaryCases(Arg{}))
	Le = predicate("le", "x <= y.", "LessOrEqual", "x y", "x0 <= x1", Numbers, binaryCases(Arg{}))
	Gt = predicate("gt", "x > y.", "Greater", "x y", "x0 > x1", Numbers, binaryCases(Arg{}))
	Ge = predicate("ge", "x >= y.", "GreaterOrEqual", "x y", "x0 >= x1", Numbers, binaryCases(Arg{}))

	And = predicate("and", "x and y.", "And", "x y", "x0 && x1", Bools, binaryCases(Arg{}))
	Or = predicate("or", "x or y.", "Or", "x y", "x0 || x1", Bools, binaryCases(Arg{}))
	Xor = predicate("xor", "Either x or y, not both.", "Xor", "x y", "xor(x0, x1)", Bools, binaryCases(Arg{}))
	Not = predicate("not", "Not x.", "Not", "x", "!x0", Bools, unaryCases(Arg{}))

	IsNaN = predicate("is_nan", "Whether x is not a number.", "IsNaN", "x", "isnan(x0)", Floats, unaryCases(Arg{}))
	IsInf = predicate("is_inf", "Whether x is an infinity of either sign.", "IsInf", "x", "isinf(x0)", Floats, unaryCases(Arg{}))

	Where = Elementwise(Op{Name: "where", Doc: "x where cond is true, else y; all three broadcast.", ONNX: "Where",
		Inputs: "cond x y", Types: Bools, Promotes: PromoteFrom(1), Infer: whereInfer, Tol: exact, Cases: whereCases(), Saves: In(0),
		Grad: whereGrad,
	}, "where(x0, x1, x2)")
}

func whereInfer(_ any, in []Spec) ([]Spec, error) {
	if in[1].DType != in[2].DType {
		return nil, typeErr("element types of x and y differ; cast one of them")
	}
	dims, err := broadcastSpecs(in)
	if err != nil {
		return nil, err
	}
	return []Spec{{in[1].DType, dims}}, nil
}

// whereGrad routes the gradient to the operand that was chosen.
func whereGrad(g *GradCall) []Value {
	out := make([]Value, 3)
	zero := scalarLike(g.B, g.D[0], 0)
	if g.Needs[1] {
		out[1] = Unbroadcast(g.B, Where.Of(g.B, g.In[0], g.D[0], zero), g.In[1].Spec().Shape)
	}
	if g.Needs[2] {
		out[2] = Unbroadcast(g.B, Where.Of(g.B, g.In[0], zero, g.D[0]), g.In[2].Spec().Shape)
	}
	return out
}

func whereCases() []Case {
	var cases []Case
	for _, c := range binaryCases(Arg{}) {
		c.In = append([]Arg{{Shape: c.In[0].Shape, DType: dtype.Bool}}, c.In...)
		c.Types = Any
		cases = append(cases, c)
	}
	return append(cases, Case{Name: "cond-row", Types: Any,
		In: []Arg{{Shape: []int{5}, DType: dtype.Bool}, {Shape: []int{3, 1}}, {Shape: []int{}}}})
}
