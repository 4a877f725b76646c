package main

// one is the body of a kernel with a single result and no coefficients.
func one(f func(e *emitter, in, s []vec) vec) func(*emitter, []vec, []vec, func(int) vec) []vec {
	return func(e *emitter, in, s []vec, _ func(int) vec) []vec {
		return []vec{f(e, in, s)}
	}
}

func unary(name, doc string, unroll int, f func(e *emitter, x vec) vec) *elementwise {
	return &elementwise{
		name: name, doc: "dst[i] = " + doc, unroll: unroll,
		out: []string{"dst"}, in: []string{"a"},
		body: one(func(e *emitter, in, _ []vec) vec { return f(e, in[0]) }),
	}
}

func binary(name, doc string, f func(e *emitter, a, b vec) vec) *elementwise {
	return &elementwise{
		name: name, doc: "dst[i] = " + doc, unroll: 4,
		out: []string{"dst"}, in: []string{"a", "b"},
		body: one(func(e *emitter, in, _ []vec) vec { return f(e, in[0], in[1]) }),
	}
}

func scalar(name, doc string, unroll int, f func(e *emitter, a, s vec) vec) *elementwise {
	return &elementwise{
		name: name, doc: "dst[i] = " + doc, unroll: unroll,
		out: []string{"dst"}, in: []string{"a"}, scalars: []string{"s"},
		body: one(func(e *emitter, in, s []vec) vec { return f(e, in[0], s[0]) }),
	}
}

// swapped exchanges the operands of f.
func swapped(f func(e *emitter, a, b vec) vec) func(e *emitter, a, b vec) vec {
	return func(e *emitter, a, b vec) vec { return f(e, b, a) }
}

// compare is 1 where the predicate holds.
func compare(pred uint8) func(e *emitter, a, b vec) vec {
	return func(e *emitter, a, b vec) vec { return e.flag(pred, a, b) }
}

func elementwiseKernels() []*elementwise {
	add := func(e *emitter, a, b vec) vec { return e.add(a, b) }
	sub := func(e *emitter, a, b vec) vec { return e.sub(a, b) }
	mul := func(e *emitter, a, b vec) vec { return e.mul(a, b) }
	div := func(e *emitter, a, b vec) vec { return e.div(a, b) }
	list := []*elementwise{
		binary("add", "a[i] + b[i]", add),
		binary("sub", "a[i] - b[i]", sub),
		binary("mul", "a[i] * b[i]", mul),
		binary("div", "a[i] / b[i]", div),
		binary("min", "min(a[i], b[i])", (*emitter).min),
		binary("max", "max(a[i], b[i])", (*emitter).max),
		scalar("addS", "a[i] + s", 4, add),
		scalar("subS", "a[i] - s", 4, sub),
		scalar("mulS", "a[i] * s", 4, mul),
		scalar("divS", "a[i] / s", 4, div),
		scalar("minS", "min(a[i], s)", 4, (*emitter).min),
		scalar("maxS", "max(a[i], s)", 4, (*emitter).max),
		scalar("rsubS", "s - a[i]", 4, swapped(sub)),
		scalar("rdivS", "s / a[i]", 4, swapped(div)),
		binary("lt", "1 if a[i] < b[i], else 0", compare(lt)),
		binary("le", "1 if a[i] <= b[i], else 0", compare(le)),
		binary("eq", "1 if a[i] == b[i], else 0", compare(eq)),
		binary("ne", "1 if a[i] != b[i], else 0", compare(neq)),
		scalar("ltS", "1 if a[i] < s, else 0", 4, compare(lt)),
		scalar("leS", "1 if a[i] <= s, else 0", 4, compare(le)),
		scalar("gtS", "1 if a[i] > s, else 0", 4, compare(gt)),
		scalar("geS", "1 if a[i] >= s, else 0", 4, compare(ge)),
		scalar("eqS", "1 if a[i] == s, else 0", 4, compare(eq)),
		scalar("neS", "1 if a[i] != s, else 0", 4, compare(neq)),
		{
			name: "where", doc: "dst[i] = a[i] if mask[i] != 0, else b[i]", unroll: 2,
			out: []string{"dst"}, in: []string{"mask", "a", "b"},
			body: one(func(e *emitter, in, _ []vec) vec {
				return e.sel(neq, in[0], e.zero(), in[1], in[2])
			}),
		},
	}
	list = append(list, exactKernels()...)
	list = append(list, transcendentalKernels()...)
	return append(list, rowKernels()...)
}

