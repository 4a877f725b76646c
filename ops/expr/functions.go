package expr

import (
	"math"
	"slices"
)

// Function is a row of the function table.
type Function struct {
	Name     string
	Arity    int    // 1, 2 or 3
	Doc      string // in terms of the operands a, b and c
	Operator string // its other spelling, prefix for arity 1 and infix for 2; often ""
	Bool     bool   // the result is a truth value, 0 or 1
	Int      bool   // defined on integers
	// Commutative functions give the same result with a and b exchanged.
	Commutative bool
}

// Functions is every function, in the order of the table.
func Functions() []Function {
	all := make([]Function, len(table))
	for i := range table {
		all[i] = table[i].Function
	}
	return all
}

// function adds to a row what it computes. Operands beyond the arity are 0.
type function struct {
	Function
	takes operands
	float func(a, b, c float64) float64
	// int computes in 64 bits on operands that lie in the width w; the caller
	// wraps the result. Nil where the function is not defined on integers.
	int func(w width, a, b, c int64) int64
}

// operands says where a function accepts truth values.
type operands uint8

const (
	numbers operands = iota // nowhere
	truths                  // anywhere, and a number is its truth value
	alike                   // anywhere, if no other operand is a number
	choice                  // where: any condition, then two alike
)

var byName, infix = map[string]*function{}, map[string]*function{}

func init() {
	for i := range table {
		f := &table[i]
		f.Int = f.int != nil
		byName[f.Name] = f
		if f.Operator != "" && f.Arity == 2 {
			infix[f.Operator] = f
		}
	}
}

func f1(f func(a float64) float64) func(a, _, _ float64) float64 {
	return func(a, _, _ float64) float64 { return f(a) }
}

func f2(f func(a, b float64) float64) func(a, b, _ float64) float64 {
	return func(a, b, _ float64) float64 { return f(a, b) }
}

func i1(f func(a int64) int64) func(_ width, a, _, _ int64) int64 {
	return func(_ width, a, _, _ int64) int64 { return f(a) }
}

func i2(f func(a, b int64) int64) func(_ width, a, b, _ int64) int64 {
	return func(_ width, a, b, _ int64) int64 { return f(a, b) }
}

func iw(f func(w width, a, b int64) int64) func(w width, a, b, _ int64) int64 {
	return func(w width, a, b, _ int64) int64 { return f(w, a, b) }
}

// Short names keep the table to one line a row.
type row = Function

var table = slices.Concat(arithmetic, predicates, transcendental, bits)

var arithmetic = []function{
	{row{Name: "add", Arity: 2, Operator: "+", Commutative: true, Doc: "a + b"}, numbers,
		f2(func(a, b float64) float64 { return a + b }), i2(func(a, b int64) int64 { return a + b })},
	{row{Name: "sub", Arity: 2, Operator: "-", Doc: "a - b"}, numbers,
		f2(func(a, b float64) float64 { return a - b }), i2(func(a, b int64) int64 { return a - b })},
	{row{Name: "mul", Arity: 2, Operator: "*", Commutative: true, Doc: "a times b"}, numbers,
		f2(func(a, b float64) float64 { return a * b }), i2(func(a, b int64) int64 { return a * b })},
	{row{Name: "div", Arity: 2, Operator: "/", Doc: "a / b; integers truncate towards zero, and a / 0 is 0"}, numbers,
		f2(func(a, b float64) float64 { return a / b }), iw(width.div)},
	{row{Name: "mod", Arity: 2, Operator: "%", Doc: "the remainder of a / b with the sign of b; on integers 0 where b is 0"}, numbers,
		f2(floorMod), iw(width.mod)},
	{row{Name: "pow", Arity: 2, Doc: "a to the power b, as C99 pow"}, numbers, f2(math.Pow), iw(width.pow)},
	{row{Name: "max", Arity: 2, Commutative: true, Doc: "the larger of a and b, NaN if either is NaN"}, numbers,
		f2(func(a, b float64) float64 { return max(a, b) }), iw(width.max)},
	{row{Name: "min", Arity: 2, Commutative: true, Doc: "the smaller of a and b, NaN if either is NaN"}, numbers,
		f2(func(a, b float64) float64 { return min(a, b) }), iw(width.min)},
	{row{Name: "neg", Arity: 1, Operator: "-", Doc: "-a"}, numbers,
		f1(func(a float64) float64 { return -a }), i1(func(a int64) int64 { return -a })},
	{row{Name: "abs", Arity: 1, Doc: "the magnitude of a"}, numbers, f1(math.Abs), iw(width.abs)},
	{row{Name: "sign", Arity: 1, Doc: "-1 below 0, 1 above 0, else a"}, numbers, f1(sign), iw(width.sign)},
	{row{Name: "step", Arity: 1, Doc: "1 above 0, else 0"}, numbers,
		f1(func(a float64) float64 { return truth(a > 0) }),
		iw(func(w width, a, _ int64) int64 { return truth64(w.less(0, a)) })},
	{row{Name: "floor", Arity: 1, Doc: "the largest whole number not above a"}, numbers, f1(math.Floor), i1(same)},
	{row{Name: "ceil", Arity: 1, Doc: "the smallest whole number not below a"}, numbers, f1(math.Ceil), i1(same)},
	{row{Name: "round", Arity: 1, Doc: "the nearest whole number, halves to even"}, numbers, f1(math.RoundToEven), i1(same)},
	{row{Name: "trunc", Arity: 1, Doc: "a without its fraction"}, numbers, f1(math.Trunc), i1(same)},
	{row{Name: "recip", Arity: 1, Doc: "1 / a"}, numbers, f1(func(a float64) float64 { return 1 / a }), nil},
	{row{Name: "sqrt", Arity: 1, Doc: "the square root of a"}, numbers, f1(math.Sqrt), nil},
	{row{Name: "rsqrt", Arity: 1, Doc: "1 / sqrt(a)"}, numbers, f1(func(a float64) float64 { return 1 / math.Sqrt(a) }), nil},
	{row{Name: "where", Arity: 3, Doc: "b where a is true, else c"}, choice, where, where64},
	{row{Name: "float", Arity: 1, Doc: "the truth value a as the number 0 or 1; a number stays"}, truths,
		f1(func(a float64) float64 { return a }), i1(same)},
}

