package kernels

import (
	"encoding/binary"
	"fmt"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// step holds one program of a planned launch with everything but the memory: its values are
// laid out, with room for the offsets of its buffers. A launch consists of a few steps.
type step struct {
	program *Program
	groups  [3]int
	values  []byte
	args    []argument
	buffers []hal.Buffer // room for the memory of args
}

// argument says which operand of the call, or window of one, a buffer of a step is.
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

// run queues the program on the operands' memory. It returns hal.ErrUnsupported where an
// operand lies so far into its buffer that the program's 32-bit indices do not reach it.
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

// launchOf returns the launch that runs steps one after another.
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

// always is the InPlace function of kernels that read all that they need of an element before
// they write its result.
func always(int, int) bool { return true }

// window holds an operand of a call, or a part of one, while the call is planned.
type window struct {
	hal.View     // Offset counts from the operand's first element
	operand  int // see argument
}

// windows returns the operands of a call, first the inputs and then the results.
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

// argument returns the argument by which a step reaches the window. field is where the
// window's offset goes in the step's values.
func (w window) argument(field int) argument {
	a := argument{operand: w.operand, shift: w.Offset, field: field}
	if _, hi, err := shape.Extent(w.Shape, w.Strides, 0); err == nil && hi > 0 {
		a.last = hi - 1
	}
	return a
}
