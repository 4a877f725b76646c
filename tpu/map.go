package tpu

import (
	"math"
	"slices"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/isa"
)

// Every row with a scalar expression becomes a program of the vector unit, and so does
// every fused one: boxes of the result, instruction by instruction.

// mapRegs is the most values between instructions.
const mapRegs = 16

// expressions returns the kernels of rows with an expression. They are made when the first
// device is opened: to compile all expressions takes a quarter of a millisecond, which
// programs without such a device need not spend.
var expressions = sync.OnceValue(func() []kernel {
	var list []kernel
	for _, op := range ops.All() {
		if op.Expr == nil {
			continue
		}
		code, err := op.Expr.Program(mapRegs)
		if err != nil || !computes(code) {
			continue
		}
		var types []dtype.Type
		for _, t := range op.Types {
			if t == dtype.Bool || slices.Contains(floats, t) {
				types = append(types, t)
			}
		}
		list = append(list, kernel{op.Name, types, hal.Free, func(p *program) { p.elementwise(op, code) }})
	}
	return list
})

// fusions keeps the kernels of fused rows.
type fusions struct{ byRow sync.Map } // fusion to *hal.Kernel, nil for none

type fusion struct {
	op *ops.Op
	t  dtype.Type
}

// Fuse returns the kernel of a fused row (exec.Fuser). Parts in bf16 are rounded, which
// one pass in float32 would not do.
func (d *Device) Fuse(op *ops.Op, t dtype.Type) *hal.Kernel {
	if t != dtype.F32 && t != dtype.Bool || !trains(d.cfg) {
		return nil
	}
	if k, ok := d.fused.byRow.Load(fusion{op, t}); ok {
		return k.(*hal.Kernel)
	}
	var k *hal.Kernel
	if code, err := op.Expr.Program(mapRegs); err == nil && computes(code) {
		k = &hal.Kernel{
			Key: hal.Key{Op: op.Name, Layout: hal.Free}, Name: op.Name + "_" + t.String() + "_tpu", Priority: hal.Native,
			Plan: func(c *hal.Call) (hal.Launch, error) {
				return d.plan(c, func(p *program) { p.elementwise(op, code) })
			},
		}
	}
	v, _ := d.fused.byRow.LoadOrStore(fusion{op, t}, k)
	return v.(*hal.Kernel)
}

// computes reports whether the vector unit has every function of an expression.
func computes(code *expr.Program) bool {
	for _, in := range code.Instrs {
		if _, ok := vectorFns[in.Op]; !ok && recipes[in.Op] == nil {
			return false
		}
	}
	return true
}

// vectorFns are the functions that are one operation of the vector unit.
var vectorFns = map[string]isa.VectorFn{
	expr.OpCopy: isa.Copy, "float": isa.Copy, "neg": isa.Neg, "abs": isa.Abs, "sign": isa.Sign, "floor": isa.Floor, "ceil": isa.Ceil, "round": isa.Round, "trunc": isa.Trunc,
	"exp": isa.Exp, "exp2": isa.Exp2, "log": isa.Log, "log2": isa.Log2, "recip": isa.Rcp, "rsqrt": isa.Rsqrt, "sqrt": isa.Sqrt, "tanh": isa.VTanh, "sigmoid": isa.VSigmoid,
	"expm1": isa.Expm1, "log1p": isa.Log1p, "sin": isa.Sin, "cos": isa.Cos, "erf": isa.Erf,
	"add": isa.Add, "sub": isa.Sub, "mul": isa.Mul, "div": isa.Div, "max": isa.Max, "min": isa.Min, "gt": isa.Greater, "ge": isa.GreaterEq, "eq": isa.Equal, "ne": isa.NotEqual,
	"pow": isa.Pow, "mod": isa.Mod, "where": isa.Select,
}

