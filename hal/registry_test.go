package hal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

func noop(hal.Stream, *hal.Call) error { return nil }

func kernel(name string, t dtype.Type, l hal.Layout, priority int) *hal.Kernel {
	return &hal.Kernel{Key: hal.Key{Op: "add", DType: t, Layout: l}, Name: name, Priority: priority, Run: noop}
}

// call is an "add" of one input with the given strides over shape 2×3.
func call(t dtype.Type, strides ...int) *hal.Call {
	return &hal.Call{
		Op:  "add",
		In:  []hal.View{{DType: t, Shape: []int{2, 3}, Strides: strides}},
		Out: []hal.View{{DType: t, Shape: []int{2, 3}, Strides: []int{3, 1}}},
	}
}

func found(r *hal.Registry, c *hal.Call) string {
	if k := r.Find(c); k != nil {
		return k.Name
	}
	return ""
}

func TestFindPrefersDenseThenPriority(t *testing.T) {
	var r hal.Registry
	low, high := kernel("low", dtype.F32, hal.Dense, hal.Generic), kernel("high", dtype.F32, hal.Dense, hal.Native)
	anyStrides := kernel("strided", dtype.F32, hal.Strided, hal.Native+1)
	anyType := kernel("any", dtype.Invalid, hal.Strided, hal.Generic)
	r.Add(low, anyStrides, high, anyType)

	dense, strided := call(dtype.F32, 3, 1), call(dtype.F32, 1, 2)
	for _, step := range []struct {
		change func()
		c      *hal.Call
		want   string
	}{
		{func() {}, dense, "high"},
		{func() {}, strided, "strided"},
		{func() {}, call(dtype.F64, 3, 1), "any"},
		{func() { high.SetEnabled(false) }, dense, "low"},
		{func() { low.Accepts = func(c *hal.Call) bool { return c.In[0].Shape[0] > 2 } }, dense, "strided"},
		{func() { anyStrides.SetEnabled(false) }, dense, "any"},
		{func() { anyType.SetEnabled(false) }, strided, ""},
		{func() { high.SetEnabled(true) }, dense, "high"},
	} {
		step.change()
		if got := found(&r, step.c); got != step.want {
			t.Errorf("strides %v of %v: kernel %q, want %q", step.c.In[0].Strides, step.c.DType(), got, step.want)
		}
	}
	if got := found(&r, &hal.Call{Op: "mul", Out: dense.Out}); got != "" {
		t.Errorf("an op without kernels found %q", got)
	}
}

func TestStridedOutputIsNotDense(t *testing.T) {
	var r hal.Registry
	r.Add(kernel("dense", dtype.F32, hal.Dense, hal.Generic))
	c := call(dtype.F32, 3, 1)
	c.Out[0].Strides = []int{1, 2}
	if got := found(&r, c); got != "" {
		t.Errorf("kernel %q was chosen for a strided result", got)
	}
}

func TestCallWithoutInputsHasTheTypeOfItsResult(t *testing.T) {
	c := call(dtype.I16, 3, 1)
	c.In = nil
	if c.DType() != dtype.I16 {
		t.Errorf("the type is %v", c.DType())
	}
}

func TestRegistryLists(t *testing.T) {
	var r hal.Registry
	other := &hal.Kernel{Key: hal.Key{Op: "abs", DType: dtype.F32}, Name: "abs", Run: noop}
	r.Add(kernel("b", dtype.F32, hal.Dense, 0), kernel("a", dtype.F32, hal.Dense, 0), kernel("c", dtype.F32, hal.Dense, 5), other)
	var names []string
	for _, k := range r.All() {
		names = append(names, k.Name)
	}
	if want := []string{"abs", "c", "a", "b"}; !slices.Equal(names, want) {
		t.Errorf("All is %v, want %v", names, want)
	}
	list := r.For("add")
	list[0] = nil // the caller's own copy
	if k := r.For("add")[0]; k == nil || k.Name != "c" {
		t.Error("For does not give a copy with the best kernel first")
	}
}

func TestAddRefusesMistakes(t *testing.T) {
	for name, k := range map[string]*hal.Kernel{
		"needs an op":         {Name: "x", Run: noop},
		"a name":              {Key: hal.Key{Op: "add"}, Run: noop},
		"a Run function":      {Key: hal.Key{Op: "add"}, Name: "x"},
		"is registered twice": kernel("twice", dtype.F32, hal.Dense, 0),
	} {
		t.Run(name, func(t *testing.T) {
			var r hal.Registry
			r.Add(kernel("twice", dtype.F32, hal.Dense, 0))
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, name) {
					t.Errorf("the panic is %q", s)
				}
			}()
			r.Add(k)
		})
	}
}
