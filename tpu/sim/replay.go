package sim

import (
	"context"
	"fmt"

	"github.com/crease-ml/crease/tpu/isa"
)

// Loaded is a program that has been checked and timed. What a program takes does not
// depend on values, so running it again is computing its values again, in the order of
// its instructions.
type Loaded struct {
	prog     *isa.Program
	limits   isa.Limits
	counters Counters
}

// Program is the program that was loaded.
func (l *Loaded) Program() *isa.Program { return l.prog }

// Limits are the memories that it was loaded for.
func (l *Loaded) Limits() isa.Limits { return l.limits }

// Counters are what every run of the program counts.
func (l *Loaded) Counters() *Counters { return &l.counters }

// Load checks a program for memories of at least the given sizes and finds out what it
// takes. The errors are those of Run. The program must not be changed afterwards.
func (m *Machine) Load(ctx context.Context, p *isa.Program, limits isa.Limits) (*Loaded, error) {
	if err := p.Check(m.cfg, limits); err != nil {
		return nil, err
	}
	c := newControl(m.cfg, p, limits, newFast(&core{cfg: m.cfg}))
	cycles, err := c.run(ctx, nil)
	if err != nil {
		return nil, err
	}
	c.c.Cycles = cycles
	return &Loaded{p, limits, c.c}, nil
}

// Replay computes the values of a program that was loaded into this machine, or into one
// of the same description. They are those of Run.
func (m *Machine) Replay(l *Loaded, mem Memory) error {
	short := int64(len(mem.HBM)) < l.limits.HBM || int64(len(mem.Host)) < l.limits.Host || len(mem.Segments) < len(l.limits.Segments)
	for i, n := range l.limits.Segments {
		short = short || int64(len(mem.Segments[i])) < n
	}
	if short {
		return fmt.Errorf("tpu: memories of %+v bytes, the program was loaded for %+v", mem.limits(true), l.limits)
	}
	m.attach(mem)
	defer m.detach()
	if m.replays == nil {
		m.replays = newFast(&m.core)
	}
	f := m.replays
	f.restart()
	r := isa.NewResolver(l.prog, m.cfg, l.limits)
	r.Trust()
	var x flight
	op := &x.op
	for {
		more, err := r.Next(op)
		if err != nil || !more {
			return err
		}
		switch a := op.Array; op.Code {
		case isa.ReadHost, isa.WriteHost, isa.LoadHBM, isa.StoreHBM:
			f.transfer(op)
		case isa.ReadWeights:
			t := f.newTile(op.Weights.Tile)
			t.data = f.weights(op, t.data)
			f.waiting[a] = append(f.waiting[a], t)
		case isa.MatMul, isa.Conv:
			if x.tile = nil; op.Switch {
				x.tile = f.waiting[a][0]
				f.waiting[a] = f.waiting[a][:copy(f.waiting[a], f.waiting[a][1:])]
			}
			f.product(&x)
		case isa.Activate:
			f.activate(op)
		case isa.Vector:
			f.vector(op)
		}
	}
}

func (m *Machine) attach(mem Memory) {
	m.core.hbm, m.core.pieces, m.core.host = mem.HBM, mem.Segments, mem.Host
}

func (m *Machine) detach() { m.attach(Memory{}) }

// Time goes through a program that has been checked for these memories without computing
// values; the trace of the options sees every instruction.
func (m *Machine) Time(p *isa.Program, limits isa.Limits) error {
	c := newControl(m.cfg, p, limits, newFast(&core{cfg: m.cfg}))
	c.trace = m.opts.Trace
	_, err := c.run(context.Background(), nil)
	return err
}
