package cpu

import (
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// Every op row with a scalar expression becomes a kernel here, and so does every fused
// one, for every element type and any strides. The expression's program runs instruction
// by instruction over a strip of elements that stays in the first-level cache: f32 (and,
// widened, the 16-bit floats) on the level's vector primitives, f64 and integers in Go.

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
				d.add(op.Name, t, hal.Free, d.mapPriority(t), nil, d.mapPlanner(op, prog))
			}
		}
	})
}

func (d *device) mapPriority(t dtype.Type) int {
	if t == dtype.F32 && d.level != cpufeat.Generic {
		return hal.Native
	}
	return hal.Generic
}

// fusions keeps the kernels of fused rows.
type fusions struct{ byRow sync.Map } // fusion to *hal.Kernel, nil for none

type fusion struct {
	op *ops.Op
	t  dtype.Type
}

// Fuse returns the kernel of a fused row (exec.Fuser).
func (d *device) Fuse(op *ops.Op, t dtype.Type) *hal.Kernel {
	if k, ok := d.fusions.byRow.Load(fusion{op, t}); ok {
		return k.(*hal.Kernel)
	}
	var k *hal.Kernel
	if prog, err := op.Expr.Program(mapRegs); err == nil {
		k = &hal.Kernel{
			Key: hal.Key{Op: op.Name, Layout: hal.Free}, Name: d.kernelName(op.Name, t, hal.Free), Priority: d.mapPriority(t),
			Plan: func(c *hal.Call) (hal.Launch, error) { return launch(d.mapPlanner(op, prog), c), nil },
		}
	}
	v, _ := d.fusions.byRow.LoadOrStore(fusion{op, t}, k)
	return v.(*hal.Kernel)
}

