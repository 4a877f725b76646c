package cpu

import (
	"fmt"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Every way a convolution is computed (long rows, plain packing, one tap, one
// channel per group, strides) is met by some of these shapes.
func TestConvGeometries(t *testing.T) {
	devs := devices(t)
	r := newRand(99)
	for i := range 30 {
		a := ops.ConvAttrs{Stride: [2]int{1 + r.IntN(3), 1 + r.IntN(3)}, Dilation: [2]int{1 + r.IntN(2), 1 + r.IntN(2)}, Pad: [4]int{r.IntN(4), r.IntN(4), r.IntN(4), r.IntN(4)}, Groups: 1 + r.IntN(3)}
		if i%2 == 0 {
			a.Stride = [2]int{1, 1}
		}
		if i%5 == 0 {
			a.Pad = [4]int{}
		}
		kh, kw := 1+r.IntN(4), 1+r.IntN(4)
		if i%7 == 0 {
			kh, kw = 1, 1
		}
		x := []int{1 + r.IntN(10), a.Groups * (1 + r.IntN(3)), 1 + r.IntN(22), 1 + r.IntN(22)}
		w := []int{a.Groups * (1 + r.IntN(4)), x[1] / a.Groups, kh, kw}
		outs, err := ops.Conv2d.Specs(a, []ops.Spec{{DType: dtype.F32, Shape: x}, {DType: dtype.F32, Shape: w}})
		if err != nil {
			continue
		}
		y := outs[0].Shape
		for _, dt := range []dtype.Type{dtype.F32, dtype.F64, dtype.BF16} {
			againstRef(t, devs, ops.Conv2d, a, dt, ops.Arg{Shape: x}, ops.Arg{Shape: w}, ops.Arg{Shape: []int{w[0]}})
			againstRef(t, devs, ops.Conv2dGradInput, ops.ConvGradAttrs{ConvAttrs: a, InShape: x}, dt, ops.Arg{Shape: y}, ops.Arg{Shape: w})
			againstRef(t, devs, ops.Conv2dGradWeight, ops.ConvWeightAttrs{ConvAttrs: a, WShape: w}, dt, ops.Arg{Shape: y}, ops.Arg{Shape: x})
		}
	}
}

// againstRef runs the kernel that dispatch picks on operands whose axes lie in
// memory in several orders, and compares with the reference. Kernels for dense
// views see the dense order only.
func againstRef(t *testing.T, devs []*device, op *ops.Op, attrs any, dt dtype.Type, args ...ops.Arg) {
	t.Helper()
	for _, d := range devs {
		for perm := range 4 {
			var in []ops.Host
			var specs []ops.Spec
			call := &hal.Call{Op: op.Name, Attrs: attrs}
			for i, a := range args {
				h := a.Make(dt, newRand(uint64(i+7)))
				in = append(in, h)
				specs = append(specs, h.Spec)
				order := make([]int, len(h.Shape))
				for j := range order {
					order[j] = j
				}
				n := len(order)
				switch {
				case perm == 1 && n >= 2:
					order[n-1], order[n-2] = order[n-2], order[n-1]
				case perm == 2:
					for j := range order {
						order[j] = n - 1 - j
					}
				case perm == 3 && n >= 3:
					order[n-2], order[n-3] = order[n-3], order[n-2]
				}
				v := hal.View{DType: h.DType, Shape: h.Shape, Strides: make([]int, n)}
				step := 1
				for j := n - 1; j >= 0; j-- {
					v.Strides[order[j]] = step
					step *= max(h.Shape[order[j]], 1)
				}
				buf, err := d.Alloc(h.Elements() * h.DType.Size())
				if err != nil {
					t.Fatal(err)
				}
				defer buf.Free()
				v.Buf = buf
				it := shape.NewIterator(v.Shape, v.Strides)
				sz := h.DType.Size()
				for k := 0; it.Next(); k++ {
					copy(hostdev.Bytes(buf)[it.Offsets()[0]*sz:][:sz], h.Data[k*sz:(k+1)*sz])
				}
				call.In = append(call.In, v)
			}
			outs, err := op.Specs(attrs, specs)
			if err != nil {
				t.Fatal(op.Name, specs, err)
			}
			want := make([]ops.Host, len(outs))
			for i, s := range outs {
				want[i] = ops.NewHost(s)
				call.Out = append(call.Out, guarded(t, d, s))
			}
			k := d.Kernels().Find(call)
			if k == nil {
				if perm == 0 {
					t.Errorf("no kernel for %s %v", op.Name, specs)
				}
				continue
			}
			op.Ref(attrs, in, want)
			if err := runKernel(d, k, call); err != nil {
				t.Fatal(err)
			}
			for i, v := range call.Out {
				compare(t, fmt.Sprintf("%s %v %v order %d output %d", op.Name, attrs, specs, perm, i), op, attrs, specs, v, want[i])
			}
		}
	}
}
