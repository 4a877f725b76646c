package ops

// Operations on the bits of whole numbers, and the other remainder.
var BitAnd, BitOr, BitXor, BitNot, ShiftLeft, ShiftRight, Fmod *Op

func init() {
	shift := binaryCasesOf(Arg{}, Arg{Lo: 0, Hi: 8})
	Fmod = Elementwise(Op{Name: "fmod", Doc: "The remainder of x / y with the sign of x, as in C. Integers modulo 0 give 0.",
		Inputs: "x y", Types: Numbers, Tol: arithmetic, Saves: In(0, 1), Cases: modCases(),
		Grad: func(g *GradCall) []Value {
			return broadcastGrads(g, pass, func(b Builder, d Value) Value {
				return Neg.Of(b, Mul.Of(b, d, Trunc.Of(b, Div.Of(b, g.In[0], g.In[1]))))
			})
		},
	}, "where(x0 < 0, -mod(abs(x0), abs(x1)), mod(abs(x0), abs(x1)))")
	for _, r := range []struct {
		op         **Op
		name, doc  string
		onnx       string
		inputs     string
		cases      []Case
		expression string
	}{
		{&BitAnd, "bit_and", "The bits that x and y share.", "BitwiseAnd", "x y", binaryCases(Arg{}), "band(x0, x1)"},
		{&BitOr, "bit_or", "The bits of x and of y.", "BitwiseOr", "x y", binaryCases(Arg{}), "bor(x0, x1)"},
		{&BitXor, "bit_xor", "The bits that x and y do not share.", "BitwiseXor", "x y", binaryCases(Arg{}), "bxor(x0, x1)"},
		{&BitNot, "bit_not", "The bits that x lacks.", "BitwiseNot", "x", unaryCases(Arg{}), "bnot(x0)"},
		{&ShiftLeft, "shift_left", "The bits of x moved up by y places; y is at least 0 and below the number of bits.", "BitShift", "x y", shift, "shl(x0, x1)"},
		{&ShiftRight, "shift_right", "The bits of x moved down by y places, the sign moving in; y is at least 0 and below the number of bits.", "BitShift", "x y", shift, "shr(x0, x1)"},
	} {
		*r.op = Elementwise(Op{Name: r.name, Doc: r.doc, ONNX: r.onnx, Inputs: r.inputs, Types: Ints, Tol: exact,
			Cases: r.cases, NoGrad: "it works on the bits of whole numbers"}, r.expression)
	}
}