// mapPlanner picks the number type that the expression is computed in: that of the
// first operand that is not a truth value.
func (d *device) mapPlanner(op *ops.Op, prog *expr.Program) planner {
	return func(c *call) task {
		var params []float64
		if op.Params != nil {
			params = op.Params(c.attrs)
		}
		t := c.in[0].DType
		for i := range c.in {
			if t == dtype.Bool {
				t = c.in[i].DType
			}
		}
		switch {
		case c.out[0].n == 0:
			return task{run: func([]byte) error { return nil }}
		case t == dtype.F64:
			return newMapping(d, c, prog, params, float64Lanes)
		case t.IsFloat():
			return newMapping(d, c, prog, params, d.float32Lanes())
		}
		return newMapping(d, c, prog, params, intLanes(8*t.Size(), t.IsSigned()))
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

// mapping is a planned call: shapes collapsed, instructions bound.
type mapping[T lane] struct {
	lanes   lanes[T]
	dims    []int // of the output, collapsed
	out     mapOperand
	in      []mapOperand
	numbers []T             // operands that are one number, see mapArg
	scalars []int           // inputs that are, whose numbers come first
	uniform []mapUniform[T] // numbers computed from numbers, for every run
	steps   []mapStep[T]
	result  mapArg // of the last step, or a number
	step    int    // elements that are computed before the next strip
	// plain says that all there is to do is one instruction on dense operands that need
	// no conversion.
	plain bool
}

// mapOperand is an operand of the call.
type mapOperand struct {
	*operand
	size    int
	strides []int // over mapping.dims
	dense   bool  // element i of the output belongs to element i from the offset on
	linear  bool  // it is dense by itself
	direct  bool  // it has the lanes' type, and neighbours lie side by side
	read    bool  // it is an input of more than one number
}

// mapArg is an operand of an instruction: a number, a register or an input.
type mapArg struct {
	kind  mapArgKind
	index int
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
	args [3]mapArg
	run  func(dst, a, b, c []T)
}

// mapUniform is an instruction on numbers alone.
type mapUniform[T lane] struct {
	dst  int
	args [3]int // numbers; -1 for none
	f    func(a, b, c T) T
}

func newMapping[T lane](d *device, c *call, prog *expr.Program, params []float64, l lanes[T]) task {
	m := &mapping[T]{lanes: l, step: strip}
	strides := [][]int{c.out[0].Strides}
	for i := range c.in {
		strides = append(strides, c.in[i].Strides)
	}
	dims, collapsed := shape.Collapse(c.out[0].Shape, strides...)
	if len(dims) == 0 {
		dims = []int{1}
		for i := range collapsed {
			collapsed[i] = []int{0}
		}
	}
	m.dims = dims
	m.out = m.operand(&c.out[0], collapsed[0])
	for i := range c.in {
		m.in = append(m.in, m.operand(&c.in[i], collapsed[i+1]))
		scalar := true
		for _, s := range collapsed[i+1] {
			scalar = scalar && s == 0
		}
		if m.in[i].read = !scalar; scalar {
			m.scalars = append(m.scalars, i)
		}
	}
	m.numbers = make([]T, len(m.scalars))
	m.bind(prog, params)
	n := c.out[0].n
	body := m.chunk
	if m.plain {
		body = m.simple
	}
	return task{inPlace: always, run: func([]byte) error {
		m.begin()
		if n <= grain {
			body(0, n)
		} else {
			d.chunks(n, grain, body)
		}
		return nil
	}}
}

func (m *mapping[T]) operand(o *operand, strides []int) mapOperand {
	last := len(strides) - 1
	return mapOperand{
		operand: o, size: o.DType.Size(), strides: strides, linear: o.Dense(), dense: len(m.dims) == 1 && (strides[0] == 1 || m.dims[0] == 1),
		direct: o.DType == m.lanes.dtype && (strides[last] == 1 || m.dims[last] == 1),
	}
}

// bind resolves operands, computes at once what is the same for every run, and finds the
// functions.
func (m *mapping[T]) bind(prog *expr.Program, params []float64) {
	var known [mapRegs]int // numbers that registers hold at this point
	for i := range known {
		known[i] = -1
	}
	fixed := map[int]bool{} // numbers that are the same for every run
	number := func(v T) int {
		m.numbers = append(m.numbers, v)
		fixed[len(m.numbers)-1] = true
		return len(m.numbers) - 1
	}
	for _, in := range prog.Instrs {
		var args [3]mapArg
		var scalar [3]bool
		uniform := mapUniform[T]{args: [3]int{-1, -1, -1}}
		single, constant := true, true
		for i, a := range in.Args {
			args[i] = m.resolve(a, params, &known, number)
			if args[i].kind == argNone {
				continue
			}
			if scalar[i] = args[i].kind == argNumber; scalar[i] {
				uniform.args[i] = args[i].index
			}
			single, constant = single && scalar[i], constant && scalar[i] && fixed[args[i].index]
		}
		if single {
			uniform.f = m.lanes.of(in.Op)
			uniform.dst = number(0)
			known[in.Dst] = uniform.dst
			if m.compute(&uniform); !constant {
				delete(fixed, uniform.dst)
				m.uniform = append(m.uniform, uniform)
			}
			continue
		}
		known[in.Dst] = -1
		f := m.lanes.vector(in.Op, scalar)
		if f == nil {
			f = slow(m.lanes.of(in.Op))
		}
		m.steps = append(m.steps, mapStep[T]{in.Dst, args, f})
	}
	if k := known[prog.Out]; k >= 0 {
		m.result = mapArg{argNumber, k}
		return
	}
	m.result = mapArg{argReg, prog.Out}
	if len(m.steps) == 1 {
		m.step = grain // nothing is kept between instructions
		m.plain = m.out.dense && m.out.direct
		for _, a := range m.steps[0].args {
			if a.kind == argInput {
				m.plain = m.plain && m.in[a.index].dense && m.in[a.index].direct
			}
		}
	}
}

func (m *mapping[T]) resolve(a expr.Arg, params []float64, known *[mapRegs]int, number func(T) int) mapArg {
	switch a.Kind {
	case expr.None:
		return mapArg{}
	case expr.Const:
		return mapArg{argNumber, number(m.lanes.number(a.Value))}
	case expr.Param:
		return mapArg{argNumber, number(m.lanes.number(params[a.Index]))}
	case expr.Input:
		for k, i := range m.scalars {
			if i == a.Index {
				return mapArg{argNumber, k}
			}
		}
		return mapArg{argInput, a.Index}
	}
	if k := known[a.Index]; k >= 0 {
		return mapArg{argNumber, k}
	}
	return mapArg{argReg, a.Index}
}

func (m *mapping[T]) compute(u *mapUniform[T]) {
	var v [3]T
	for i, k := range u.args {
		if k >= 0 {
			v[i] = m.numbers[k]
		}
	}
	m.numbers[u.dst] = u.f(v[0], v[1], v[2])
}

// begin reads the operands that are one number and computes what follows from them.
func (m *mapping[T]) begin() {
	for k, i := range m.scalars {
		m.load(&m.in[i], m.numbers[k:k+1], m.in[i].Offset, 0, 1)
	}
	for i := range m.uniform {
		m.compute(&m.uniform[i])
	}
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

// simple computes elements lo to hi of a plain mapping.
func (m *mapping[T]) simple(lo, hi int) {
	st := &m.steps[0]
	var a [3][]T
	for i, arg := range st.args {
		switch arg.kind {
		case argNumber:
			a[i] = m.numbers[arg.index : arg.index+1]
		case argInput:
			in := &m.in[arg.index]
			a[i] = typed[T](in.mem, in.DType)[in.Offset+lo : in.Offset+hi]
		}
	}
	st.run(typed[T](m.out.mem, m.out.DType)[m.out.Offset+lo:m.out.Offset+hi], a[0], a[1], a[2])
}

// mapScratch is what a chunk works in.
type mapScratch[T lane] struct {
	regs   [mapRegs][]T
	inputs [expr.MaxOperands][]T // gathered or converted operands
	views  [expr.MaxOperands][]T // every operand of the strip, in memory or in inputs
}

// chunk computes elements lo to hi, strip after strip.
func (m *mapping[T]) chunk(lo, hi int) {
	s, _ := m.lanes.scratch.Get().(*mapScratch[T])
	if s == nil {
		s = &mapScratch[T]{}
	}
	inner := m.dims[len(m.dims)-1]
	byRow := len(m.dims) > 1 && (inner >= shortRun || !m.out.linear)
	for pos := lo; pos < hi; {
		k := min(hi-pos, m.step)
		if byRow {
			k = min(k, inner-pos%inner)
		}
		m.strip(s, pos, k)
		pos += k
	}
	clear(s.views[:])
	m.lanes.scratch.Put(s)
}

// strip computes k elements from position pos of the output.
func (m *mapping[T]) strip(s *mapScratch[T], pos, k int) {
	out := m.target(pos, k)
	if m.result.kind == argNumber {
		r := out
		if r == nil {
			r = grow(&s.regs[0], k)
		}
		for i := range r {
			r[i] = m.numbers[m.result.index]
		}
		if out == nil {
			m.store(r, pos)
		}
		return
	}
	for i := range m.in {
		if m.in[i].read {
			s.views[i] = m.fetch(&m.in[i], &s.inputs[i], pos, k)
		}
	}
	last := len(m.steps) - 1
	if last > 0 && m.steps[last].dst != m.result.index {
		out = nil
	}
	for i := range m.steps {
		st := &m.steps[i]
		dst := out
		if i < last || out == nil {
			dst = grow(&s.regs[st.dst], k)
		}
		st.run(dst, m.elements(s, st.args[0], k), m.elements(s, st.args[1], k), m.elements(s, st.args[2], k))
	}
	if out == nil {
		m.store(s.regs[m.result.index][:k], pos)
	}
}

// elements are those of an argument, one for a number.
func (m *mapping[T]) elements(s *mapScratch[T], a mapArg, k int) []T {
	switch a.kind {
	case argNumber:
		return m.numbers[a.index : a.index+1]
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

// place is where the element at a position of the output lies in an operand's buffer.
func (m *mapping[T]) place(o *mapOperand, pos int) int {
	if o.dense {
		return o.Offset + pos
	}
	last := len(m.dims) - 1
	at, rest := o.Offset+pos%m.dims[last]*o.strides[last], pos/m.dims[last]
	for i := last - 1; i >= 0; i-- {
		at += rest % m.dims[i] * o.strides[i]
		rest /= m.dims[i]
	}
	return at
}

// target is the output's own memory, where results need no conversion and lie side by
// side; else nil.
func (m *mapping[T]) target(pos, k int) []T {
	if m.out.DType != m.lanes.dtype {
		return nil
	}
	at := m.out.Offset + pos
	if !m.out.linear {
		if !m.out.direct {
			return nil
		}
		at = m.place(&m.out, pos)
	}
	return typed[T](m.out.mem, m.out.DType)[at : at+k]
}

// store converts results to the output's type.
func (m *mapping[T]) store(r []T, pos int) {
	at, stride := m.out.Offset+pos, 1
	if !m.out.linear {
		at, stride = m.place(&m.out, pos), m.out.strides[len(m.dims)-1]
	}
	size := m.out.size
	switch {
	case m.out.DType == dtype.Bool:
		for i, v := range r {
			m.out.mem[at+i*stride] = 0
			if v != 0 {
				m.out.mem[at+i*stride] = 1
			}
		}
	case stride == 1:
		dtype.Convert(m.out.mem[at*size:(at+len(r))*size], m.out.DType, untyped(r), m.lanes.dtype)
	default:
		for i := range r {
			to := (at + i*stride) * size
			dtype.Convert(m.out.mem[to:to+size], m.out.DType, untyped(r[i:i+1]), m.lanes.dtype)
		}
	}
}

// fetch is k elements of an input from position pos of the output, as they lie
// in memory where that is possible, else gathered into scratch.
func (m *mapping[T]) fetch(in *mapOperand, scratch *[]T, pos, k int) []T {
	last := len(m.dims) - 1
	inner := m.dims[last]
	if len(m.dims) == 1 || inner >= shortRun || !m.out.linear {
		at := m.place(in, pos)
		if in.direct {
			return typed[T](in.mem, in.DType)[at : at+k]
		}
		dst := grow(scratch, k)
		m.load(in, dst, at, in.strides[last], k)
		return dst
	}
	dst := grow(scratch, k)
	for i := 0; i < k; { // short rows: several of them make a strip
		n := min(inner-(pos+i)%inner, k-i)
		m.load(in, dst[i:i+n], m.place(in, pos+i), in.strides[last], n)
		i += n
	}
	return dst
}

// load converts n elements at a stride to the lanes' type.
func (m *mapping[T]) load(in *mapOperand, dst []T, off, stride, n int) {
	switch {
	case in.DType == m.lanes.dtype:
		src := typed[T](in.mem, in.DType)
		for i := range n {
			dst[i] = src[off+i*stride]
		}
	case stride == 1 && in.DType == dtype.Bool:
		for i, b := range in.mem[off : off+n] {
			dst[i] = T(b)
		}
	case stride == 1:
		dtype.Convert(untyped(dst[:n]), m.lanes.dtype, in.mem[off*in.size:(off+n)*in.size], in.DType)
	default:
		for i := range n {
			at := (off + i*stride) * in.size
			dtype.Convert(untyped(dst[i:i+1]), m.lanes.dtype, in.mem[at:at+in.size], in.DType)
		}
	}
}

// typed and untyped view memory as lanes and back.
func typed[T lane](b []byte, t dtype.Type) []T {
	n := len(b) / t.Size() * t.Size()
	return dtype.Slice[T](b[:n])
}

func untyped[T lane](s []T) []byte { return dtype.Bytes(s) }
