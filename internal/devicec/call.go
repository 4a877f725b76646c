package devicec

import "slices"

// builtin is a function that is one instruction or a few.
type builtin func(g *generator, args []value, line int) value

// builtins are the functions of the language itself.
var builtins map[string]builtin

func init() {
	builtins = map[string]builtin{
		"fma": func(g *generator, a []value, line int) value {
			a = g.floatsOf(a, 3, "fma", line)
			k := a[0].kind
			return value{kind: k, reg: g.pure(classOf(k), "fma.rn."+k.ptx(), g.asOperand(a[0]), g.asOperand(a[1]), g.asOperand(a[2]))}
		},
		"sqrt":  floatUnary("sqrt.rn."),
		"fabs":  floatUnary("abs."),
		"floor": rounding("cvt.rmi."), "ceil": rounding("cvt.rpi."), "rint": rounding("cvt.rni."), "trunc": rounding("cvt.rzi."),
		"copysign": func(g *generator, a []value, line int) value {
			a = g.floatsOf(a, 2, "copysign", line)
			k := a[0].kind
			return value{kind: k, reg: g.pure(classOf(k), "copysign."+k.ptx(), g.asOperand(a[1]), g.asOperand(a[0]))}
		},
		"__fadd_rn": rounded("+"), "__fmul_rn": rounded("*"),
		"min": extreme("min."), "max": extreme("max."),
		"__float_as_uint":      bitsAs(f32, u32),
		"__float_as_int":       bitsAs(f32, s32),
		"__uint_as_float":      bitsAs(u32, f32),
		"__int_as_float":       bitsAs(s32, f32),
		"__double_as_longlong": bitsAs(f64, s64),
		"__longlong_as_double": bitsAs(s64, f64),
		"__umulhi":             high(u32),
		"__umul64hi":           high(u64),
		"__shfl_xor":           shuffleXor,
		"__pack_bf16":          packPair("bf16x2"), "__pack_f16": packPair("f16x2"),
		"__syncthreads": func(g *generator, a []value, line int) value {
			g.effect("bar.sync", -1, text("0"))
			return value{kind: void}
		},
	}
}

// rounded is an operator on floats, whose result is a float however it is used.
func rounded(op string) builtin {
	return func(g *generator, a []value, line int) value {
		if len(a) != 2 {
			fail(line, "a sum or product takes two floats")
		}
		return g.binary(op, g.convert(a[0], f32), g.convert(a[1], f32), line)
	}
}

// shuffleXor is what the lane has whose number differs in some bits; all lanes take part.
func shuffleXor(g *generator, a []value, line int) value {
	if len(a) != 2 || !a[1].known {
		fail(line, "__shfl_xor takes a float and a constant")
	}
	v := g.inRegister(g.convert(a[0], f32))
	r := g.newReg(floats, false)
	g.effect("shfl.sync.bfly.b32", r, operand{reg: v.reg}, immediate(a[1]), text("31"), text("-1"))
	return value{kind: f32, reg: r}
}

// packPair rounds two floats into the lower and the upper half of a word.
func packPair(typ string) builtin {
	return func(g *generator, a []value, line int) value {
		if len(a) != 2 {
			fail(line, "a pair takes two floats")
		}
		lo, hi := g.inRegister(g.convert(a[0], f32)), g.inRegister(g.convert(a[1], f32))
		return value{kind: u32, reg: g.pure(words, "cvt.rn."+typ+".f32", operand{reg: hi.reg}, operand{reg: lo.reg})}
	}
}

// floatsOf are n arguments in their common type, which is a float.
func (g *generator) floatsOf(args []value, n int, name string, line int) []value {
	if len(args) != n {
		fail(line, "%s takes %d arguments", name, n)
	}
	k := f32
	for _, a := range args {
		if a.kind == f64 || a.kind.integer() && !slices.ContainsFunc(args, func(v value) bool { return v.kind == f32 }) {
			k = f64
		}
	}
	out := make([]value, n)
	for i, a := range args {
		out[i] = g.convert(a, k)
	}
	return out
}

func floatUnary(op string) builtin {
	return func(g *generator, a []value, line int) value {
		a = g.floatsOf(a, 1, op, line)
		k := a[0].kind
		return value{kind: k, reg: g.pure(classOf(k), op+k.ptx(), g.asOperand(a[0]))}
	}
}

func rounding(op string) builtin {
	return func(g *generator, a []value, line int) value {
		a = g.floatsOf(a, 1, op, line)
		k := a[0].kind
		return value{kind: k, reg: g.pure(classOf(k), op+k.ptx()+"."+k.ptx(), g.asOperand(a[0]))}
	}
}

