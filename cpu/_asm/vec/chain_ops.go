package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// chainOps are the instructions, in the order of the constants of package vec. They
// compute what the kernels of the same names do, operand for operand, so that a chain
// has the bits of its parts.
func chainOps() []chainOp {
	list := []chainOp{{name: "End"}}
	add := func(ops ...chainOp) { list = append(list, ops...) }

	add(operandOps("Get", func(f *form, acc vec, x Op) {
		if m, ok := x.(Mem); ok {
			VMOVUPS(m, acc)
		} else {
			VMOVAPS(x, acc)
		}
	})...)
	add(store("Put", func(f *form, v int, acc vec, to Mem) {
		if f.masks != nil {
			f.storeMasked(acc, to, f.masks[v])
		} else {
			VMOVUPS(acc, to)
		}
	}))
	add(store("Stream", func(f *form, v int, acc vec, to Mem) {
		if f.masks != nil {
			f.storeMasked(acc, to, f.masks[v])
			return
		}
		if v == 0 { // what does not begin at a vector is stored as by Put
			address := GP64()
			LEAQ(to, address)
			TESTQ(U32(f.bits/8-1), address)
			JNZ(LabelRef(f.name + "Put"))
			MOVQ(U32(1), f.streamed)
		}
		VMOVNTPS(acc, to)
	}))

	add(operandOps("Add", func(f *form, acc vec, x Op) { f.to(acc).add(acc, x) })...)
	add(reversed("RAdd", func(f *form, acc, x vec) { f.to(acc).add(x, acc) })[0])
	add(operandOps("Sub", func(f *form, acc vec, x Op) { f.to(acc).sub(acc, x) })...)
	add(reversed("RSub", func(f *form, acc, x vec) { f.to(acc).sub(x, acc) })...)
	add(operandOps("Mul", func(f *form, acc vec, x Op) { f.to(acc).mul(acc, x) })...)
	add(reversed("RMul", func(f *form, acc, x vec) { f.to(acc).mul(x, acc) })[0])
	add(operandOps("Div", func(f *form, acc vec, x Op) { f.to(acc).div(acc, x) })...)
	add(reversed("RDiv", func(f *form, acc, x vec) { f.to(acc).div(x, acc) })...)
	// As emitter.min and max: the first operand where it is NaN.
	add(operandOps("Min", func(f *form, acc vec, x Op) {
		f.to(acc).choose(f.mask(unord, acc, acc), acc, f.least(acc, x))
	})...)
	add(reversed("RMin", func(f *form, acc, x vec) {
		f.to(acc).choose(f.mask(unord, x, x), x, f.least(x, acc))
	})[0])
	add(operandOps("Max", func(f *form, acc vec, x Op) {
		f.to(acc).choose(f.mask(unord, acc, acc), acc, f.most(acc, x))
	})...)
	add(reversed("RMax", func(f *form, acc, x vec) {
		f.to(acc).choose(f.mask(unord, x, x), x, f.most(x, acc))
	})[0])
	for _, p := range []struct {
		name string
		pred uint8
	}{{"Lt", lt}, {"Le", le}, {"Gt", gt}, {"Ge", ge}, {"Eq", eq}, {"Ne", neq}} {
		add(operandOps(p.name, func(f *form, acc vec, x Op) { f.to(acc).flag(p.pred, acc, x) })...)
	}
	add(logicOps()...)
	add(whereOps()...)
	return append(list, unaryOps()...)
}

// operandOps is an instruction with an operand in memory, and with a number.
func operandOps(name string, do func(f *form, acc vec, x Op)) []chainOp {
	prepare := func(f *form, x []source) func(int, vec) {
		return func(v int, acc vec) { do(f, acc, x[0](v)) }
	}
	return []chainOp{{name, "M", prepare}, {name + "S", "S", prepare}}
}

// reversed is operandOps for an operand that must be in a register, being the first one
// of an instruction.
func reversed(name string, do func(f *form, acc, x vec)) []chainOp {
	return operandOps(name, func(f *form, acc vec, x Op) { do(f, acc, f.register(x)) })
}

