package conform_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// call is a random call of a row: a case of the table whose shapes have been
// changed by numbers from a source.
func call(r *rand.Rand) (op *ops.Op, attrs any, in []ops.Host) {
	list := ops.All()
	op = list[r.IntN(len(list))]
	c := op.Cases[r.IntN(len(op.Cases))]
	types := c.Types
	if types == nil {
		types = op.Types
	}
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
	return op, c.Attrs, in
}

// checkCall compares the processor with the reference. Calls that the shape rule
// refuses are skipped: they must be refused with an error, not a panic of their
// own.
func checkCall(t *testing.T, e *exec.Engine, op *ops.Op, attrs any, in []ops.Host) (valid bool) {
	t.Helper()
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
			args[i] = b.Const(h)
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
		if err := op.Check(attrs, specs, got[i], w); err != nil {
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
			if checkCall(t, e, op, attrs, in) {
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
		op, attrs, in := call(rand.New(rand.NewPCG(a, b)))
		checkCall(t, e, op, attrs, in)
	})
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
		for _, op := range []*ops.Op{ops.Neg, ops.Abs, ops.Sqrt, ops.Relu, ops.Floor, ops.IsNaN, ops.Sign} {
			checkCall(t, e, op, nil, []ops.Host{h})
		}
	})
}
