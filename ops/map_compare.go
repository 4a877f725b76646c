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
	predicate := func(op Op, expression string) *Op {
		op.Infer, op.NoGrad, op.Tol, op.Cases = predicateInfer, noGradBool, exact, binaryCases(Arg{})
		if op.Inputs == "x" {
			op.Cases = unaryCases(Arg{})
		}
		return Elementwise(op, expression)
	}
	Eq = predicate(Op{Name: "eq", Doc: "x == y.", ONNX: "Equal", Inputs: "x y", Types: Any}, "x0 == x1")
	Ne = predicate(Op{Name: "ne", Doc: "x != y.", Inputs: "x y", Types: Any}, "x0 != x1")
	Lt = predicate(Op{Name: "lt", Doc: "x < y.", ONNX: "Less", Inputs: "x y", Types: Numbers}, "x0 < x1")
	Le = predicate(Op{Name: "le", Doc: "x <= y.", ONNX: "LessOrEqual", Inputs: "x y", Types: Numbers}, "x0 <= x1")
	Gt = predicate(Op{Name: "gt", Doc: "x > y.", ONNX: "Greater", Inputs: "x y", Types: Numbers}, "x0 > x1")
	Ge = predicate(Op{Name: "ge", Doc: "x >= y.", ONNX: "GreaterOrEqual", Inputs: "x y", Types: Numbers}, "x0 >= x1")

	And = predicate(Op{Name: "and", Doc: "x and y.", ONNX: "And", Inputs: "x y", Types: Bools}, "x0 && x1")
	Or = predicate(Op{Name: "or", Doc: "x or y.", ONNX: "Or", Inputs: "x y", Types: Bools}, "x0 || x1")
	Xor = predicate(Op{Name: "xor", Doc: "Either x or y, not both.", ONNX: "Xor", Inputs: "x y", Types: Bools}, "xor(x0, x1)")
	Not = predicate(Op{Name: "not", Doc: "Not x.", ONNX: "Not", Inputs: "x", Types: Bools, Fold: undoes}, "!x0")

	IsNaN = predicate(Op{Name: "is_nan", GoName: "IsNaN", Doc: "Whether x is not a number.", ONNX: "IsNaN", Inputs: "x", Types: Floats}, "isnan(x0)")
	IsInf = predicate(Op{Name: "is_inf", Doc: "Whether x is an infinity of either sign.", ONNX: "IsInf", Inputs: "x", Types: Floats}, "isinf(x0)")

	Where = Elementwise(Op{Name: "where", Method: "-", Doc: "x where cond is true, else y; all three broadcast.", ONNX: "Where",
		Inputs: "cond x y", Types: Bools, Promotes: PromoteFrom(1), Infer: whereInfer, Tol: exact, Cases: whereCases(), Saves: In(0),
		Grad: whereGrad,
	}, "where(x0, x1, x2)")
}

func whereInfer(_ any, in []Spec) ([]Spec, error) {
	if in[1].DType != in[2].DType {
		return nil, typeErr("element types of x and y differ: Cast one of them")
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