var predicates = []function{
	{row{Name: "eq", Arity: 2, Operator: "==", Bool: true, Commutative: true, Doc: "whether a equals b"}, alike,
		f2(func(a, b float64) float64 { return truth(a == b) }), i2(func(a, b int64) int64 { return truth64(a == b) })},
	{row{Name: "ne", Arity: 2, Operator: "!=", Bool: true, Commutative: true, Doc: "whether a differs from b; NaN differs from all"}, alike,
		f2(func(a, b float64) float64 { return truth(a != b) }), i2(func(a, b int64) int64 { return truth64(a != b) })},
	{row{Name: "lt", Arity: 2, Operator: "<", Bool: true, Doc: "whether a is less than b"}, numbers,
		f2(func(a, b float64) float64 { return truth(a < b) }),
		iw(func(w width, a, b int64) int64 { return truth64(w.less(a, b)) })},
	{row{Name: "le", Arity: 2, Operator: "<=", Bool: true, Doc: "whether a is at most b"}, numbers,
		f2(func(a, b float64) float64 { return truth(a <= b) }),
		iw(func(w width, a, b int64) int64 { return truth64(!w.less(b, a)) })},
	{row{Name: "gt", Arity: 2, Operator: ">", Bool: true, Doc: "whether a is greater than b"}, numbers,
		f2(func(a, b float64) float64 { return truth(a > b) }),
		iw(func(w width, a, b int64) int64 { return truth64(w.less(b, a)) })},
	{row{Name: "ge", Arity: 2, Operator: ">=", Bool: true, Doc: "whether a is at least b"}, numbers,
		f2(func(a, b float64) float64 { return truth(a >= b) }),
		iw(func(w width, a, b int64) int64 { return truth64(!w.less(a, b)) })},
	{row{Name: "and", Arity: 2, Operator: "&&", Bool: true, Commutative: true, Doc: "a and b"}, truths,
		f2(func(a, b float64) float64 { return truth(a != 0 && b != 0) }),
		i2(func(a, b int64) int64 { return truth64(a != 0 && b != 0) })},
	{row{Name: "or", Arity: 2, Operator: "||", Bool: true, Commutative: true, Doc: "a or b or both"}, truths,
		f2(func(a, b float64) float64 { return truth(a != 0 || b != 0) }),
		i2(func(a, b int64) int64 { return truth64(a != 0 || b != 0) })},
	{row{Name: "xor", Arity: 2, Bool: true, Commutative: true, Doc: "either a or b, not both"}, truths,
		f2(func(a, b float64) float64 { return truth((a != 0) != (b != 0)) }),
		i2(func(a, b int64) int64 { return truth64((a != 0) != (b != 0)) })},
	{row{Name: "not", Arity: 1, Operator: "!", Bool: true, Doc: "not a"}, truths,
		f1(func(a float64) float64 { return truth(a == 0) }), i1(func(a int64) int64 { return truth64(a == 0) })},
	{row{Name: "isnan", Arity: 1, Bool: true, Doc: "whether a is not a number"}, numbers,
		f1(func(a float64) float64 { return truth(a != a) }), i1(func(int64) int64 { return 0 })},
	{row{Name: "isinf", Arity: 1, Bool: true, Doc: "whether a is an infinity of either sign"}, numbers,
		f1(func(a float64) float64 { return truth(math.IsInf(a, 0)) }), i1(func(int64) int64 { return 0 })},
	{row{Name: "isfinite", Arity: 1, Bool: true, Doc: "whether a is neither NaN nor an infinity"}, numbers,
		f1(func(a float64) float64 { return truth(a-a == 0) }), i1(func(int64) int64 { return 1 })},
}

