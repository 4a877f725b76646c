package kernels

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// addTexts registers the kernels of the .k files that the device can run.
func (l *Library) addTexts(r *hal.Registry) {
	for _, t := range texts() {
		if t.op != "" && l.reads(t) {
			l.addText(r, t)
		}
	}
}

// reads reports whether the device can run a text: it is written in the device's language
// and needs no tensor cores that the device lacks.
func (l *Library) reads(t *text) bool {
	return slices.Contains(t.dialects, l.caps.Dialect) && t.tensor <= l.caps.Tensor
}

// addText registers a text once for every element type that its op, the text and the
// device have in common.
func (l *Library) addText(r *hal.Registry, t *text) {
	op := ops.Get(t.op)
	if op == nil {
		panic(fmt.Sprintf("kernels: %s: kernel %s: there is no op %q", t.file, t.name, t.op))
	}
	for _, dt := range op.Types {
		if t.takes(dt) && l.computes(classOf(dt)) {
			r.Add(l.textKernel(t, dt))
		}
	}
}

// takes reports whether the text computes with an element type.
func (t *text) takes(dt dtype.Type) bool { return slices.Contains(t.classes, classOf(dt)) }

// textKernel makes the kernel that the registry gets for a text and an element type.
func (l *Library) textKernel(t *text, dt dtype.Type) *hal.Kernel {
	c, layout := classOf(dt), hal.Dense
	if t.strided {
		layout = hal.Strided
	}
	return &hal.Kernel{
		Key: hal.Key{Op: t.op, DType: dt, Layout: layout}, Name: t.name + "_" + dt.String(),
		Priority: hal.Portable + l.tuned.of(t.name, tune{name: prefer, value: t.priority}),
		Accepts: func(call *hal.Call) bool {
			if !indexable(call) {
				return false
			}
			b, err := l.bind(t, c, call)
			if err != nil {
				panic(err)
			}
			return b != nil && l.fits(b, c, call)
		},
		Plan: func(call *hal.Call) (hal.Launch, error) { return l.planText(t, c, call) },
	}
}

// planText binds a text, and those that its //crease:next chain names, to a call and
// returns a launch that runs them one after another.
func (l *Library) planText(t *text, c class, call *hal.Call) (hal.Launch, error) {
	var steps []*step
	work := 0
	for part := t; part != nil; part = part.next {
		b, err := l.bind(part, c, call)
		if err != nil {
			return hal.Launch{}, err
		}
		if b == nil {
			return hal.Launch{}, hal.ErrUnsupported
		}
		if part.work != nil {
			n, err := b.env.int(part.work.elements)
			if err != nil {
				return hal.Launch{}, part.wrong("work", err)
			}
			work = max(work, max(n, 1)*part.work.size(c)) // the program declares the buffer even where it needs none of it
		}
		s, err := b.step(l, part, c)
		if err != nil {
			return hal.Launch{}, err
		}
		if s != nil {
			steps = append(steps, s)
		}
	}
	var inPlace func(int, int) bool
	if t.inPlace {
		inPlace = always
	}
	return launchOf(steps, work, inPlace), nil
}

// step makes a bound kernel a step of a launch, and renders the text of its program where that has
// not been done. It returns nil when the grid is empty, so that there is nothing to run.
func (b *binding) step(l *Library, t *text, c class) (*step, error) {
	groups := [3]int{1, 1, 1}
	for i, g := range t.grid {
		n, err := b.env.int(g)
		if err != nil {
			return nil, t.wrong("grid", err)
		}
		groups[i] = n
	}
	if groups[0]*groups[1]*groups[2] == 0 {
		return nil, nil
	}
	p, err := l.get(b.key, func() (*source, error) { return b.source(t, c) })
	if err != nil {
		return nil, err
	}
	return &step{program: p, groups: groups, values: b.values.done(), args: b.args, buffers: make([]hal.Buffer, len(b.args))}, nil
}

