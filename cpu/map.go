package cpu

import (
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// Every op row with a scalar expression becomes a kernel here, for every element
// type and any strides. The expression's program runs instruction by instruction
// over a strip of elements that stays in the first-level cache: f32 (and, widened,
// the 16-bit floats) on the level's vector primitives, f64 and integers in Go.

const (
	strip    = 1024 // elements: four registers of f32 and two inputs are 24 KiB
	mapRegs  = 16   // more than any row needs
	shortRun = 16   // below this inner size strips are gathered across rows
)

func init() {
	declare(func(d *device) {
		for _, op := range ops.All() {
			if op.Expr == nil {
				continue
			}
			prog, err := op.Expr.Program(mapRegs)
			if err != nil {
				panic("cpu: op " + op.Name + ": " + err.Error())
			}
			for _, t := range op.Types {
				priority := hal.Generic
				if t == dtype.F32 && d.level != cpufeat.Generic {
					priority = hal.Native
				}
				d.register(op.Name, t, hal.Strided, priority, nil, func(c *hal.Call) error {
					d.runMap(op, prog, c)
					return nil
				})
			}
		}
	})
}

// runMap picks the number type that the expression is computed in: that of the
// first operand that is not a truth value.
func (d *device) runMap(op *ops.Op, prog *expr.Program, c *hal.Call) {
	if c.Out[0].Elements() == 0 {
		return
	}
	var params []float64
	if op.Params != nil {
		params = op.Params(c.Attrs)
	}
	t := c.In[0].DType
	for _, v := range c.In {
		if t == dtype.Bool {
			t = v.DType
		}
	}
	switch {
	case t == dtype.F64:
		newMapping(c, prog, params, float64Lanes).run(d)
	case t.IsFloat():
		newMapping(c, prog, params, d.float32Lanes()).run(d)
	default:
		newMapping(c, prog, params, intLanes(8*t.Size(), t.IsSigned())).run(d)
	}
}

// lanes is how a number type computes: the functions by name.
type lanes[T lane] struct {
	dtype dtype.Type // what operands are converted to
	// of is a function on single numbers, exact and slow.
	of func(name string) func(a, b, c T) T
	// number converts a parameter.
	number func(float64) T
	// vector is a faster form of an instruction whose operands are as flagged:
	// scalar[i] says that operand i is one number. Nil when there is none.
	vector func(name string, scalar [3]bool) func(dst, a, b, c []T)
	// scratch keeps the strips of chunks that are done.
	scratch *sync.Pool
}

type lane interface{ float32 | float64 | int64 }

// mapping is one call, resolved: shapes collapsed, instructions bound.
type mapping[T lane] struct {
	lanes  lanes[T]
	out    hal.View
	dims   []int // of the output, collapsed
	in     []mapInput[T]
	steps  []mapStep[T]
	result mapArg[T]
	sole   bool // one instruction, from inputs to output
}

// mapInput is an operand of the call.
type mapInput[T lane] struct {
	bytes   []byte // from the start of its buffer
	dtype   dtype.Type
	size    int
	offset  int   // in elements
	strides []int // over mapping.dims
	scalar  bool  // the same element everywhere
	value   T     // that element
}

// mapArg is an operand of an instruction: a number, a register or an input.
type mapArg[T lane] struct {
	kind  mapArgKind
	index int
	value T
}

type mapArgKind uint8

const (
	argNone mapArgKind = iota
	argNumber
	argReg
	argInput
)

// mapStep is an instruction. run has one-element slices for numbers.
type mapStep[T lane] struct {
	dst  int
	args [3]mapArg[T]
	run  func(dst, a, b, c []T)
}

func newMapping[T lane](c *hal.Call, prog *expr.Program, params []float64, l lanes[T]) *mapping[T] {
	m := &mapping[T]{lanes: l, out: c.Out[0]}
	strides := [][]int{c.Out[0].Strides}
	for _, v := range c.In {
		strides = append(strides, v.Strides)
	}
	dims, collapsed := shape.Collapse(c.Out[0].Shape, strides...)
	if len(dims) == 0 {
		dims = []int{1}
		for i := range collapsed {
			collapsed[i] = []int{0}
		}
	}
	m.dims = dims
	for i, v := range c.In {
		in := mapInput[T]{bytes: hostdev.Bytes(v.Buf), dtype: v.DType, size: v.DType.Size(), offset: v.Offset, strides: collapsed[i+1], scalar: true}
		for _, s := range in.strides {
			in.scalar = in.scalar && s == 0
		}
		if in.scalar {
			one := make([]T, 1)
			m.load(&in, one, v.Offset, 0, 1)
			in.value = one[0]
		}
		m.in = append(m.in, in)
	}
	m.bind(prog, params)
	return m
}

// bind resolves operands, computes at once what is the same for all elements,
// and finds the functions.
func (m *mapping[T]) bind(prog *expr.Program, params []float64) {
	var known [mapRegs]*T // registers that hold one number at this point
	for _, in := range prog.Instrs {
		var args [3]mapArg[T]
		var scalar [3]bool
		constant := true
		for i, a := range in.Args {
			args[i], scalar[i] = m.resolve(a, params, &known)
			constant = constant && (args[i].kind == argNone || scalar[i])
		}
		if constant {
			v := m.lanes.of(in.Op)(args[0].value, args[1].value, args[2].value)
			known[in.Dst] = &v
			continue
		}
		known[in.Dst] = nil
		f := m.lanes.vector(in.Op, scalar)
		if f == nil {
			f = slow(m.lanes.of(in.Op))
		}
		m.steps = append(m.steps, mapStep[T]{in.Dst, args, f})
	}
	if v := known[prog.Out]; v != nil {
		m.result = mapArg[T]{kind: argNumber, value: *v}
		return
	}
	m.result = mapArg[T]{kind: argReg, index: prog.Out}
	m.sole = len(m.steps) == 1
}

func (m *mapping[T]) resolve(a expr.Arg, params []float64, known *[mapRegs]*T) (arg mapArg[T], scalar bool) {
	switch a.Kind {
	case expr.None:
		return mapArg[T]{}, false
	case expr.Const:
		return mapArg[T]{kind: argNumber, value: m.lanes.number(a.Value)}, true
	case expr.Param:
		return mapArg[T]{kind: argNumber, value: m.lanes.number(params[a.Index])}, true
	case expr.Input:
		if in := &m.in[a.Index]; in.scalar {
			return mapArg[T]{kind: argNumber, value: in.value}, true
		}
		return mapArg[T]{kind: argInput, index: a.Index}, false
	}
	if v := known[a.Index]; v != nil {
		return mapArg[T]{kind: argNumber, value: *v}, true
	}
	return mapArg[T]{kind: argReg, index: a.Index}, false
}

// slow applies a function element by element; numbers are slices of one.
func slow[T lane](f func(a, b, c T) T) func(dst, a, b, c []T) {
	at := func(s []T, i int) T {
		switch len(s) {
		case 0:
			return 0
		case 1:
			return s[0]
		}
		return s[i]
	}
	return func(dst, a, b, c []T) {
		for i := range dst {
			dst[i] = f(at(a, i), at(b, i), at(c, i))
		}
	}
}

// mapScratch is what a chunk works in.
type mapScratch[T lane] struct {
	regs   [mapRegs][]T
	inputs [expr.MaxOperands][]T // gathered or converted operands
	views  [expr.MaxOperands][]T // every operand of the strip, in memory or in inputs
}

// run computes the output in chunks.
func (m *mapping[T]) run(d *device) {
	n := m.out.Elements()
	inner := m.dims[len(m.dims)-1]
	d.chunks(n, grain, func(lo, hi int) {
		s, _ := m.lanes.scratch.Get().(*mapScratch[T])
		if s == nil {
			s = &mapScratch[T]{}
		}
		defer func() {
			clear(s.views[:])
			m.lanes.scratch.Put(s)
		}()
		step := strip
		if m.sole {
			step = grain // nothing is kept between instructions
		}
		for pos := lo; pos < hi; {
			k := min(hi-pos, step)
			if len(m.dims) > 1 && inner >= shortRun {
				k = min(k, inner-pos%inner)
			}
			m.strip(s, pos, k)
			pos += k
		}
	})
}

// strip computes k elements from position pos of the output.
func (m *mapping[T]) strip(s *mapScratch[T], pos, k int) {
	out, direct := m.target(pos, k)
	if m.result.kind == argNumber {
		if !direct {
			out = grow(&s.regs[0], k)
		}
		for i := range out {
			out[i] = m.result.value
		}
		m.store(out, pos, direct)
		return
	}
	for i := range m.in {
		if !m.in[i].scalar {
			s.views[i] = m.fetch(&m.in[i], &s.inputs[i], pos, k)
		}
	}
	if direct && !m.sole {
		direct = m.steps[len(m.steps)-1].dst == m.result.index
	}
	for i := range m.steps {
		st := &m.steps[i]
		last := i == len(m.steps)-1
		var dst []T
		if last && direct {
			dst = out
		} else {
			dst = grow(&s.regs[st.dst], k)
		}
		var a [3][]T
		for j := range st.args {
			a[j] = m.operand(s, &st.args[j], k)
		}
		st.run(dst, a[0], a[1], a[2])
		if last && !direct {
			out = s.regs[m.result.index][:k]
		}
	}
	m.store(out, pos, direct)
}

// operand is the elements of an operand, a slice of one for a number.
func (m *mapping[T]) operand(s *mapScratch[T], a *mapArg[T], k int) []T {
	switch a.kind {
	case argNumber:
		return []T{a.value}
	case argReg:
		return s.regs[a.index][:k]
	case argInput:
		return s.views[a.index]
	}
	return nil
}

func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, max(n, strip))
	}
	return (*s)[:n]
}

