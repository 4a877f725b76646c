package cpu

import (
	"sync"

	"github.com/crease-ml/crease/cpu/vec"
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
	if plan := d.fusedPlanner(op, t); plan != nil {
		k = &hal.Kernel{
			Key: hal.Key{Op: op.Name, Layout: hal.Free}, Name: d.kernelName(op.Name, t, hal.Free), Priority: d.mapPriority(t),
			Plan: func(c *hal.Call) (hal.Launch, error) { return launch(plan, c), nil },
		}
	}
	v, _ := d.fusions.byRow.LoadOrStore(fusion{op, t}, k)
	return v.(*hal.Kernel)
}

// fusedPlanner plans the calls of a fused row, nil where it cannot.
func (d *device) fusedPlanner(op *ops.Op, t dtype.Type) planner {
	if e, reduce := op.Producer(); e != nil {
		return d.reducePlanner(e, reduce, t)
	}
	prog, err := op.Expr.Program(mapRegs)
	if err != nil {
		return nil
	}
	return d.mapPlanner(op, prog)
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
	// chain (optional) runs several instructions at once, on what view makes of strips.
	chain func(links []vec.Link, n int)
	view  func(strip []T) []float32
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
	// plain says that all there is to do is one step on dense operands that need no
	// conversion.
	plain bool

	// The links of all chains, and the operand of each that is not a fixed number.
	// Threads work on copies of template.
	template []vec.Link
	links    []mapArg
	spills   bool // chains use registers
	stream   bool // the result is too large for the caches
}

// mapStep is an instruction, or a chain of them.
type mapStep[T lane] struct {
	dst        int // the register of the result
	args       [3]mapArg
	run        func(dst, a, b, c []T) // has one-element slices for numbers; nil for a chain
	first, end int                    // the links of the chain
}

// newMapping plans an elementwise call.
func newMapping[T lane](d *device, c *call, prog *expr.Program, params []float64, l lanes[T]) task {
	m := bindMapping(c, prog, params, l, true)
	m.shorten()
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

// bindMapping is the mapping of a call whose inputs have the shape of its result. stores
// says that the result goes to memory, not to whoever asks for strips of it.
func bindMapping[T lane](c *call, prog *expr.Program, params []float64, l lanes[T], stores bool) *mapping[T] {
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
	m.stream = stores && m.streams()
	m.bind(prog, params)
	if len(m.steps) == 1 && !m.spills {
		m.step = grain // nothing is kept between steps
	}
	return m
}

// shorten finds out whether a mapping is plain.
func (m *mapping[T]) shorten() {
	if len(m.steps) != 1 || m.spills {
		return
	}
	m.plain = m.out.dense && m.out.direct
	st := &m.steps[0]
	args := st.args[:]
	if st.run == nil {
		args = m.links
	}
	for _, a := range args {
		if a.kind == argInput {
			m.plain = m.plain && m.in[a.index].dense && m.in[a.index].direct
		}
	}
}

// simple computes elements lo to hi of a plain mapping.
func (m *mapping[T]) simple(lo, hi int) {
	st := &m.steps[0]
	if st.run == nil {
		m.simpleChain(lo, hi)
		return
	}
	var a [3][]T
	for i, arg := range st.args {
		switch arg.kind {
		case argNumber:
			a[i] = m.numbers[arg.index : arg.index+1]
		case argInput:
			a[i] = m.part(&m.in[arg.index], lo, hi)
		}
	}
	st.run(m.part(&m.out, lo, hi), a[0], a[1], a[2])
}

// mapScratch is what a chunk works in.
type mapScratch[T lane] struct {
	regs   [mapRegs][]T
	inputs [expr.MaxOperands][]T // gathered or converted operands
	views  [expr.MaxOperands][]T // every operand of the strip, in memory or in inputs
	links  []vec.Link
}

// take gets scratch from the pool.
func (m *mapping[T]) take() *mapScratch[T] {
	s, _ := m.lanes.scratch.Get().(*mapScratch[T])
	if s == nil {
		s = &mapScratch[T]{}
	}
	s.links = append(s.links[:0], m.template...)
	return s
}

// leave gives scratch back, without the memory of this run.
func (m *mapping[T]) leave(s *mapScratch[T]) {
	clear(s.views[:])
	clear(s.links)
	m.lanes.scratch.Put(s)
}

// chunk computes elements lo to hi, strip after strip.
func (m *mapping[T]) chunk(lo, hi int) {
	s := m.take()
	for pos := lo; pos < hi; {
		k := m.length(pos, hi)
		m.strip(s, m.target(pos, k), pos, k)
		pos += k
	}
	m.leave(s)
}

// produce computes the elements from position pos on into memory that is not the
// result's.
func (m *mapping[T]) produce(dst []T, pos int) {
	s := m.take()
	for end := pos + len(dst); pos < end; {
		k := m.length(pos, end)
		m.strip(s, dst[:k], pos, k)
		dst, pos = dst[k:], pos+k
	}
	m.leave(s)
}

// length is that of the strip that begins at a position, where elements end at another.
func (m *mapping[T]) length(pos, end int) int {
	k := min(end-pos, m.step)
	if inner := m.dims[len(m.dims)-1]; len(m.dims) > 1 && (inner >= shortRun || !m.out.linear) {
		k = min(k, inner-pos%inner)
	}
	return k
}

// strip computes k elements from position pos of the output into out, or where they
// have to be converted, into the output itself when out is nil.
func (m *mapping[T]) strip(s *mapScratch[T], out []T, pos, k int) {
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
	for i := range m.steps {
		st := &m.steps[i]
		dst := out
		if i < len(m.steps)-1 || out == nil {
			dst = grow(&s.regs[st.dst], k)
		}
		if st.run == nil {
			m.chain(s, st, dst, k)
		} else {
			st.run(dst, m.elements(s, st.args[0], k), m.elements(s, st.args[1], k), m.elements(s, st.args[2], k))
		}
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