// fits reports whether a work group of the bound kernel, and of every kernel of its
// //crease:next chain, is within the device's limits. Answers are kept by program.
func (l *Library) fits(b *binding, c class, call *hal.Call) bool {
	if fits, known := l.fitting.Load(b.key); known {
		return fits.(bool)
	}
	fits := l.room(b)
	for part := b.key.text.next; part != nil && fits; part = part.next {
		next, err := l.bind(part, c, call)
		if err != nil {
			panic(err)
		}
		fits = next != nil && l.room(next)
	}
	l.fitting.Store(b.key, fits)
	return fits
}

// room reports for one bound kernel whether its group size and local memory are within the device's limits.
func (l *Library) room(b *binding) bool {
	t := b.key.text
	group, err := t.groupSize(b.env)
	if err != nil {
		panic(err)
	}
	local := 0
	for _, a := range t.locals {
		n, err := b.env.int(a.elements)
		if err != nil {
			panic(t.wrong("local "+a.name, err))
		}
		local += n * width((&source{class: b.key.class}).ctype(a.typ))
	}
	return group[0]*group[1]*group[2] <= l.caps.MaxGroup && local <= l.caps.Local
}

// groupSize returns how many work items a group has along each axis.
func (t *text) groupSize(e *env) ([3]int, error) {
	size := [3]int{1, 1, 1}
	for i, g := range t.group {
		var err error
		if size[i], err = e.int(g); err != nil {
			return size, t.wrong("group", err)
		}
	}
	return size, nil
}

// size returns the bytes that an element of scratch memory takes.
func (b buffer) size(c class) int {
	if b.typ == "T" {
		return width(c.real())
	}
	t, _ := dtype.Parse(b.typ)
	return t.Size()
}

// textKey identifies a compiled program: calls of one text with the same class of element
// types and the same constants share it.
type textKey struct {
	text   *text
	class  class
	consts string
}

// binding holds what the directives of a text evaluate to for one call: the constants that
// are compiled into the program, and the values and buffers that are passed to it.
type binding struct {
	env    *env
	key    textKey
	values *values
	fields []field
	consts [][2]string
	views  []window
	bufs   []buffer
	args   []argument
	absent []string // names of optional operands that the call does not have
}

// wrong says in which directive of a text an error was found.
func (t *text) wrong(what string, err error) error {
	return fmt.Errorf("kernels: %s: kernel %s: %s: %w", t.file, t.name, what, err)
}

// bind evaluates a text's directives for a call. It returns nil without an error when a
// //crease:when directive says that the kernel does not take the call.
func (l *Library) bind(t *text, c class, call *hal.Call) (*binding, error) {
	b := &binding{env: &env{call: call, vars: map[string]any{}}, key: textKey{text: t, class: c}, values: &values{}}
	if err := b.operands(t, call); err != nil {
		return nil, err
	}
	for _, p := range t.tunes {
		v := l.tuned.of(t.head, p)
		b.env.vars[p.name] = v
		b.constant(p.name, v)
	}
	if t.work != nil {
		b.bufs, b.views = append(b.bufs, t.work.buffer), append(b.views, window{hal.View{DType: dtype.F32}, scratchArgument})
	}
	if t.checks {
		b.bufs, b.views = append(b.bufs, buffer{name: "fault", typ: "i64", out: true}), append(b.views, window{hal.View{DType: dtype.I64}, faultArgument})
		b.constant("FAULT_CODE", slices.Index(texts(), t)+1)
	}
	b.args = header(b.values, func(i int) bool { return b.bufs[i].coded(c) }, b.views)
	b.values.int(int(call.DType()))
	b.fields = append(b.fields, field{name: "T", typ: "int"})
	b.env.vars["T"] = int(call.DType())
	for _, s := range t.steps {
		v, err := s.expr(b.env)
		if err != nil {
			return nil, t.wrong(s.kind+" "+s.src, err)
		}
		switch s.kind {
		case "when":
			if v == 0 {
				return nil, nil
			}
		case "let":
			b.env.vars[s.name] = v
		case "const":
			n, ok := v.(int)
			if !ok {
				return nil, t.wrong("const "+s.src, fmt.Errorf("%v is no int", v))
			}
			b.env.vars[s.name] = n
			b.constant(s.name, n)
		case "val":
			b.env.vars[s.name] = v
			if err := b.value(s, c, v); err != nil {
				return nil, t.wrong("val "+s.src, err)
			}
		}
	}
	var consts strings.Builder
	for _, c := range b.consts { // their order is that of the text, so the values alone identify them
		consts.WriteString(c[1])
		consts.WriteByte(' ')
	}
	b.key.consts = consts.String()
	return b, nil
}