// recipes are the functions that take several.
var recipes = map[string]func(m *mapping, dst value, a, b value){
	"lt":   func(m *mapping, dst, a, b value) { m.emit(isa.Greater, dst, b, a) },
	"le":   func(m *mapping, dst, a, b value) { m.emit(isa.GreaterEq, dst, b, a) },
	"step": func(m *mapping, dst, a, _ value) { m.emit(isa.Greater, dst, a, number(0)) },
	"not":  func(m *mapping, dst, a, _ value) { m.emit(isa.Equal, dst, a, number(0)) },
	"and":  func(m *mapping, dst, a, b value) { m.emit(isa.Mul, dst, m.truth(0, a), m.truth(1, b)) },
	"or":   func(m *mapping, dst, a, b value) { m.emit(isa.Max, dst, m.truth(0, a), m.truth(1, b)) },
	"xor":  func(m *mapping, dst, a, b value) { m.emit(isa.NotEqual, dst, m.truth(0, a), m.truth(1, b)) },
	"isnan": func(m *mapping, dst, a, _ value) {
		m.emit(isa.NotEqual, dst, a, a)
	},
	"isinf": func(m *mapping, dst, a, _ value) {
		t := m.temporary(0)
		m.emit(isa.Abs, t, a)
		m.emit(isa.Equal, dst, t, number(math.Inf(1)))
	},
	"isfinite": func(m *mapping, dst, a, _ value) {
		t := m.temporary(0)
		m.emit(isa.Sub, t, a, a)
		m.emit(isa.Equal, dst, t, number(0))
	},
}

// value is an operand of an instruction: where it lies and how it is spread.
type value struct {
	spread isa.Spread
	addr   int64
	t      isa.Type
	imm    float32
}

func number(f float64) value { return value{spread: isa.Scalar, t: isa.F32, imm: float32(f)} }

// mapping writes an elementwise call for one box after the other.
type mapping struct {
	*program
	code   *expr.Program
	params []float64
	dims   []int
	in     []area
	out    area

	turn       int // of the box
	rows, cols int // of the box
	inputs     []value
	loaded     map[int]isa.Memory // inputs that are the same for all boxes
}

// spaceType is how the vector unit reads elements of a type that kernels take.
func spaceType(t dtype.Type) isa.Type {
	switch t {
	case dtype.BF16:
		return isa.BF16
	case dtype.Bool:
		return isa.U8
	case dtype.I32:
		return isa.S32
	}
	return isa.F32
}

// elementwise computes a row with an expression.
func (p *program) elementwise(op *ops.Op, code *expr.Program) {
	m := &mapping{program: p, code: code, loaded: map[int]isa.Memory{}}
	if op.Params != nil {
		m.params = op.Params(p.attrs)
	}
	for _, o := range p.in {
		if t := o.DType; t != dtype.Bool && !slices.Contains(floats, t) {
			p.refuse("elements of %v", t)
			return
		}
	}
	strides := [][]int{p.out[0].Strides}
	for i := range p.in {
		strides = append(strides, p.in[i].Strides)
	}
	dims, collapsed := shape.Collapse(p.out[0].Shape, strides...)
	if len(dims) == 0 {
		dims = []int{1}
		for i := range collapsed {
			collapsed[i] = []int{0}
		}
		collapsed[0] = []int{1}
	}
	m.dims = dims
	m.out = p.out[0].along(dims, collapsed[0])
	each := p.out[0].size + 4*(code.Regs+2)
	for i := range p.in {
		m.in = append(m.in, p.in[i].along(dims, collapsed[i+1]))
		each += 3 * p.in[i].size
	}
	boxes(dims, p.perBox(each), m.box)
}

// largestBox bounds the elements that are worked on at a time: longer vectors gain
// nothing, and what comes next waits longer.
const largestBox = 1 << 16

// perBox is how many elements fit twice, at so many bytes for each.
func (p *program) perBox(each int) int {
	return max(8, min(largestBox, p.room()/(2*each))/8*8)
}

// box computes the elements of a box.
func (m *mapping) box(b box) {
	if m.failed() {
		return
	}
	m.cols = b.dims[len(b.dims)-1]
	m.rows = b.elements() / m.cols
	m.inputs = m.inputs[:0]
	for i := range m.in {
		m.inputs = append(m.inputs, m.input(i, b))
	}
	result := m.slot(side("y", m.turn), b.elements()*m.out.size)
	last := len(m.code.Instrs) - 1
	for k, in := range m.code.Instrs {
		dst := m.register(in.Dst)
		if k == last {
			dst = value{isa.Full, result.Addr, spaceType(m.program.out[0].DType), 0}
		}
		var args [3]value
		n := 0
		for _, a := range in.Args {
			if a.Kind != expr.None {
				args[n] = m.argument(a)
				n++
			}
		}
		if f := recipes[in.Op]; f != nil {
			f(m, dst, args[0], args[1])
		} else {
			m.emit(vectorFns[in.Op], dst, args[:n]...)
		}
	}
	m.store(result.Addr, m.out.box(b))
	m.turn++
}