// exactKernels are the functions of one operand that round at most once, or
// twice for rsqrt.
func exactKernels() []*elementwise {
	round := func(mode uint8) func(e *emitter, x vec) vec {
		return func(e *emitter, x vec) vec { return e.round(mode, x) }
	}
	return []*elementwise{
		unary("neg", "-a[i]", 4, func(e *emitter, x vec) vec { return e.xor(x, e.bitsOf(signBit)) }),
		unary("abs", "|a[i]|", 4, (*emitter).abs),
		unary("sqrt", "sqrt(a[i])", 2, (*emitter).sqrt),
		unary("rsqrt", "1 / sqrt(a[i])", 2, func(e *emitter, x vec) vec { return e.div(e.set(1), e.sqrt(x)) }),
		unary("recip", "1 / a[i]", 2, func(e *emitter, x vec) vec { return e.div(e.set(1), x) }),
		unary("floor", "floor(a[i])", 4, round(down)),
		unary("ceil", "ceil(a[i])", 4, round(up)),
		unary("round", "a[i] rounded, halves to even", 4, round(nearest)),
		unary("trunc", "trunc(a[i])", 4, round(toZero)),
		unary("sign", "1, -1, or a[i] where it is zero or NaN", 2, func(e *emitter, x vec) vec {
			zero := e.zero()
			return e.sel(gt, x, zero, e.set(1), e.sel(lt, x, zero, e.set(-1), x))
		}),
	}
}

// rowKernels are the inner loops of normalisation and of the optimisers. Their
// multiplications and additions round separately, as the generic twins' do.
func rowKernels() []*elementwise {
	// decayed is g + l2·p.
	decayed := func(e *emitter, p, g, l2 vec) vec { return e.add(g, e.mul(l2, p)) }
	// mix is a·x + b·y.
	mix := func(e *emitter, a, x, b, y vec) vec { return e.add(e.mul(a, x), e.mul(b, y)) }
	// velocity is the new buf, and the decayed gradient it came from.
	velocity := func(e *emitter, in []vec, c func(int) vec) (buf, d vec) {
		d = decayed(e, in[0], in[2], c(0))
		return mix(e, c(1), in[1], c(2), d), d
	}
	return []*elementwise{
		scalar("expSub", "exp(a[i] - s)", 1, func(e *emitter, a, s vec) vec { return e.exp(e.sub(a, s)) }),
		{
			name: "norm", doc: "dst[i] = (a[i] - mean) * rstd", unroll: 4,
			out: []string{"dst"}, in: []string{"a"}, scalars: []string{"mean", "rstd"},
			body: one(func(e *emitter, in, s []vec) vec { return e.mul(e.sub(in[0], s[0]), s[1]) }),
		},
		{
			name: "normAffine", doc: "dst[i] = (a[i]-mean)*rstd*gamma[i] + beta[i]", unroll: 2,
			out: []string{"dst"}, in: []string{"a", "gamma", "beta"}, scalars: []string{"mean", "rstd"},
			body: one(func(e *emitter, in, s []vec) vec {
				x := e.mul(e.sub(in[0], s[0]), s[1])
				return e.add(e.mul(x, in[1]), in[2])
			}),
		},
		{
			name: "adam", doc: "one Adam step, as adamGeneric, with the fields of AdamCoef at c,", unroll: 1,
			out: []string{"p", "m", "v"}, in: []string{"p", "m", "v", "grad"}, coef: true,
			body: func(e *emitter, in, _ []vec, c func(int) vec) []vec {
				p := e.mul(in[0], c(0))
				d := decayed(e, p, in[3], c(1))
				m := mix(e, c(2), in[1], c(3), d)
				v := mix(e, c(4), in[2], c(5), e.mul(d, d))
				root := e.add(e.div(e.sqrt(v), c(6)), c(7))
				p = e.sub(p, e.mul(c(8), e.div(m, root)))
				return []vec{p, m, v}
			},
		},
		{
			name: "sgd", doc: "one step, as sgdGeneric, with the fields of SGDCoef at c,", unroll: 1,
			out: []string{"p"}, in: []string{"p", "grad"}, coef: true,
			body: func(e *emitter, in, _ []vec, c func(int) vec) []vec {
				d := decayed(e, in[0], in[1], c(0))
				return []vec{e.sub(in[0], e.mul(c(3), d))}
			},
		},
		{
			name: "momentum", doc: "one step, as momentumGeneric, with the fields of SGDCoef at c,", unroll: 1,
			out: []string{"p", "buf"}, in: []string{"p", "buf", "grad"}, coef: true,
			body: func(e *emitter, in, _ []vec, c func(int) vec) []vec {
				buf, _ := velocity(e, in, c)
				return []vec{e.sub(in[0], e.mul(c(3), buf)), buf}
			},
		},
		{
			name: "nesterov", doc: "one step, as nesterovGeneric, with the fields of SGDCoef at c,", unroll: 1,
			out: []string{"p", "buf"}, in: []string{"p", "buf", "grad"}, coef: true,
			body: func(e *emitter, in, _ []vec, c func(int) vec) []vec {
				buf, d := velocity(e, in, c)
				ahead := e.add(d, e.mul(c(1), buf))
				return []vec{e.sub(in[0], e.mul(c(3), ahead)), buf}
			},
		},
	}
}
