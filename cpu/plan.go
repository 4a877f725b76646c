package cpu

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/internal/cpufeat"
)

// task is a call that a kernel has planned. run computes it, on the memory that the
// operands of the call have by then and on scratch. A task runs on one goroutine at a
// time, so it keeps what it needs between runs, the functions that threads call above
// all, and a run allocates nothing.
type task struct {
	run  func(work []byte) error
	work int // bytes of scratch
	// inPlace (optional) is hal.Launch.InPlace.
	inPlace func(result, input int) bool
}

// planner plans a call, which it may keep.
type planner func(c *call) task

// always is the inPlace of kernels whose results depend, element by element, on the
// elements of operands in the same place.
func always(int, int) bool { return true }

// pair is a result and an input that it may be written over.
type pair struct{ result, input int }

// over is the inPlace of kernels that work in place for some pairs only.
func over(pairs ...pair) func(result, input int) bool {
	return func(result, input int) bool { return slices.Contains(pairs, pair{result, input}) }
}

// families is what adds kernels to a new device.
var families []func(*device)

// declare adds a kernel file's kernels to every device; init functions call it.
func declare(f func(*device)) { families = append(families, f) }

// add registers a kernel. accepts may be nil.
func (d *device) add(op string, t dtype.Type, l hal.Layout, priority int, accepts func(*hal.Call) bool, f planner) {
	d.Kernels().Add(&hal.Kernel{
		Key: hal.Key{Op: op, DType: t, Layout: l}, Name: d.kernelName(op, t, l), Priority: priority, Accepts: accepts,
		Plan: func(c *hal.Call) (hal.Launch, error) { return launch(f, c), nil },
	})
}

// launch plans a call and runs it on memory.
func launch(f planner, c *hal.Call) hal.Launch {
	own := &call{op: c.Op, attrs: c.Attrs, in: make([]operand, len(c.In)), out: make([]operand, len(c.Out))}
	for i, v := range c.In {
		own.in[i] = newOperand(v)
	}
	for i, v := range c.Out {
		own.out[i] = newOperand(v)
	}
	t := f(own)
	return hal.Launch{Work: t.work, InPlace: t.inPlace, Run: func(_ hal.Stream, at []hal.Operand, work hal.Buffer) error {
		for i := range own.in {
			own.in[i].mem, own.in[i].Offset = hostdev.Bytes(at[i].Buf), at[i].Offset
		}
		at = at[len(own.in):]
		for i := range own.out {
			own.out[i].mem, own.out[i].Offset = hostdev.Bytes(at[i].Buf), at[i].Offset
		}
		if t.work == 0 {
			return t.run(nil)
		}
		return t.run(hostdev.Bytes(work)[:t.work])
	}}
}

func (d *device) kernelName(op string, t dtype.Type, l hal.Layout) string {
	name := op
	if t != dtype.Invalid {
		name += "_" + t.String()
	}
	if l != hal.Dense {
		name += "_strided"
	}
	return name + "_" + d.level.String()
}

// priority: what is built on assembly for this level is native.
func (d *device) priority(t dtype.Type) int {
	if d.level != cpufeat.Generic && t == dtype.F32 {
		return hal.Native
	}
	return hal.Generic
}

// addDense registers a kernel for dense views.
func (d *device) addDense(op string, t dtype.Type, f planner) {
	d.add(op, t, hal.Dense, d.priority(t), nil, f)
}

// addFloats registers a kernel of f32 for dense views and, by way of f32, for the 16-bit
// floats: their operands are widened in scratch, the f32 kernel runs, and results are
// rounded once.
func (d *device) addFloats(op string, f planner) {
	d.addDense(op, dtype.F32, f)
	for _, t := range halves {
		d.addDense(op, t, d.widened(f))
	}
}

var halves = []dtype.Type{dtype.F16, dtype.BF16}

// widened plans a kernel of f32 on 16-bit operands.
func (d *device) widened(f planner) planner {
	return func(c *call) task {
		wide := &call{op: c.op, attrs: c.attrs}
		var in, out []*conversion
		size := 0
		widen := func(from []operand, list *[]*conversion) (to []operand) {
			to = make([]operand, len(from))
			for i := range from {
				to[i] = from[i]
				if t := from[i].DType; t != dtype.F16 && t != dtype.BF16 {
					continue
				}
				to[i].DType, to[i].bytes = dtype.F32, 4*from[i].n
				*list = append(*list, &conversion{d: d, narrow: &from[i], wide: &to[i], at: size})
				size += aligned(to[i].bytes)
			}
			return to
		}
		wide.in, wide.out = widen(c.in, &in), widen(c.out, &out)
		for _, v := range append(in, out...) {
			v.body = v.convert
		}
		inner := f(wide)
		inPlace := func(result, input int) bool {
			// Narrow results are written when all narrow inputs have been read.
			return wide.out[result].DType != c.out[result].DType || inner.inPlace != nil && inner.inPlace(result, input)
		}
		return task{work: size + inner.work, inPlace: inPlace, run: func(work []byte) error {
			for i := range wide.in {
				wide.in[i].mem, wide.in[i].Offset = c.in[i].mem, c.in[i].Offset
			}
			for i := range wide.out {
				wide.out[i].mem, wide.out[i].Offset = c.out[i].mem, c.out[i].Offset
			}
			for _, v := range in {
				v.place(work)
				v.run(true)
			}
			for _, v := range out {
				v.place(work)
			}
			if err := inner.run(work[size:]); err != nil {
				return err
			}
			for _, v := range out {
				v.run(false)
			}
			return nil
		}}
	}
}

// conversion is a dense 16-bit operand and its f32 form, in scratch.
type conversion struct {
	d            *device
	narrow, wide *operand
	at           int // in scratch
	widening     bool
	body         func(lo, hi int)
}

func (v *conversion) place(work []byte) { v.wide.mem, v.wide.Offset = work[v.at:], 0 }

// run converts from one to the other.
func (v *conversion) run(widening bool) {
	v.widening = widening
	v.d.chunks(v.wide.n, grain, v.body)
}

func (v *conversion) convert(lo, hi int) {
	to, from := v.wide, v.narrow
	if !v.widening {
		to, from = from, to
	}
	a, b := to.DType.Size(), from.DType.Size()
	dtype.Convert(to.memory()[lo*a:hi*a], to.DType, from.memory()[lo*b:hi*b], from.DType)
}
