package sim

import (
	"context"
	"fmt"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// Engine is how a program is run.
type Engine int

const (
	Fast  Engine = iota // from event to event, with vector kernels
	Exact               // cycle by cycle, through every register
)

func (e Engine) String() string { return [...]string{"fast", "exact"}[e] }

// Memory is the memories outside of the core.
type Memory struct {
	HBM, Host []byte

	// Segments, where there are any, are off-chip memory in place of HBM, see
	// [isa.Limits].
	Segments [][]byte

	// Sizes stand for the memories where values are not computed.
	HBMSize, HostSize int64
}

func (m *Memory) limits(values bool) isa.Limits {
	l := isa.Limits{HBM: int64(len(m.HBM)), Host: int64(len(m.Host))}
	if !values {
		l.HBM, l.Host = max(m.HBMSize, l.HBM), max(m.HostSize, l.Host)
	}
	for _, s := range m.Segments {
		l.Segments = append(l.Segments, int64(len(s)))
	}
	return l
}

// Options are how a machine computes. The zero Options are good.
type Options struct {
	// Level is the instruction set of the kernels, Pool their threads (nil is one).
	// Results do not depend on either.
	Level *cpufeat.Level
	Pool  *parallel.Pool

	// TimingOnly counts without values: memories may be missing, and the buffer and
	// the accumulators hold nothing.
	TimingOnly bool

	// Trace is called for every instruction when it is done. Nil is no trace.
	Trace func(Event)

	// Probe is called by the exact engine behind every cycle. Nil is faster.
	Probe func(cycle int64, arrays []*Mesh)
}

// Machine is a core: its description, buffer and accumulators, which keep their
// values from one program to the next. One program runs at a time.
type Machine struct {
	cfg  *arch.Config
	opts Options
	core core

	replays *fast // made by the first replay
}

// New returns a core of the given description.
func New(cfg *arch.Config, opts Options) (*Machine, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	level := cpufeat.Best()
	if opts.Level != nil {
		level = *opts.Level
	}
	m := &Machine{cfg: cfg, opts: opts}
	m.core = core{cfg: cfg, values: !opts.TimingOnly, level: level, num: num.NewUnit(level, opts.Pool), vec: vec.For(level), workers: opts.Pool}
	if m.core.values {
		m.core.buffer, m.core.lanes = make([]byte, cfg.Buffer), new([5]room)
		for range cfg.Arrays {
			m.core.acc = append(m.core.acc, make([]uint32, cfg.AccRows*cfg.Cols))
		}
	}
	return m, nil
}

// Config is the description of the core.
func (m *Machine) Config() *arch.Config { return m.cfg }

// Buffer is the on-chip memory, nil if only time is counted.
func (m *Machine) Buffer() []byte { return m.core.buffer }

// Accumulators are those of an array, AccRows rows of Cols values, by their bits.
func (m *Machine) Accumulators(array int) []uint32 { return m.core.acc[array] }

// cancelEvery is how many steps pass between looks at the context.
const cancelEvery = 1 << 12

// Run checks a program and runs it on the given memories. A cancelled context stops
// it with the context's error; buffer, accumulators and memories then hold what was
// done so far.
func (m *Machine) Run(ctx context.Context, p *isa.Program, mem Memory, e Engine) (*Report, error) {
	limits := mem.limits(m.core.values)
	if err := p.Check(m.cfg, limits); err != nil {
		return nil, err
	}
	m.attach(mem)
	var path datapath
	var step func(t int64)
	switch e {
	case Fast:
		path = newFast(&m.core)
	case Exact:
		x := newExact(&m.core, m.opts.Probe)
		path, step = x, x.step
	default:
		return nil, fmt.Errorf("tpu: no engine %d", int(e))
	}
	c := newControl(m.cfg, p, limits, path)
	if x, ok := path.(*exact); ok {
		x.ctl = c
	}
	c.trace = m.opts.Trace
	cycles, err := c.run(ctx, step)
	path.settle()
	m.detach()
	if err != nil {
		return nil, err
	}
	c.c.Cycles = cycles
	return &Report{Counters: c.c, Engine: e.String(), Config: m.cfg}, nil
}

// run goes through the cycles until the program is over. Without step it jumps from
// one cycle in which something happens to the next.
func (c *control) run(ctx context.Context, step func(t int64)) (int64, error) {
	t := int64(0)
	for n := 0; ; n++ {
		if n%cancelEvery == 0 {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
		}
		dispatched, over, err := c.tick(t)
		if err != nil {
			return 0, err
		}
		if over {
			if c.haltAt == t {
				c.account(t, 1)
				t++
			}
			return t, nil
		}
		next := t + 1
		if !dispatched && (step == nil || !c.working()) {
			if next = c.event(t); next == unknown {
				return 0, c.deadlock(t)
			}
		}
		c.account(t, next-t)
		if step == nil {
			t = next
			continue
		}
		for ; t < next; t++ {
			step(t)
		}
	}
}

// event is the next cycle after t in which something is known to happen.
func (c *control) event(t int64) int64 {
	next := int64(unknown)
	for _, x := range c.inFlight {
		if x.read > t {
			next = min(next, x.read)
		}
		if x.done > t {
			next = min(next, x.done)
		}
	}
	for i := range c.arrays {
		a := &c.arrays[i]
		if a.shifting {
			next = min(next, a.shifted)
		}
		if a.nextFold > t {
			next = min(next, a.nextFold)
		}
		if a.drained > t {
			next = min(next, a.drained)
		}
	}
	return next
}

// working reports whether a unit does anything whose end is not known.
func (c *control) working() bool {
	for _, x := range c.inFlight {
		if x.start != unknown {
			return true
		}
	}
	for i := range c.arrays {
		if c.arrays[i].shifting {
			return true
		}
	}
	return false
}

func (c *control) deadlock(t int64) error {
	e := &DeadlockError{PC: c.next.Where(), Cycle: t}
	if c.have {
		e.PC = c.pending.PC
	}
	for _, u := range c.units {
		if len(u.queue) > 0 {
			e.Waits = append(e.Waits, fmt.Sprintf("%s, instruction %d: %v", u.name, u.queue[0].op.PC, c.waits(u, u.queue[0], t)))
		}
	}
	return e
}