func extreme(op string) builtin {
	return func(g *generator, a []value, line int) value {
		if len(a) != 2 || !a[0].kind.integer() || !a[1].kind.integer() {
			fail(line, "%stakes two integers", op)
		}
		k := common(a[0].kind, a[1].kind)
		x, y := g.number(g.convert(a[0], k)), g.number(g.convert(a[1], k))
		if x.known && y.known {
			less, _ := binaryKnown("<", x, y)
			if less.truth() == (op == "min.") {
				return x
			}
			return y
		}
		if x.known {
			x, y = y, x
		}
		return value{kind: k, reg: g.pure(classOf(k), op+k.ptx(), g.asOperand(x), g.asOperand(y))}
	}
}

func bitsAs(from, to kind) builtin {
	return func(g *generator, a []value, line int) value {
		if len(a) != 1 {
			fail(line, "a conversion of bits takes one argument")
		}
		v := g.inRegister(g.number(g.convert(a[0], from)))
		return value{kind: to, reg: g.pure(classOf(to), "mov.b"+map[int]string{4: "32", 8: "64"}[to.bytes()], operand{reg: v.reg})}
	}
}

func high(k kind) builtin {
	return func(g *generator, a []value, line int) value {
		if len(a) != 2 {
			fail(line, "a high product takes two arguments")
		}
		x, y := g.inRegister(g.number(g.convert(a[0], k))), g.number(g.convert(a[1], k))
		return value{kind: k, reg: g.pure(classOf(k), "mul.hi."+k.ptx(), operand{reg: x.reg}, g.asOperand(y))}
	}
}

func (g *generator) call(x *call) value {
	if f := intrinsics[x.name]; f != nil && x.fn == nil {
		f(g, x)
		return value{kind: void}
	}
	args := make([]value, len(x.args))
	for i, a := range x.args {
		args[i] = g.eval(a)
	}
	fn := x.fn
	if fn == nil {
		if b := builtins[x.name]; b != nil {
			return b(g, args, x.at())
		}
		double := false
		for _, a := range args {
			double = double || a.kind == f64 || a.kind.integer() && len(args) == 1
		}
		if fn = g.functions[x.name]; fn == nil {
			fn = fromLibrary(x.name, double)
		}
	}
	if fn == nil {
		fail(x.at(), "there is no function %s", x.name)
	}
	return g.inline(fn, args, x.at())
}

func (g *generator) typeOfCall(x *call) kind {
	fn := x.fn
	if fn == nil {
		switch x.name {
		case "__float_as_uint", "__umulhi", "__pack_bf16", "__pack_f16":
			return u32
		case "__shfl_xor", "__fadd_rn", "__fmul_rn":
			return f32
		case "__float_as_int":
			return s32
		case "__uint_as_float", "__int_as_float":
			return f32
		case "__double_as_longlong":
			return s64
		case "__longlong_as_double":
			return f64
		case "__umul64hi":
			return u64
		case "__syncthreads":
			return void
		}
		k := void
		for _, a := range x.args {
			k = common(k, g.typeOf(a))
		}
		if x.name != "min" && x.name != "max" && !k.float() {
			return f64
		}
		return k
	}
	return fn.ret.kind
}

// inline emits a function's text with its parameters standing for the arguments.
func (g *generator) inline(fn *function, args []value, line int) value {
	if len(args) != len(fn.params) {
		fail(line, "%s takes %d arguments, not %d", fn.name, len(fn.params), len(args))
	}
	if slices.Contains(g.active, fn) {
		fail(line, "%s calls itself", fn.name)
	}
	for i, d := range fn.params {
		v, mark := args[i], len(g.regs)
		if (d.typ.kind == pointer) != (v.kind == pointer) {
			fail(line, "argument %d of %s is not of the parameter's type", i+1, fn.name)
		}
		if d.typ.kind != pointer {
			v = g.convert(v, d.typ.kind)
		}
		v.elem = d.typ.elem
		if d.changes == 0 {
			g.vars[d] = &variable{value: v}
			continue
		}
		r := g.newReg(classOf(d.typ.kind), true)
		g.set(r, g.asOperand(g.number(v)), mark)
		g.vars[d] = &variable{value: value{kind: d.typ.kind, reg: r, elem: d.typ.elem}, mutable: true}
	}
	f := &frame{fn: fn, result: -1, end: g.newLabel()}
	returns := 0
	walk(fn.body, func(x any) {
		if l, ok := x.(*leave); ok && l.what == "return" {
			returns++
		}
	})
	if n := len(fn.body.list); n > 0 && returns == 1 {
		f.only, _ = fn.body.list[n-1].(*leave)
	}
	if fn.ret.kind != void && f.only == nil {
		if fn.ret.kind == pointer {
			fail(line, "%s gives back a pointer in more than one way", fn.name)
		}
		f.result = g.newReg(classOf(fn.ret.kind), true)
	}
	outer, loops := g.frame, g.loops
	g.frame, g.loops = f, []*target{nil}
	g.active = append(g.active, fn)
	g.enter()
	g.block(fn.body)
	g.exit()
	g.active = g.active[:len(g.active)-1]
	g.frame, g.loops, g.dead = outer, loops, false
	if f.used {
		g.place(f.end)
	}
	if f.only != nil {
		return f.value
	}
	return value{kind: fn.ret.kind, reg: f.result}
}
