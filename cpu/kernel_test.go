package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// devices are one device per level of this machine, on two threads.
func devices(t testing.TB) []*device {
	var out []*device
	for _, l := range levels() {
		if cpufeat.Available(l) {
			d := newDevice("cpu/"+l.String(), l, 2)
			t.Cleanup(func() { d.Close() })
			out = append(out, d)
		}
	}
	return out
}

// runKernel runs a kernel once.
func runKernel(d *device, k *hal.Kernel, c *hal.Call) error {
	s, err := d.NewStream()
	if err != nil {
		return err
	}
	return k.Do(s, c)
}

// checkKernels runs every kernel registered for the ops, alone, on every case
// and element type of their rows, and compares with the reference. Rows whose
// kernels take strided views get transposed and reversed operands too. It fails
// for an op that has no f32 kernel (no kernel at all where f32 is not defined).
func checkKernels(t *testing.T, list ...*ops.Op) {
	t.Helper()
	for _, d := range devices(t) {
		for _, op := range list {
			t.Run(d.Info().Name+"/"+op.Name, func(t *testing.T) {
				ran := 0
				for _, c := range op.Cases {
					for _, dt := range c.TypesIn(op) {
						ran += checkCase(t, d, op, c, dt)
					}
				}
				if ran == 0 {
					t.Errorf("no kernel of %s ran", op.Name)
				}
			})
		}
	}
}

func checkCase(t *testing.T, d *device, op *ops.Op, c ops.Case, dt dtype.Type) (ran int) {
	t.Helper()
	r := newRand(uint64(len(c.Name))<<8 + uint64(dt))
	in := make([]ops.Host, len(c.In))
	for i, a := range c.In {
		in[i] = a.Make(dt, r)
	}
	specs := make([]ops.Spec, len(in))
	for i, h := range in {
		specs[i] = h.Spec
	}
	outSpecs, err := op.Specs(c.Attrs, specs)
	if err != nil {
		return 0 // the conformance suite checks that cases are accepted
	}
	want := make([]ops.Host, len(outSpecs))
	for i, s := range outSpecs {
		want[i] = ops.NewHost(s)
	}
	op.Ref(c.Attrs, in, want)
	for _, layout := range []string{"dense", "strided"} {
		call := &hal.Call{Op: op.Name, Attrs: c.Attrs}
		for _, h := range in {
			v := place(t, d, h, layout == "strided")
			if op.Expr != nil {
				s, err := shape.BroadcastStrides(v.Shape, v.Strides, outSpecs[0].Shape)
				if err != nil {
					t.Fatal(err)
				}
				v.Shape, v.Strides = outSpecs[0].Shape, s
			}
			call.In = append(call.In, v)
		}
		for _, k := range d.Kernels().For(op.Name) {
			if k.Key.DType != dtype.Invalid && k.Key.DType != keyType(specs, outSpecs) {
				continue
			}
			call.Out = nil
			for _, s := range outSpecs {
				call.Out = append(call.Out, guarded(t, d, s))
			}
			if k.Key.Layout == hal.Dense && !call.Dense() || k.Accepts != nil && !k.Accepts(call) {
				continue
			}
			ran++
			name := fmt.Sprintf("%s case %q %s %s", k.Name, c.Name, dt, layout)
			if err := runKernel(d, k, call); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for i, v := range call.Out {
				compare(t, fmt.Sprintf("%s output %d", name, i), op, c.Attrs, specs, v, want[i])
			}
		}
		if len(in) == 0 {
			break
		}
	}
	return ran
}

// keyType is the type that kernels of the call are registered under.
func keyType(in, out []ops.Spec) dtype.Type {
	if len(in) > 0 {
		return in[0].DType
	}
	return out[0].DType
}

func newRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

// guardBytes are written around every operand and checked after the kernel.
const guardBytes = 64

// layoutOf is a view that is dense, or has its axes stored in reverse order and the
// first one backwards, with a guard before it.
func layoutOf(s ops.Spec, strided bool) hal.View {
	v := hal.View{DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape), Offset: guardBytes / s.DType.Size()}
	if strided && len(s.Shape) > 0 && s.Elements() > 0 {
		step := 1
		for i := range s.Shape {
			v.Strides[i] = step
			step *= s.Shape[i]
		}
		v.Offset += (s.Shape[0] - 1) * v.Strides[0]
		v.Strides[0] = -v.Strides[0]
	}
	return v
}

// place uploads an array between guards.
func place(t *testing.T, d *device, h ops.Host, strided bool) hal.View {
	t.Helper()
	n, v := h.Elements(), layoutOf(h.Spec, strided)
	buf, err := d.Alloc(n*h.DType.Size() + 2*guardBytes)
	if err != nil {
		t.Fatal(err)
	}
	v.Buf = buf
	b := hostdev.Bytes(buf)
	for i := range b {
		b[i] = 0xff
	}
	it := shape.NewIterator(v.Shape, v.Strides)
	size := h.DType.Size()
	for i := 0; it.Next(); i++ {
		at := (v.Offset + it.Offsets()[0]) * size
		copy(b[at:at+size], h.Data[i*size:(i+1)*size])
	}
	return v
}

// contents is the memory of a dense view.
func contents(v hal.View) []byte {
	size := v.DType.Size()
	return hostdev.Bytes(v.Buf)[v.Offset*size:][:v.Elements()*size]
}

// elements is the elements of a dense view.
func elements[T dtype.Element](v hal.View) []T { return dtype.Slice[T](contents(v)) }

func guarded(t *testing.T, d *device, s ops.Spec) hal.View {
	return place(t, d, ops.NewHost(s), false)
}

func compare(t *testing.T, name string, op *ops.Op, attrs any, in []ops.Spec, v hal.View, want ops.Host) {
	t.Helper()
	b := hostdev.Bytes(v.Buf)
	for i := range guardBytes {
		if b[i] != 0xff || b[len(b)-1-i] != 0xff {
			t.Errorf("%s: wrote outside its output", name)
			return
		}
	}
	if err := op.Check(attrs, in, ops.Host{Spec: want.Spec, Data: contents(v)}, want); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}