func (m *mapping) register(i int) value {
	return value{isa.Full, m.slot(side("r"+string(rune('a'+i)), m.turn), 4*m.rows*m.cols).Addr, isa.F32, 0}
}

// temporary is a place between the operations of a recipe.
func (m *mapping) temporary(i int) value { return m.register(mapRegs + i) }

// truth is 0 or 1 for a number.
func (m *mapping) truth(i int, a value) value {
	if a.t == isa.U8 && a.spread != isa.Scalar {
		return a
	}
	t := m.temporary(i)
	m.emit(isa.NotEqual, t, a, number(0))
	return t
}

func (m *mapping) argument(a expr.Arg) value {
	switch a.Kind {
	case expr.Const:
		return number(a.Value)
	case expr.Param:
		return number(m.params[a.Index])
	case expr.Input:
		return m.inputs[a.Index]
	}
	return m.register(a.Index)
}

// input brings an operand of a box into the buffer, as little of it as says all.
func (m *mapping) input(i int, b box) value {
	a := m.in[i]
	last := len(b.dims) - 1
	lead := 0 // the most significant axis along which the operand changes within the box
	for lead <= last && (a.strides[lead] == 0 || b.dims[lead] == 1) {
		lead++
	}
	t := spaceType(m.program.in[i].DType)
	part := a.box(b)
	fixed := true // for all boxes
	for k, s := range a.strides {
		fixed = fixed && (s == 0 || m.dims[k] == b.dims[k] && (k == last))
	}
	fetch := func(part area) isa.Memory {
		if !fixed {
			return m.fetch(side("x"+string(rune('a'+i)), m.turn), part)
		}
		if have, ok := m.loaded[i]; ok {
			return have
		}
		m.loaded[i] = m.fetch("x"+string(rune('a'+i)), part)
		return m.loaded[i]
	}
	switch {
	case lead > last: // one number
		one := fetch(area{part.addr, nil, nil, a.size})
		if m.cols == 1 {
			return value{isa.PerCol, one.Addr, t, 0}
		}
		spread := m.slot(side("s"+string(rune('a'+i)), m.turn), 4*m.cols)
		m.Vector(isa.VectorOp{Fn: isa.Copy, Count: m.cols, Cols: 1, Spread: [3]isa.Spread{isa.PerCol}, Src: [3]int64{one.Addr}, SrcType: [3]isa.Type{t}, Dst: spread.Addr, DstType: isa.F32})
		return value{isa.PerCol, spread.Addr, isa.F32, 0}
	case lead == last && m.rows > 1:
		row := fetch(area{part.addr, []int{m.cols}, []int{a.strides[last]}, a.size})
		return value{isa.PerCol, row.Addr, t, 0}
	case a.strides[last] == 0 && m.cols > 1:
		part.dims, part.strides = part.dims[:last], part.strides[:last]
		return value{isa.PerRow, fetch(part).Addr, t, 0}
	}
	return value{isa.Full, fetch(part).Addr, t, 0}
}

// emit adds an operation on the elements of the box. Addresses of a first operand are
// whole words, as those of slots are.
func (m *mapping) emit(fn isa.VectorFn, dst value, args ...value) {
	m.apply(fn, dst, m.rows, m.cols, args...)
}

// apply adds an operation on rows of cols elements.
func (p *program) apply(fn isa.VectorFn, dst value, rows, cols int, args ...value) {
	v := isa.VectorOp{Fn: fn, Count: rows * cols, Cols: cols, Dst: dst.addr, DstType: dst.t}
	for i, a := range args {
		v.Spread[i], v.Src[i], v.SrcType[i], v.Imm[i] = a.spread, a.addr, a.t, a.imm
	}
	p.Vector(v)
}
