package conform_test

import (
	"errors"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Without kernels every op runs by its lowering and, at the bottom, by the
// reference: this proves both.
func TestToyDevice(t *testing.T) { conform.Run(t, newToy()) }

func TestToyDeviceWithoutFallback(t *testing.T) {
	dev := newToy()
	e, err := exec.On(dev)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Upload(ops.Scalar(dtype.F32, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		op       *ops.Op
		fallback exec.Fallback
		step     exec.Step
	}{
		{ops.Exp, exec.AllowLowering, exec.Reference},
		{ops.Exp, exec.KernelsOnly, exec.Reference},
		{ops.Mean, exec.KernelsOnly, exec.Lowered},
	} {
		func() {
			defer exec.SetFallback(exec.SetFallback(c.fallback))
			defer func() {
				err, _ := recover().(error)
				var refused *exec.FallbackError
				if !errors.As(err, &refused) || refused.Step != c.step {
					t.Errorf("%s under %v: %v", c.op.Name, c.fallback, err)
				}
			}()
			var attrs any
			if c.op == ops.Mean {
				attrs = ops.ReduceAttrs{}
			}
			e.Apply(c.op, attrs, x)
		}()
	}
}

// A kernel that is wrong, or writes where it should not, is found: the suite can
// fail.
func TestASuiteThatCannotFailProvesNothing(t *testing.T) {
	for name, run := range map[string]func(hal.Stream, *hal.Call) error{
		"wrong result": func(s hal.Stream, c *hal.Call) error {
			return s.Upload(c.Out[0].Buf, c.Out[0].Offset*4, make([]byte, 4*c.Out[0].Elements()))
		},
		"writes outside": func(s hal.Stream, c *hal.Call) error {
			return s.Upload(c.Out[0].Buf, (c.Out[0].Offset-1)*4, make([]byte, 4))
		},
		"changes its input": func(s hal.Stream, c *hal.Call) error {
			return s.Upload(c.In[0].Buf, c.In[0].Offset*4, make([]byte, 4))
		},
		"fails": func(hal.Stream, *hal.Call) error { return hal.ErrDeviceLost },
	} {
		dev := newToy()
		dev.Kernels().Add(&hal.Kernel{Key: hal.Key{Op: "exp", DType: dtype.F32, Layout: hal.Dense}, Name: "bad", Run: run})
		if conform.Passes(dev, ops.Exp) {
			t.Errorf("%s: the suite passed", name)
		}
	}
}

// A gradient that is wrong in the fifth digit is found, though no result of the row
// itself is.
func TestWrongGradientsAreFound(t *testing.T) {
	for factor, passes := range map[float64]bool{1: true, 1 + 8e-5: false} {
		dev := newToy()
		dev.Kernels().Add(&hal.Kernel{Key: hal.Key{Op: "softmax_grad", DType: dtype.F32, Layout: hal.Dense}, Name: "scaled",
			Run: func(s hal.Stream, c *hal.Call) error { return scaledReference(s, c, factor) }})
		if conform.Passes(dev, ops.Softmax) != passes {
			t.Errorf("a gradient of %v times what it should be: the suite passes it: %v", factor, !passes)
		}
	}
}

// scaledReference computes a call by its row's reference and multiplies the results.
func scaledReference(s hal.Stream, c *hal.Call, factor float64) error {
	hosts := func(views []hal.View) (out []ops.Host) {
		for _, v := range views {
			out = append(out, ops.NewHost(ops.Spec{DType: v.DType, Shape: v.Shape}))
		}
		return out
	}
	in, out := hosts(c.In), hosts(c.Out)
	for i, v := range c.In {
		if err := s.Download(in[i].Data, v.Buf, v.Offset*v.DType.Size()); err != nil {
			return err
		}
	}
	if err := s.Sync(); err != nil {
		return err
	}
	ops.Get(c.Op).Ref(c.Attrs, in, out)
	for i, v := range c.Out {
		for k := range out[i].Elements() {
			out[i].Set(k, factor*out[i].At(k))
		}
		if err := s.Upload(v.Buf, v.Offset*v.DType.Size(), out[i].Data); err != nil {
			return err
		}
	}
	return nil
}