// target is the output's own memory when results need no conversion.
func (m *mapping[T]) target(pos, k int) (out []T, direct bool) {
	if m.out.DType != m.lanes.dtype {
		return nil, false
	}
	b := memory(m.out)
	return typed[T](b, m.out.DType)[pos : pos+k], true
}

// store converts results to the output's type, unless they are there already.
func (m *mapping[T]) store(r []T, pos int, direct bool) {
	if direct {
		return
	}
	b := memory(m.out)[pos*m.out.DType.Size():]
	if m.out.DType == dtype.Bool {
		for i, v := range r {
			b[i] = 0
			if v != 0 {
				b[i] = 1
			}
		}
		return
	}
	dtype.Convert(b[:len(r)*m.out.DType.Size()], m.out.DType, untyped(r), m.lanes.dtype)
}

// fetch is k elements of an input from position pos of the output, as they lie
// in memory where that is possible, else gathered into scratch.
func (m *mapping[T]) fetch(in *mapInput[T], scratch *[]T, pos, k int) []T {
	last := len(m.dims) - 1
	inner := m.dims[last]
	if len(m.dims) == 1 || inner >= shortRun {
		off, rest := in.offset+pos%inner*in.strides[last], pos/inner
		for i := last - 1; i >= 0; i-- {
			off += rest % m.dims[i] * in.strides[i]
			rest /= m.dims[i]
		}
		if in.strides[last] == 1 && in.dtype == m.lanes.dtype {
			return typed[T](in.bytes, in.dtype)[off : off+k]
		}
		dst := grow(scratch, k)
		m.load(in, dst, off, in.strides[last], k)
		return dst
	}
	dst := grow(scratch, k)
	for i := 0; i < k; { // short rows: several of them make a strip
		at, rest := (pos+i)%inner, (pos+i)/inner
		off := in.offset + at*in.strides[last]
		for j := last - 1; j >= 0; j-- {
			off += rest % m.dims[j] * in.strides[j]
			rest /= m.dims[j]
		}
		n := min(inner-at, k-i)
		m.load(in, dst[i:i+n], off, in.strides[last], n)
		i += n
	}
	return dst
}

// load converts n elements at a stride to the lanes' type.
func (m *mapping[T]) load(in *mapInput[T], dst []T, off, stride, n int) {
	if in.dtype == m.lanes.dtype {
		src := typed[T](in.bytes, in.dtype)
		for i := range n {
			dst[i] = src[off+i*stride]
		}
		return
	}
	if stride == 1 && in.dtype == dtype.Bool {
		for i, b := range in.bytes[off : off+n] {
			dst[i] = T(b)
		}
		return
	}
	if stride == 1 {
		dtype.Convert(untyped(dst[:n]), m.lanes.dtype, in.bytes[off*in.size:(off+n)*in.size], in.dtype)
		return
	}
	for i := range n {
		at := (off + i*stride) * in.size
		dtype.Convert(untyped(dst[i:i+1]), m.lanes.dtype, in.bytes[at:at+in.size], in.dtype)
	}
}

// typed and untyped view memory as lanes and back.
func typed[T lane](b []byte, t dtype.Type) []T {
	n := len(b) / t.Size() * t.Size()
	return dtype.Slice[T](b[:n])
}

func untyped[T lane](s []T) []byte { return dtype.Bytes(s) }
