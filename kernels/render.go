package kernels

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops/expr"
)

// floatText holds, for every function of the expression language, how kernel text computes it
// on floats. $a, $b and $c stand for the operands.
var floatText = map[string]string{
	"add": "$a + $b", "sub": "$a - $b", "mul": "$a * $b", "div": "$a / $b", "neg": "-$a",
	"mod": "real_mod($a, $b)", "pow": "pow($a, $b)", "max": "real_max($a, $b)", "min": "real_min($a, $b)",
	"abs": "fabs($a)", "sign": "real_sign($a)", "step": "$a > 0",
	"floor": "floor($a)", "ceil": "ceil($a)", "round": "rint($a)", "trunc": "trunc($a)",
	"recip": "1 / $a", "sqrt": "sqrt($a)", "rsqrt": "1 / sqrt($a)",
	"where": "$a != 0 ? $b : $c", "float": "$a", expr.OpCopy: "$a",
	"eq": "$a == $b", "ne": "$a != $b", "lt": "$a < $b", "le": "$a <= $b", "gt": "$a > $b", "ge": "$a >= $b",
	"and": "$a != 0 && $b != 0", "or": "$a != 0 || $b != 0", "xor": "($a != 0) != ($b != 0)", "not": "$a == 0",
	"isnan": "$a != $a", "isinf": "fabs($a) == INFINITY", "isfinite": "$a - $a == 0",
	"exp": "exp($a)", "exp2": "exp2($a)", "expm1": "expm1($a)",
	"log": "log($a)", "log2": "log2($a)", "log10": "log10($a)", "log1p": "log1p($a)",
	"sin": "sin($a)", "cos": "cos($a)", "tan": "tan($a)", "asin": "asin($a)", "acos": "acos($a)", "atan": "atan($a)",
	"atan2": "atan2($a, $b)", "sinh": "sinh($a)", "cosh": "cosh($a)", "tanh": "real_tanh($a)",
	"erf": "erf($a)", "sigmoid": "real_sigmoid($a)",
}

// intText holds the same for integers. T is the code of their type.
var intText = map[string]string{
	"add": "int_add($a, $b, T)", "sub": "int_sub($a, $b, T)", "mul": "int_mul($a, $b, T)", "div": "int_div($a, $b, T)",
	"mod": "int_mod($a, $b, T)", "pow": "int_pow($a, $b, T)", "max": "int_max($a, $b, T)", "min": "int_min($a, $b, T)",
	"neg": "int_neg($a, T)", "abs": "int_abs($a, T)", "sign": "int_sign($a, T)", "step": "less(0, $a, T)",
	"floor": "$a", "ceil": "$a", "round": "$a", "trunc": "$a", "float": "$a", expr.OpCopy: "$a",
	"where": "$a != 0 ? $b : $c",
	"eq":    "$a == $b", "ne": "$a != $b", "lt": "less($a, $b, T)", "gt": "less($b, $a, T)",
	"le": "!less($b, $a, T)", "ge": "!less($a, $b, T)",
	"and": "$a != 0 && $b != 0", "or": "$a != 0 || $b != 0", "xor": "($a != 0) != ($b != 0)", "not": "$a == 0",
	"isnan": "0", "isinf": "0", "isfinite": "1",
	"band": "$a & $b", "bor": "$a | $b", "bxor": "$a ^ $b", "bnot": "int_wrap(~$a, T)",
	"shl": "int_shl($a, $b, T)", "shr": "int_shr($a, $b, T)",
}

// maxRegs bounds the variables of a rendered expression, far above what any needs. The
// device's compiler assigns registers to them.
const maxRegs = 1 << 10

// render writes an expression as statements of kernel text that leave its value in the
// variable result. Inputs are the variables x0, x1 ..., parameters are p0, p1 ...
func render(e *expr.Node, c class, result string) (string, error) {
	prog, err := e.Program(maxRegs)
	if err != nil {
		return "", err
	}
	table := floatText
	if c == ints {
		if err := e.CheckInt(); err != nil {
			return "", err
		}
		table = intText
	}
	var b strings.Builder
	for i := range prog.Regs {
		fmt.Fprintf(&b, "\t\treal r%d;\n", i)
	}
	for _, in := range prog.Instrs {
		form, ok := table[in.Op]
		if !ok {
			return "", fmt.Errorf("kernels: function %s has no kernel text", in.Op)
		}
		var names [3]string
		for i, a := range in.Args {
			names[i] = operand(a, c)
		}
		text := strings.NewReplacer("$a", names[0], "$b", names[1], "$c", names[2]).Replace(form)
		fmt.Fprintf(&b, "\t\tr%d = %s;\n", in.Dst, text)
	}
	fmt.Fprintf(&b, "\t\treal %s = r%d;\n", result, prog.Out)
	return b.String(), nil
}

func operand(a expr.Arg, c class) string {
	switch a.Kind {
	case expr.Reg:
		return "r" + strconv.Itoa(a.Index)
	case expr.Input:
		return "x" + strconv.Itoa(a.Index)
	case expr.Param:
		return "p" + strconv.Itoa(a.Index)
	case expr.Const:
		if c == ints {
			return fmt.Sprintf("int_const(%s, %du, T)", longText(expr.IntOf(a.Value, 64, true)), uint64(expr.IntOf(a.Value, 64, false)))
		}
		return realText(a.Value)
	}
	return ""
}

// longText writes a number as C reads it. The lowest one has no literal and is a difference.
func longText(v int64) string {
	if v == math.MinInt64 {
		return "(-9223372036854775807 - 1)"
	}
	return strconv.FormatInt(v, 10)
}

// realText writes a constant of the type that a kernel computes in.
func realText(v float64) string {
	switch {
	case v != v:
		return "R(NAN)"
	case math.IsInf(v, 1):
		return "R(INFINITY)"
	case math.IsInf(v, -1):
		return "R(-INFINITY)"
	}
	s := strconv.FormatFloat(v, 'g', -1, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return "R(" + s + ")"
}

// intOf converts a parameter to an integer of a type.
func intOf(v float64, t dtype.Type) int64 {
	return expr.IntOf(v, 8*t.Size(), t.IsSigned())
}
