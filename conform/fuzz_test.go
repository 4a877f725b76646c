package conform_test

import (
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// call is a random call of a row: a case of the table whose shapes, attributes and
// layouts have been changed by numbers from a source.
func call(r *rand.Rand) (op *ops.Op, attrs any, in []ops.Host) {
	list := ops.All()
	op = list[r.IntN(len(list))]
	c := op.Cases[r.IntN(len(op.Cases))]
	types := c.TypesIn(op)
	dt := types[r.IntN(len(types))]
	// One change of sizes for all operands keeps many calls valid.
	from, to := r.IntN(8), r.IntN(40)
	for _, a := range c.In {
		a.Shape = slices.Clone(a.Shape)
		for i, n := range a.Shape {
			if n == from {
				a.Shape[i] = to
			}
		}
		in = append(in, a.Make(dt, r))
	}
	attrs = c.Attrs
	if r.IntN(3) == 0 {
		attrs = mutated(attrs, r)
	}
	return op, attrs, in
}

// mutated is a copy of an attribute struct with one field changed.
func mutated(attrs any, r *rand.Rand) any {
	if attrs == nil || reflect.TypeOf(attrs).NumField() == 0 {
		return attrs
	}
	v := reflect.New(reflect.TypeOf(attrs)).Elem()
	v.Set(reflect.ValueOf(attrs))
	f := v.Field(r.IntN(v.NumField()))
	mutate(f, r)
	return v.Interface()
}

func mutate(f reflect.Value, r *rand.Rand) {
	switch f.Kind() {
	case reflect.Bool:
		f.SetBool(!f.Bool())
	case reflect.Int, reflect.Int64:
		f.SetInt(f.Int() + int64(r.IntN(7)) - 3)
	case reflect.Float64:
		f.SetFloat(f.Float() * (r.Float64() + 0.5))
	case reflect.Uint8: // an element type
		f.SetUint(uint64(r.IntN(16)))
	case reflect.Array:
		if f.Len() > 0 {
			mutate(f.Index(r.IntN(f.Len())), r)
		}
	case reflect.Slice:
		own := reflect.MakeSlice(f.Type(), f.Len(), f.Len()+1)
		reflect.Copy(own, f)
		switch n := own.Len(); {
		case n == 0 || r.IntN(8) == 0:
			own = reflect.Append(own, reflect.Zero(f.Type().Elem()))
		case r.IntN(8) == 0:
			own = own.Slice(0, n-1)
		default:
			mutate(own.Index(r.IntN(n)), r)
		}
		f.Set(own)
	}
}

// strided is the operand as a view of an array stored in another order: some axes
// backwards, or the axes in reverse. Which ones is decided by bits.
func strided(b ops.Builder, h ops.Host, bits uint32) ops.Value {
	rank := len(h.Shape)
	if rank == 0 || h.Elements() == 0 || bits&1 == 0 {
		return b.Const(h)
	}
	a := ops.SliceAttrs{Start: make([]int, rank), Count: h.Shape, Step: make([]int, rank)}
	p := ops.PermuteAttrs{Axes: make([]int, rank)}
	for i, n := range h.Shape {
		a.Step[i] = 1
		if bits>>(2+i)&1 == 1 {
			a.Start[i], a.Step[i] = n-1, -1
		}
		p.Axes[i] = i
	}
	if bits&2 == 2 {
		slices.Reverse(p.Axes)
	}
	// Both changes are their own inverse.
	host := ops.Interpreter{}
	stored := ops.Permute.With(host, p, ops.Slice.With(host, a, host.Const(h)))
	return ops.Slice.With(b, a, ops.Permute.With(b, p, b.Const(stored.(*ops.HostValue).Host)))
}

// checkCall compares the processor with the reference. Calls that the shape rule
// refuses are skipped: they must be refused with an error, not a panic of their
// own.
func checkCall(t *testing.T, e *exec.Engine, op *ops.Op, attrs any, in []ops.Host, bits uint32) (valid bool) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s %+v %v: panic: %v\n%s", op.Name, attrs, in, r, debug.Stack())
		}
	}()
	specs := make([]ops.Spec, len(in))
	for i, h := range in {
		specs[i] = h.Spec
	}
	outs, err := op.Specs(attrs, specs)
	if err != nil {
		return false
	}
	want := make([]ops.Host, len(outs))
	for i, s := range outs {
		want[i] = ops.NewHost(s)
	}
	refused := recovered(func() { op.Ref(attrs, in, want) })
	var got []ops.Host
	failed := recovered(func() {
		b, end := e.Begin()
		defer end()
		args := make([]ops.Value, len(in))
		for i, h := range in {
			args[i] = strided(b, h, bits>>i)
		}
		for _, v := range b.Apply(op, attrs, args...) {
			h, err := v.(*exec.Array).Host()
			if err != nil {
				panic(err)
			}
			got = append(got, h)
		}
	})
	switch {
	case refused != nil && failed != nil:
		return true // an index out of range, say
	case refused != nil || failed != nil:
		t.Errorf("%s %+v %v: the reference says %v, the device %v", op.Name, attrs, specs, refused, failed)
		return true
	}
	for i, w := range want {
		if err := op.CheckOn(e.Device().Info(), attrs, specs, got[i], w); err != nil {
			t.Error(err)
		}
	}
	return true
}

// recovered is the error that f panics with. Any other panic goes on.
func recovered(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			var ok bool
			if err, ok = r.(error); !ok || isRuntime(err) {
				panic(r)
			}
		}
	}()
	f()
	return nil
}

func isRuntime(err error) bool {
	_, ok := err.(interface{ RuntimeError() })
	return ok
}

func TestRandomCalls(t *testing.T) {
	for _, name := range []string{"cpu/avx512", "cpu/avx2", "cpu/generic"} {
		dev, err := hal.Open(name)
		if err != nil {
			continue
		}
		e, err := exec.On(dev)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(11, 12))
		valid := 0
		for range 4000 {
			op, attrs, in := call(r)
			if checkCall(t, e, op, attrs, in, r.Uint32()) {
				valid++
			}
		}
		if valid < 1000 {
			t.Errorf("%s: only %d of 4000 calls were valid", name, valid)
		}
	}
}

func FuzzCalls(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	dev, err := hal.Open("cpu")
	if err != nil {
		f.Fatal(err)
	}
	e, err := exec.On(dev)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		op, attrs, in := call(r)
		checkCall(t, e, op, attrs, in, r.Uint32())
	})
}

// unary are the elementwise rows of one float.
func unary() (list []*ops.Op) {
	for _, op := range ops.All() {
		if least, most := op.Arity(); op.Expr != nil && least == 1 && most == 1 && slices.Contains(op.Types, dtype.F32) {
			list = append(list, op)
		}
	}
	return list
}

// Any bytes as the elements of float operands: NaN with payloads, infinities and
// subnormals go through every elementwise row as through its reference.
func FuzzElements(f *testing.F) {
	f.Add([]byte{0, 0, 128, 127, 0, 0, 192, 255, 1, 0, 0, 0, 0, 0, 0, 128})
	dev, err := hal.Open("cpu")
	if err != nil {
		f.Fatal(err)
	}
	e, err := exec.On(dev)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h := ops.NewHost(ops.Spec{DType: dtype.F32, Shape: []int{len(b) / 4}})
		for i := range h.Elements() {
			binary.LittleEndian.PutUint32(h.Data[4*i:], binary.LittleEndian.Uint32(b[4*i:]))
		}
		for _, op := range unary() {
			checkCall(t, e, op, op.Cases[0].Attrs, []ops.Host{h}, 0)
		}
	})
}