func store(name string, do func(f *form, v int, acc vec, to Mem)) chainOp {
	return chainOp{name, "D", func(f *form, x []source) func(int, vec) {
		return func(v int, acc vec) { do(f, v, acc, x[0](v).(Mem)) }
	}}
}

// logicOps combine the truth of numbers: all but zeros are true.
func logicOps() (list []chainOp) {
	for _, l := range []struct {
		name    string
		combine func(e *emitter, a, b Op) Op
	}{{"And", (*emitter).bothMasks}, {"Or", (*emitter).eitherMask}, {"Xor", (*emitter).oneMask}} {
		prepare := func(f *form, x []source) func(int, vec) {
			zero := f.zero()
			return func(v int, acc vec) {
				f.to(acc).ones(l.combine(f.emitter, f.mask(neq, acc, zero), f.mask(neq, zero, x[0](v))))
			}
		}
		list = append(list, chainOp{l.name, "M", prepare}, chainOp{l.name + "S", "S", prepare})
	}
	return list
}

// whereOps choose by a condition; the accumulator is the condition, or one of the two
// values.
func whereOps() (list []chainOp) {
	for _, kinds := range []string{"MM", "MS", "SM", "SS"} {
		list = append(list, chainOp{"If" + kinds, kinds, func(f *form, x []source) func(int, vec) {
			zero := f.zero()
			return func(v int, acc vec) {
				then, otherwise := x[0](v), f.register(x[1](v))
				f.to(acc).choose(f.mask(neq, acc, zero), then, otherwise)
			}
		}})
	}
	for _, kind := range []string{"M", "S"} {
		list = append(list, chainOp{"Then" + kind, "M" + kind, func(f *form, x []source) func(int, vec) {
			zero := f.zero()
			return func(v int, acc vec) {
				f.to(acc).choose(f.mask(neq, zero, x[0](v)), acc, f.register(x[1](v)))
			}
		}})
	}
	for _, kind := range []string{"M", "S"} {
		list = append(list, chainOp{"Else" + kind, "M" + kind, func(f *form, x []source) func(int, vec) {
			zero := f.zero()
			return func(v int, acc vec) {
				f.to(acc).choose(f.mask(neq, zero, x[0](v)), x[1](v), acc)
			}
		}})
	}
	return list
}

// unaryOps are the functions of the accumulator alone.
func unaryOps() []chainOp {
	simple := func(name string, do func(e *emitter, acc vec)) chainOp {
		return chainOp{name, "", func(f *form, _ []source) func(int, vec) {
			return func(_ int, acc vec) { do(f.to(acc), acc) }
		}}
	}
	round := func(name string, mode uint8) chainOp {
		return simple(name, func(e *emitter, acc vec) { e.round(mode, acc) })
	}
	return []chainOp{
		simple("Neg", func(e *emitter, acc vec) { e.xor(acc, e.bitsOf(signBit)) }),
		simple("Abs", func(e *emitter, acc vec) { e.abs(acc) }),
		simple("Sqrt", func(e *emitter, acc vec) { e.sqrt(acc) }),
		{"Rsqrt", "", func(f *form, _ []source) func(int, vec) {
			unit := f.set(1)
			return func(_ int, acc vec) { f.to(acc).div(unit, f.sqrt(acc)) }
		}},
		{"Recip", "", func(f *form, _ []source) func(int, vec) {
			unit := f.set(1)
			return func(_ int, acc vec) { f.to(acc).div(unit, acc) }
		}},
		simple("Square", func(e *emitter, acc vec) { e.mul(acc, acc) }),
		round("Floor", down), round("Ceil", up), round("Round", nearest), round("Trunc", toZero),
		{"Sign", "", func(f *form, _ []source) func(int, vec) {
			zero := f.zero()
			return func(_ int, acc vec) {
				plus := f.mask(gt, acc, zero)
				f.to(acc).choose(f.mask(lt, acc, zero), f.c(-1), acc)
				f.to(acc).choose(plus, f.c(1), acc)
			}
		}},
	}
}