// operands gives the call's views the names that the text declares, and collects their
// buffers. An optional operand that the call does not have is bound to a nil view.
func (b *binding) operands(t *text, call *hal.Call) error {
	in, out := 0, 0
	all := windows(call)
	for _, o := range t.operands {
		list, at := call.In, &in
		if o.out {
			list, at = call.Out, &out
		}
		given := *at < len(list)
		b.env.vars["out_"+o.name] = truth(o.out)
		if o.optional {
			b.constant("HAS_"+o.name, truth(given))
		}
		if !given {
			if !o.optional {
				return t.wrong("operand "+o.name, fmt.Errorf("the call has %d inputs and %d outputs", len(call.In), len(call.Out)))
			}
			b.env.vars[o.name] = view(nil)
			b.absent = append(b.absent, o.name)
			continue
		}
		b.env.vars[o.name] = &list[*at]
		w := all[*at]
		if o.out {
			w = all[len(call.In)+*at]
		}
		b.bufs, b.views = append(b.bufs, o.buffer), append(b.views, w)
		*at++
	}
	return nil
}

// constant adds a constant that is compiled into the program.
func (b *binding) constant(name string, v int) {
	b.consts = append(b.consts, [2]string{name, strconv.Itoa(v)})
}

// value appends the value of a val directive to the structure of values that is passed to
// the program. A list is cut to the array's length, or padded to it with zeros.
func (b *binding) value(s directive, c class, v any) error {
	put := func(v any) error {
		switch v := v.(type) {
		case int:
			switch s.typ {
			case "int":
				b.values.int(v)
			case "long":
				b.values.long(int64(v))
			case "float":
				b.values.real(f32, float64(v), dtype.F32)
			default:
				b.values.real(c, float64(v), b.env.call.DType())
			}
		case float64:
			switch s.typ {
			case "real":
				b.values.real(c, v, b.env.call.DType())
			case "float":
				b.values.real(f32, v, dtype.F32)
			default:
				return fmt.Errorf("%v is no int", v)
			}
		default:
			return fmt.Errorf("%v is no number", v)
		}
		return nil
	}
	f := field{name: s.name, typ: s.typ}
	defer func() { b.fields = append(b.fields, f) }()
	if s.length == nil {
		return put(v)
	}
	n, err := b.env.int(s.length)
	if err != nil {
		return err
	}
	list, ok := v.([]int)
	if !ok || n <= 0 {
		return fmt.Errorf("%v for an array of %d", v, n)
	}
	f.length = n
	for i := range n {
		e := 0
		if i < len(list) {
			e = list[i]
		}
		if err := put(e); err != nil {
			return err
		}
	}
	return nil
}

// source returns what the program of a bound kernel is rendered from.
func (b *binding) source(t *text, c class) (*source, error) {
	s := &source{
		name: t.name + "_" + c.String(), class: c, buffers: b.bufs, fields: b.fields, defines: append(b.consts, t.defines...),
		locals: t.locals, body: t.body, helpers: t.helpers,
	}
	for _, name := range b.absent {
		s.defines = append(s.defines, [2]string{"GET_" + name + "(i)", "R(0)"})
	}
	var err error
	s.group, err = t.groupSize(b.env)
	return s, err
}
