package crease

import (
	"fmt"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Tensor is an n-dimensional array of one element type on one device. Inside a
// function that is being compiled it stands for a value of the graph and holds
// no numbers.
type Tensor struct {
	v     *autograd.Var
	dev   *Device
	scope *Scope  // that will free it
	at    int     // place in the scope's list
	grad  *Tensor // the handle of v's gradient
	own   autograd.Var
}

// newTensor wraps a variable.
func newTensor(v *autograd.Var, dev *Device) *Tensor {
	t := &Tensor{v: v, dev: dev}
	t.join(state())
	return t
}

// wrap is newTensor of a value that needs no gradient.
func wrap(v ops.Value, dev *Device, l *local) *Tensor {
	t := &Tensor{dev: dev}
	t.v = &t.own
	t.own.Init(v)
	t.join(l)
	return t
}

// handle is the tensor's variable. It panics with a *ops.UsageError for a tensor that no
// function of the package made; op names what was asked for.
func (t *Tensor) handle(op string) *autograd.Var {
	if t == nil || t.v == nil {
		t.misused(op) // apart, so that this is inlined
	}
	return t.v
}

func (t *Tensor) misused(op string) {
	panic(&ops.UsageError{Op: op, Reason: "the tensor " + t.missing()})
}

// missing says what is wrong with a tensor that no function of the package made.
func (t *Tensor) missing() string {
	if t == nil {
		return "is nil"
	}
	return "is the zero Tensor, which holds nothing: make one with crease.Zeros or another function"
}

// Shape is the size of every axis; it must not be changed.
func (t *Tensor) Shape() []int { return t.handle("shape").Spec().Shape }

// Dim is the size of an axis; negative axes count from the end.
func (t *Tensor) Dim(axis int) int { return t.Shape()[t.axis("dim", axis)] }

// Rank is the number of axes.
func (t *Tensor) Rank() int { return len(t.Shape()) }

// Len is the number of elements.
func (t *Tensor) Len() int { return t.handle("len").Spec().Elements() }

// DType is the element type.
func (t *Tensor) DType() dtype.Type { return t.handle("dtype").Spec().DType }

// Device is where the tensor lives.
func (t *Tensor) Device() *Device {
	t.handle("device")
	return t.dev
}

// Spec is the element type and the shape.
func (t *Tensor) Spec() ops.Spec { return t.handle("spec").Spec() }

func (t *Tensor) axis(op string, axis int) int {
	a, err := shape.Axis(axis, t.Rank())
	if err != nil {
		panic(&ops.ShapeError{Op: op, In: []ops.Spec{t.Spec()}, Rule: err.Error()})
	}
	return a
}

// array is the memory of an eager tensor. It panics for one without numbers.
func (t *Tensor) array(op string) *exec.Array {
	switch v := t.handle(op).Value().(type) {
	case *exec.Array:
		if v.Released() {
			panic(&ops.UsageError{Op: op, Reason: "the tensor " + t.Spec().String() + " has been freed: Keep it, or return it from the Tidy it was made in"})
		}
		return v
	case *graph.Value:
		panic(&ops.UsageError{Op: op, Reason: "the tensor " + t.Spec().String() + " belongs to a function being compiled and has no numbers: return it, and read it after the call"})
	}
	panic(&ops.UsageError{Op: op, Reason: fmt.Sprintf("the tensor holds a %T", t.v.Value())})
}

// Free gives the tensor's memory back as soon as nothing else shares it.
// Freeing twice is a no-op; using a freed tensor panics.
func (t *Tensor) Free() {
	t.handle("free")
	t.release()
	t.leave() // no scope needs to
}

func (t *Tensor) release() {
	if a, ok := t.v.Value().(*exec.Array); ok {
		a.Release()
	}
}

// promote casts the first input to what the row converts it to, and the inputs that the
// row promotes where their element types differ.
func promote(op *ops.Op, in []*Tensor) []*Tensor {
	wantTensors(op.Name, in)
	if op.Converts != nil && len(in) > 0 {
		if to := op.Converts(in[0].DType()); to != in[0].DType() {
			in = append([]*Tensor{in[0].Cast(to)}, in[1:]...)
		}
	}
	first, ok := op.Promotes.First()
	if !ok || len(in) < first+2 {
		return in
	}
	same := true
	for _, t := range in[first:] {
		same = same && t.DType() == in[first].DType()
	}
	if same {
		return in
	}
	types := make([]dtype.Type, len(in)-first)
	for i, t := range in[first:] {
		types[i] = t.DType()
	}
	common, err := dtype.Promote(types...)
	if err != nil {
		panic(&ops.DTypeError{Op: op.Name, In: ops.SpecsOf(in), Rule: err.Error()})
	}
	out := append([]*Tensor{}, in...)
	for i := first; i < len(in); i++ {
		out[i] = in[i].Cast(common)
	}
	return out
}

// wantTensors panics with a *ops.UsageError where an input is nil or the zero Tensor.
func wantTensors(op string, in []*Tensor) {
	for i, t := range in {
		if t == nil || t.v == nil {
			panic(&ops.UsageError{Op: op, Reason: fmt.Sprintf("input %d %s", i, t.missing())})
		}
	}
}

// Cast converts the elements, rounding to nearest; to its own type it is the
// tensor itself.
func (t *Tensor) Cast(to dtype.Type) *Tensor {
	if to == t.DType() {
		return t
	}
	var room [1]*Tensor // not by apply1, which promotes by casts
	return apply(state(), ops.Cast, ops.CastAttrs{DType: to}, []*Tensor{t}, room[:0])[0]
}

// To copies the tensor to another device; on its own device it is the tensor
// itself. Gradients flow back to where the tensor is.
func (t *Tensor) To(d *Device) *Tensor {
	t.handle("to")
	if d == nil {
		panic(&ops.UsageError{Op: "to", Reason: "the device is nil"})
	}
	if d == t.dev {
		return t
	}
	if tr := tracing(); tr != nil {
		panic(tr.fail("a tensor was moved from %s to %s in a function compiled for %s: move it before the call", t.dev, d, tr.dev))
	}
	y := fromHost(t.Host(), d)
	if t.v.RequiresGrad() && recording() {
		autograd.Record(transfer, transferAttrs{t.dev}, []*autograd.Var{t.v}, []*autograd.Var{y.v})
	}
	return y
}

// transfer is the op that To records. It is no row of the table: no device computes it.
var transfer = &ops.Op{Name: "to", Moves: true}

type transferAttrs struct{ from *Device }

func init() {
	transfer.Grad = func(g *ops.GradCall) []ops.Value {
		return []ops.Value{g.Attrs.(transferAttrs).from.fetch(g.D[0])}
	}
}

// fetch copies a gradient to the device; one that is recorded itself goes on being.
func (d *Device) fetch(v ops.Value) ops.Value {
	if x, ok := v.(*autograd.Var); ok {
		y := autograd.Constant(d.fetch(x.Value()))
		if x.RequiresGrad() {
			away, err := Wrap(x.Value().(*exec.Array).Device())
			if err != nil {
				panic(err)
			}
			autograd.Record(transfer, transferAttrs{away}, []*autograd.Var{x}, []*autograd.Var{y})
		}
		return y
	}
	h, err := v.(*exec.Array).Host()
	if err != nil {
		panic(err)
	}
	a, err := d.engine.Upload(h)
	if err != nil {
		panic(err)
	}
	return a
}

// Copy is a tensor of its own with the same elements, dense in memory.
func (t *Tensor) Copy() *Tensor { return apply1(ops.Copy, nil, t) }

// Host copies the elements to host memory, waiting for the work that makes them.
func (t *Tensor) Host() ops.Host {
	if tr := tracing(); tr != nil {
		panic(tr.fail("the elements of %s were read inside a function that is being compiled, where the graph would keep them for every call: return the tensor and read it after the call, or compute with it as a tensor", t.Spec()))
	}
	h, err := t.array("host").Host()
	if err != nil {
		panic(err)
	}
	return h
}

// Data copies the elements to a Go slice in row-major order. T must be the Go
// type of the element type (float32 for f32, int64 for i64, bool for bool ...).
func Data[T dtype.Element](t *Tensor) []T {
	if want := dtype.Of[T](); want != t.DType() {
		panic(&ops.DTypeError{Op: "data", In: []ops.Spec{t.Spec()}, Rule: "is not made of " + want.String() + ": Cast it first"})
	}
	return dtype.Slice[T](t.Host().Data)
}

// Floats copies the elements to float64, whatever their type.
func (t *Tensor) Floats() []float64 { return t.Host().Float64s() }

// Item is the value of a tensor of one element.
func (t *Tensor) Item() float64 {
	if t.Len() != 1 {
		panic(&ops.ShapeError{Op: "item", In: []ops.Spec{t.Spec()}, Rule: "needs a tensor of exactly one element"})
	}
	return t.Host().At(0)
}

// fromHost uploads an array, or makes it a constant of the graph being recorded.
func fromHost(h ops.Host, d *Device) *Tensor {
	l := state()
	if tr := l.tracing(); tr != nil {
		if n, err := shape.Bytes(h.DType, h.Shape); err != nil || n != len(h.Data) {
			panic(&ops.ShapeError{Op: "upload", In: []ops.Spec{h.Spec}, Rule: fmt.Sprintf("takes %d bytes, the array has %d", n, len(h.Data))})
		}
		return wrap(tr.g.Const(h), tr.dev, l)
	}
	a, err := d.engine.Upload(h)
	if err != nil {
		panic(err)
	}
	return wrap(a, d, l)
}

// Move takes the elements to another device and makes the tensor one of that device: whoever
// holds it, as layers and optimisers do, holds the moved one. It stays a leaf that gradients
// flow to if it was one, and its accumulated gradient is dropped. A tensor that was computed
// from others by recorded ops is a *ops.GradError; move the leaves, or use To.
func (t *Tensor) Move(d *Device) {
	t.handle("move")
	if d == nil {
		panic(&ops.UsageError{Op: "move", Reason: "the device is nil"})
	}
	if d == t.dev {
		return
	}
	if tr := tracing(); tr != nil {
		panic(tr.fail("a tensor was moved from %s to %s in a function that is being compiled: move it before the call", t.dev, d))
	}
	if !t.v.Leaf() {
		panic(&ops.GradError{Reason: "the tensor was computed from others that require a gradient: move those, or use To"})
	}
	old := t.array("move")
	h, err := old.Host()
	if err != nil {
		panic(err)
	}
	a, err := d.engine.Upload(h)
	if err != nil {
		panic(err)
	}
	v, err := autograd.NewVar(a, t.v.RequiresGrad())
	if err != nil {
		panic(err)
	}
	t.ZeroGrad()
	t.v, t.dev = v, d
	old.Release()
}
