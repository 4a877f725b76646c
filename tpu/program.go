package tpu

import (
	"context"
	"fmt"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/shape"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
)

// kernel is a kernel of every device: compile writes the program of a call.
type kernel struct {
	op      string
	types   []dtype.Type
	layout  hal.Layout
	compile func(p *program)
}

var kernels []kernel

// declare adds a kernel to every device; init functions call it.
func declare(op string, types []dtype.Type, layout hal.Layout, compile func(p *program)) {
	kernels = append(kernels, kernel{op, types, layout, compile})
}

// floats are the types that the vector unit computes with.
var floats = []dtype.Type{dtype.F32, dtype.BF16}

func (d *Device) register(k kernel) {
	for _, t := range k.types {
		d.Kernels().Add(&hal.Kernel{
			Key: hal.Key{Op: k.op, DType: t, Layout: k.layout}, Name: k.op + "_" + t.String() + "_tpu", Priority: hal.Native,
			Plan: func(c *hal.Call) (hal.Launch, error) { return d.plan(c, k.compile) },
		})
	}
}

// program is the program of a call under construction. Its first mistake or refusal is
// kept, so that kernels need not check every step.
type program struct {
	*isa.Builder
	cfg   *arch.Config
	attrs any
	in    []operand
	out   []operand

	limits isa.Limits
	slots  map[string]isa.Memory
	count  int // of unnamed parts of the buffer
	checks []indexCheck
	turns  int // grids so far, which take turns with the accumulators
	err    error
}

// operand is an input or a result, which lies in a segment of off-chip memory of its own.
type operand struct {
	hal.View
	addr int64 // of the element whose indices are all zero
	size int   // of an element in bytes
	n    int   // elements
}

// maxWords bounds the programs of calls: what needs more is cut into too small pieces.
const maxWords = 1 << 20

// refuse gives the call up for a reason that is a limit of the hardware.
func (p *program) refuse(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("tpu: %s: %w", fmt.Sprintf(format, args...), hal.ErrUnsupported)
	}
}

// failed reports whether the rest of the program need not be written: it is refused, or
// too long by now.
func (p *program) failed() bool {
	if p.Len() > maxWords {
		p.refuse("a program of more than %d instructions", maxWords)
	}
	return p.err != nil
}

// newProgram lays out the operands of a call.
func newProgram(cfg *arch.Config, c *hal.Call) (*program, error) {
	p := &program{Builder: isa.NewBuilder(cfg), cfg: cfg, attrs: c.Attrs, slots: map[string]isa.Memory{}}
	p.limits.Segments = []int64{}
	if len(c.In)+len(c.Out) > isa.MaxSegments {
		p.refuse("%d operands, there are %d segments", len(c.In)+len(c.Out), isa.MaxSegments)
		return nil, p.err
	}
	add := func(list []hal.View, to *[]operand) error {
		for _, v := range list {
			_, hi, err := shape.Extent(v.Shape, v.Strides, v.Offset)
			if err != nil {
				return err
			}
			o := operand{View: v, size: v.DType.Size(), n: v.Elements()}
			if int64(hi)*int64(o.size) >= 1<<isa.SegmentBits {
				return fmt.Errorf("tpu: an operand of %d bytes, a segment has %d: %w", hi*o.size, int64(1)<<isa.SegmentBits, hal.ErrUnsupported)
			}
			o.addr = isa.Segment(len(p.limits.Segments)) + int64(v.Offset)*int64(o.size)
			p.limits.Segments = append(p.limits.Segments, int64(hi)*int64(o.size))
			*to = append(*to, o)
		}
		return nil
	}
	if err := add(c.In, &p.in); err != nil {
		return nil, err
	}
	return p, add(c.Out, &p.out)
}

// plan compiles a call, finds out what it takes, and returns what replays it.
func (d *Device) plan(c *hal.Call, compile func(*program)) (hal.Launch, error) {
	p, err := newProgram(d.cfg, c)
	if err != nil {
		return hal.Launch{}, err
	}
	nothing := true
	for _, o := range p.out {
		nothing = nothing && o.n == 0
	}
	if nothing {
		return hal.Launch{Run: func(hal.Stream, []hal.Operand, hal.Buffer) error { return nil }}, nil
	}
	compile(p)
	if p.failed() {
		return hal.Launch{}, p.err
	}
	prog, err := p.Program()
	if err != nil {
		return hal.Launch{}, err
	}
	loaded, err := d.machine.Load(context.Background(), prog, p.limits)
	if err != nil {
		return hal.Launch{}, fmt.Errorf("%s: %w", describe(c), err)
	}
	l := &launch{d: d, in: p.in, checks: p.checks, loaded: loaded, entry: entry{c.Op, describe(c)}}
	for _, o := range append(p.in, p.out...) {
		l.lead, l.size = append(l.lead, o.Offset), append(l.size, o.size)
	}
	l.segments = make([][]byte, len(l.lead))
	return hal.Launch{Run: l.run}, nil
}

// describe is the shapes of a call's operands and results.
func describe(c *hal.Call) string {
	var b strings.Builder
	for i, list := range [][]hal.View{c.In, c.Out} {
		if i > 0 {
			b.WriteString(" to")
		}
		for _, v := range list {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			fmt.Fprintf(&b, "%v%v", v.DType, v.Shape)
		}
	}
	return b.String()
}

// launch is a compiled call.
type launch struct {
	d          *Device
	loaded     *sim.Loaded
	entry      entry
	in         []operand
	checks     []indexCheck
	lead, size []int // of every operand
	segments   [][]byte
}

func (l *launch) run(_ hal.Stream, at []hal.Operand, _ hal.Buffer) error {
	d := l.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.values {
		for i, o := range at {
			mem := hostdev.Bytes(o.Buf)
			l.segments[i] = mem[min((o.Offset-l.lead[i])*l.size[i], len(mem)):]
		}
		for _, k := range l.checks {
			if err := k.check(l.entry.op, l.in[k.input].DType, l.segments[k.input], l.in[k.input].n); err != nil {
				clear(l.segments)
				return err
			}
		}
		err := d.machine.Replay(l.loaded, sim.Memory{Segments: l.segments})
		clear(l.segments)
		if err != nil {
			return err
		}
	}
	d.clock.ran(l.entry, l.loaded.Counters())
	if d.observe != nil {
		d.observe(Observed{l.entry.op, l.entry.shape, l.loaded.Program(), l.loaded.Limits(), l.loaded.Counters().Cycles})
	}
	return nil
}

// take takes a part of the buffer until the program ends.
func (p *program) take(bytes int) isa.Memory {
	p.count++
	return p.slot(fmt.Sprintf("own_%d_", p.count), bytes)
}

// slot is a part of the buffer with a name, which is taken when first asked for and used
// again afterwards.
func (p *program) slot(name string, bytes int) isa.Memory {
	if m, ok := p.slots[name]; ok && m.Bytes >= int64(bytes) {
		return m
	} else if ok {
		p.Free(m)
	}
	m, err := p.Alloc(name, max(bytes+7, 8)/8*8) // whole words
	if err != nil {
		p.refuse("%v", err)
		return isa.Memory{Name: name, Bytes: int64(bytes)}
	}
	p.slots[name] = m
	return m
}

// room is how many bytes of the buffer a kernel may plan with.
func (p *program) room() int { return p.cfg.Buffer / 8 * 7 }
