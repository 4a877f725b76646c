package sim

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/isa"
)

// Stepper runs a program from one cycle in which something happens to the next, and says
// what every unit does and waits for. Values are those of [Fast].
type Stepper struct {
	m    *Machine
	c    *control
	path *fast
	t    int64
	over bool
}

// State is the core in a cycle.
type State struct {
	Cycle    int64
	Over     bool
	PC       int    // of the instruction that is dispatched next
	Text     string // of it, "" at the end
	Holds    string // why it was not dispatched in this cycle, "" if one was
	Units    []UnitState
	Counters Counters
}

// UnitState is a unit in a cycle.
type UnitState struct {
	Name    string
	Running string // the instruction under way, "" for none
	Until   int64  // the cycle in which it is done
	Queued  int    // instructions in the queue
	Head    string // the first of them, "" for none
	Waits   string // why it does not start, "" if it does
}

// Step checks a program and stands before its first cycle. The machine runs nothing else
// until [Stepper.Close].
func (m *Machine) Step(p *isa.Program, mem Memory) (*Stepper, error) {
	limits := mem.limits(m.core.values)
	if err := p.Check(m.cfg, limits); err != nil {
		return nil, err
	}
	m.attach(mem)
	path := newFast(&m.core)
	return &Stepper{m: m, c: newControl(m.cfg, p, limits, path), path: path}, nil
}

// Close gives the machine back.
func (s *Stepper) Close() {
	s.path.settle()
	s.m.detach()
}

// Next goes through a cycle in which something happens and returns the state at its end.
// After the end of the program the state stays. The error is that of a program in which
// nothing can go on.
func (s *Stepper) Next() (*State, error) {
	if s.over {
		return s.state(true), nil
	}
	dispatched, over, err := s.c.tick(s.t)
	if err != nil {
		return nil, err
	}
	st := s.state(dispatched)
	if over {
		if s.c.haltAt == s.t {
			s.c.account(s.t, 1)
			s.t++
		}
		s.over, st.Over = true, true
		s.c.c.Cycles = s.t
		st.Counters = s.c.c
		return st, nil
	}
	next := s.t + 1
	if !dispatched {
		if next = s.c.event(s.t); next == unknown {
			return st, s.c.deadlock(s.t)
		}
	}
	s.c.account(s.t, next-s.t)
	s.t = next
	return st, nil
}

func (s *Stepper) state(dispatched bool) *State {
	c := s.c
	st := &State{Cycle: s.t, Over: s.over, PC: c.next.Where(), Counters: c.c}
	if c.have {
		st.PC, st.Text = c.pending.PC, c.pending.Word.String()
		if !dispatched {
			st.Holds = c.holds()
		}
	} else if words := c.next.Program().Words; st.PC < len(words) && !c.halted {
		st.Text = words[st.PC].String()
	}
	for _, u := range c.units {
		x := UnitState{Name: u.name, Queued: len(u.queue)}
		if r := u.running; r != nil {
			x.Running, x.Until = describe(r), r.done
		}
		if len(u.queue) > 0 {
			x.Head = describe(u.queue[0])
			if u.running != nil {
				x.Waits = "the unit is busy"
			} else if why := c.waits(u, u.queue[0], s.t); why != nil {
				x.Waits = why.String()
				if why.blocker != nil {
					x.Waits += " (" + why.blocker.op.Word.String() + "), which uses the same place"
				}
			}
		}
		st.Units = append(st.Units, x)
	}
	return st
}

// describe is an instruction under way.
func describe(x *flight) string { return fmt.Sprintf("%d %s", x.op.PC, x.op.Word) }

// holds is why the sequencer does not dispatch what it has.
func (c *control) holds() string {
	switch op := &c.pending; op.Code {
	case isa.Sync:
		return fmt.Sprintf("%d instructions are not done", len(c.inFlight))
	case isa.Wait:
		return fmt.Sprintf("a transfer of tag %d is not done", op.Tag)
	default:
		if u := c.unitOf(op); u != nil && len(u.queue) >= c.cfg.Queue {
			return "the queue of " + u.name + " is full"
		}
	}
	return ""
}
