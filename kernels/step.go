package kernels

import (
	"encoding/binary"
	"fmt"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// step is one program of a planned launch, ready but for memory: its values are laid out,
// with room for the offsets of its buffers. A launch is a few steps.
type step struct {
	program *Program
	groups  [3]int
	values  []byte
	args    []argument
	buffers []hal.Buffer // room for the memory of args
}

// argument is a buffer of a step: an operand of the call or a window of one.
type argument struct {
	operand int // inputs, then results; scratchArgument for scratch
	shift   int // from the operand's first element to the window's
	field   int // of the offset, in values
	last    int // from the window's first element to the highest that it touches
}

const (
	scratchArgument = -1
	faultArgument   = -2
)

// run queues the program. hal.ErrUnsupported means that an operand lies where the
// program's 32-bit counts do not reach.
func (s *step) run(to Launcher, at []hal.Operand, work hal.Buffer) error {
	for i := range s.args {
		a := &s.args[i]
		if a.operand == scratchArgument {
			s.buffers[i] = work
			continue
		}
		if a.operand == faultArgument {
			s.buffers[i] = nil // the launcher has it
			continue
		}
		off := at[a.operand].Offset + a.shift
		if off+a.last > maxIndex {
			return hal.ErrUnsupported
		}
		s.buffers[i] = at[a.operand].Buf
		binary.LittleEndian.PutUint32(s.values[a.field:], uint32(off))
	}
	return to.Run(s.program, s.groups, s.buffers, s.values)
}

// launchOf is the launch of steps, one after the other.
func launchOf(steps []*step, work int, inPlace func(int, int) bool) hal.Launch {
	return hal.Launch{Work: work, InPlace: inPlace, Run: func(s hal.Stream, at []hal.Operand, work hal.Buffer) error {
		to, ok := s.(Launcher)
		if !ok {
			return fmt.Errorf("kernels: a %T runs no programs", s)
		}
		for _, st := range steps {
			if err := st.run(to, at, work); err != nil {
				return err
			}
		}
		return nil
	}}
}

// always is the InPlace of kernels that read all they need of an element before they
// write its results.
func always(int, int) bool { return true }

// window is an operand of a call, or a part of one, while the call is planned.
type window struct {
	hal.View     // Offset counts from the operand's first element
	operand  int // see argument
}

// windows are the operands of a call: inputs, then results.
func windows(c *hal.Call) []window {
	var list []window
	for _, views := range [][]hal.View{c.In, c.Out} {
		for _, v := range views {
			v.Offset = 0
			list = append(list, window{v, len(list)})
		}
	}
	return list
}

// argument says how a step reaches a window whose offset is at a place in its values.
func (w window) argument(field int) argument {
	a := argument{operand: w.operand, shift: w.Offset, field: field}
	if _, hi, err := shape.Extent(w.Shape, w.Strides, 0); err == nil && hi > 0 {
		a.last = hi - 1
	}
	return a
}
