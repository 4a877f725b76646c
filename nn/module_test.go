package nn_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/nn"
	_ "github.com/crease-ml/crease/opencl"
	"github.com/crease-ml/crease/optim"
)

func everywhere(t *testing.T, f func(t *testing.T, d *crease.Device)) {
	for _, name := range []string{"cpu", "cpu/generic", "opencl"} {
		t.Run(name, func(t *testing.T) {
			d, err := crease.Wrap(conform.Open(t, name))
			if err != nil {
				t.Fatal(err)
			}
			f(t, d)
		})
	}
}

// forgetful names only what a test tells it to.
type forgetful struct {
	Weight *crease.Tensor
	List   []nn.Module
	inner  map[string]*nn.Linear
	Other  nn.Module `nn:"-"`
	visit  func(v *nn.Visitor)
}

func (f *forgetful) Forward(x *crease.Tensor) *crease.Tensor { return x }
func (f *forgetful) Visit(v *nn.Visitor)                     { f.visit(v) }

// What Visit forgets, and names given twice, are found at first use.
func TestVisitIsChecked(t *testing.T) {
	w := crease.Ones([]int{2}).RequireGrad()
	l := nn.NewLinear(2, 2)
	for name, c := range map[string]struct {
		m    *forgetful
		says string
	}{
		"a parameter":       {&forgetful{Weight: w, visit: func(*nn.Visitor) {}}, "Weight"},
		"a module":          {&forgetful{List: []nn.Module{nn.Relu(), l}, visit: func(*nn.Visitor) {}}, "List[1]"},
		"an unexported one": {&forgetful{inner: map[string]*nn.Linear{"a": l}, visit: func(*nn.Visitor) {}}, "inner[a]"},
		"a name twice": {&forgetful{visit: func(v *nn.Visitor) {
			v.Param("w", w)
			v.Param("w", crease.Ones([]int{1}))
		}}, `w"`},
		"somebody else's": {&forgetful{Other: l, visit: func(*nn.Visitor) {}}, ""},
		"a constant":      {&forgetful{Weight: crease.Ones([]int{2}), visit: func(*nn.Visitor) {}}, ""},
	} {
		for use, f := range map[string]func(){
			"parameters": func() { nn.Parameters(nn.NewSequential(c.m)) }, "mode": func() { nn.Eval(c.m) }, "state": func() { nn.State(c.m) },
		} {
			err := crease.Try(f)
			var bad *nn.ModuleError
			if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &bad) || !strings.Contains(bad.Reason, c.says)) {
				t.Errorf("%s, %s: %v", name, use, err)
			}
		}
	}
}