var transcendental = []function{
	{row{Name: "exp", Arity: 1, Doc: "e to the power a"}, numbers, f1(exp), nil},
	{row{Name: "exp2", Arity: 1, Doc: "2 to the power a"}, numbers, f1(math.Exp2), nil},
	{row{Name: "expm1", Arity: 1, Doc: "exp(a) - 1, accurate near 0"}, numbers, f1(math.Expm1), nil},
	{row{Name: "log", Arity: 1, Doc: "the natural logarithm of a"}, numbers, f1(log), nil},
	{row{Name: "log2", Arity: 1, Doc: "the logarithm of a to base 2"}, numbers, f1(math.Log2), nil},
	{row{Name: "log10", Arity: 1, Doc: "the logarithm of a to base 10"}, numbers, f1(math.Log10), nil},
	{row{Name: "log1p", Arity: 1, Doc: "log(1 + a), accurate near 0"}, numbers, f1(math.Log1p), nil},
	{row{Name: "sin", Arity: 1, Doc: "the sine of a in radians"}, numbers, f1(math.Sin), nil},
	{row{Name: "cos", Arity: 1, Doc: "the cosine of a in radians"}, numbers, f1(math.Cos), nil},
	{row{Name: "tan", Arity: 1, Doc: "the tangent of a in radians"}, numbers, f1(math.Tan), nil},
	{row{Name: "asin", Arity: 1, Doc: "the arcsine of a in radians"}, numbers, f1(math.Asin), nil},
	{row{Name: "acos", Arity: 1, Doc: "the arccosine of a in radians"}, numbers, f1(math.Acos), nil},
	{row{Name: "atan", Arity: 1, Doc: "the arctangent of a in radians"}, numbers, f1(math.Atan), nil},
	{row{Name: "atan2", Arity: 2, Doc: "the angle of the point with ordinate a and abscissa b"}, numbers, f2(math.Atan2), nil},
	{row{Name: "sinh", Arity: 1, Doc: "the hyperbolic sine of a"}, numbers, f1(math.Sinh), nil},
	{row{Name: "cosh", Arity: 1, Doc: "the hyperbolic cosine of a"}, numbers, f1(math.Cosh), nil},
	{row{Name: "tanh", Arity: 1, Doc: "the hyperbolic tangent of a"}, numbers, f1(math.Tanh), nil},
	{row{Name: "erf", Arity: 1, Doc: "the error function of a"}, numbers, f1(math.Erf), nil},
	{row{Name: "sigmoid", Arity: 1, Doc: "1 / (1 + exp(-a))"}, numbers, f1(sigmoid), nil},
}

var bits = []function{
	{row{Name: "band", Arity: 2, Commutative: true, Doc: "the bits that a and b share"}, numbers,
		undefined, i2(func(a, b int64) int64 { return a & b })},
	{row{Name: "bor", Arity: 2, Commutative: true, Doc: "the bits of a and of b"}, numbers,
		undefined, i2(func(a, b int64) int64 { return a | b })},
	{row{Name: "bxor", Arity: 2, Commutative: true, Doc: "the bits that a and b do not share"}, numbers,
		undefined, i2(func(a, b int64) int64 { return a ^ b })},
	{row{Name: "bnot", Arity: 1, Doc: "the bits that a lacks"}, numbers,
		undefined, i1(func(a int64) int64 { return ^a })},
	{row{Name: "shl", Arity: 2, Doc: "the bits of a moved up by b places"}, numbers, undefined, iw(width.shl)},
	{row{Name: "shr", Arity: 2, Doc: "the bits of a moved down by b places, the sign moving in"}, numbers, undefined, iw(width.shr)},
}