// Weights that layers share are one parameter: counted once, stepped once, and
// loaded from a file with either of their names.
func TestTiedWeights(t *testing.T) {
	a, b := nn.NewLinear(3, 3).WithoutBias(), nn.NewLinear(3, 3).WithoutBias()
	b.Weight = a.Weight
	m := nn.NewSequential(a, b)
	if n := nn.Count(m); n != 9 || len(nn.Parameters(m)) != 1 || len(nn.State(m)) != 1 {
		t.Errorf("%d numbers in %d parameters, %d tensors", n, len(nn.Parameters(m)), len(nn.State(m)))
	}
	once := optim.NewSGD([]*crease.Tensor{a.Weight, b.Weight}, optim.SGDConfig{LR: 1})
	before := a.Weight.Floats()
	a.Weight.Sum().Backward()
	once.Step()
	if after := a.Weight.Floats(); fmt.Sprintf("%.4f", before[0]-after[0]) != "1.0000" {
		t.Errorf("a step of 1 went from %v to %v", before[0], after[0])
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	h := crease.Full([]int{3, 3}, 5).Host()
	if err := safetensors.Save(path, []safetensors.Tensor{{Name: "1.weight", DType: h.DType, Shape: h.Shape, Data: h.Data}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := nn.Load(path, m); err != nil || a.Weight.Floats()[0] != 5 {
		t.Errorf("loading one name gives %v and %v", err, a.Weight)
	}
}

// A state_dict of PyTorch with a batch norm, which counts its batches.
func TestLoadTorchBatchNorm(t *testing.T) {
	everywhere(t, func(t *testing.T, d *crease.Device) {
		on := crease.On(d)
		m := nn.NewSequential(nn.NewConv2d(1, 2, 3, nn.ConvConfig{}, on), nn.NewBatchNorm2d(2, on))
		if err := nn.Load("testdata/torch_batchnorm.safetensors", m); err != nil {
			t.Fatal(err)
		}
		if y := m.Forward(crease.Ones([]int{1, 1, 4, 4}, on)); y.Len() != 8 {
			t.Errorf("the result is %s", y.Spec())
		}
	})
}

// Batch norm of 16-bit floats, and a layer in f32 on 16-bit input: values of the same layer in f64.
func TestBatchNormOfHalves(t *testing.T) {
	everywhere(t, func(t *testing.T, d *crease.Device) {
		on := crease.On(d)
		x := crease.Randn([]int{4, 3, 5, 5}, on).MulScalar(3).AddScalar(100)
		for _, of := range []dtype.Type{dtype.F16, dtype.BF16} {
			half := x.Cast(of)
			for _, l := range []*nn.BatchNorm2d{nn.NewBatchNorm2d(3, on, crease.As(of)), nn.NewBatchNorm2d(3, on)} {
				want := nn.NewBatchNorm2d(3, on)
				exact := want.Forward(half.Cast(dtype.F32)).Floats()
				y := l.Forward(half)
				if y.DType() != of || l.RunningVar.DType() != dtype.F32 {
					t.Errorf("%s gives %s and statistics in %s", of, y.DType(), l.RunningVar.DType())
				}
				for i, v := range y.Floats() {
					if d := v - exact[i]; d > 0.02 || d < -0.02 {
						t.Errorf("%s: element %d is %v, want %v", of, i, v, exact[i])
						break
					}
				}
				for i, v := range l.RunningVar.Floats() {
					if d := v/want.RunningVar.Floats()[i] - 1; d > 1e-5 || d < -1e-5 {
						t.Errorf("%s: the running variance %v, want %v", of, v, want.RunningVar.Floats()[i])
					}
				}
				nn.Eval(l)
				if err := crease.Try(func() { l.Forward(half).Host() }); err != nil {
					t.Errorf("evaluation of %s: %v", of, err)
				}
			}
		}
	})
}

// The options of Load: what fits, with a report, and other element types.
func TestLoadOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := nn.Save(path, nn.NewSequential(nn.NewLinear(2, 3), nn.NewLinear(3, 4))); err != nil {
		t.Fatal(err)
	}
	half := nn.NewSequential(nn.NewLinear(2, 3, crease.As(dtype.F16)), nn.NewLinear(3, 4, crease.As(dtype.F16)))
	var differs *nn.StateError
	if err := nn.Load(path, half); !errors.As(err, &differs) || len(differs.Wrong) != 4 {
		t.Errorf("f32 into f16: %v", err)
	}
	if err := nn.Load(path, half, nn.Casting()); err != nil {
		t.Errorf("f32 cast to f16: %v", err)
	}
	other := nn.NewSequential(nn.NewLinear(2, 3), nn.NewLinear(3, 5), nn.NewLinear(5, 1))
	was := other.Layers[1].(*nn.Linear).Weight.Floats()
	var report nn.StateError
	if err := nn.Load(path, other, nn.Partial(&report)); err != nil {
		t.Fatal(err)
	}
	if len(report.Missing) != 2 || len(report.Wrong) != 2 || len(report.Unexpected) != 0 {
		t.Errorf("the report is %+v", report)
	}
	if fmt.Sprint(was) != fmt.Sprint(other.Layers[1].(*nn.Linear).Weight.Floats()) {
		t.Error("a layer of another shape was changed")
	}
	first := nn.NewSequential(nn.NewLinear(2, 3))
	if err := nn.Load(path, first, nn.Partial(&report)); err != nil || len(report.Unexpected) != 2 {
		t.Errorf("%v, %+v", err, report)
	}
	if fmt.Sprint(first.Layers[0].(*nn.Linear).Weight.Floats()) != fmt.Sprint(other.Layers[0].(*nn.Linear).Weight.Floats()) {
		t.Error("two loads of one layer differ")
	}
}

// Moving a module moves the tensors that an optimiser has.
func TestModuleTo(t *testing.T) {
	everywhere(t, func(t *testing.T, d *crease.Device) {
		m := nn.NewSequential(nn.NewLinear(2, 3), nn.NewBatchNorm2d(3))
		w := m.Layers[0].(*nn.Linear).Weight
		before := w.Floats()
		opt := optim.NewSGD(nn.Tensors(nn.Parameters(nn.To(m, d))), optim.SGDConfig{LR: 0.1})
		for _, n := range nn.State(m) {
			if n.Tensor.Device() != d {
				t.Errorf("%s is on %s", n.Name, n.Tensor.Device().Name())
			}
		}
		if fmt.Sprint(before) != fmt.Sprint(w.Floats()) || !w.RequiresGrad() {
			t.Error("the weight is not the same any more")
		}
		m.Forward(crease.Ones([]int{4, 2}, crease.On(d))).Square().Sum().Backward()
		opt.Step()
	})
}
