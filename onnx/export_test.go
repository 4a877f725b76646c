package onnx

import (
	"cmp"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/npy"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/ops"
)

// python is the program of an environment variable, if it has a module.
func python(t *testing.T, variable, module string) string {
	t.Helper()
	path := cmp.Or(os.Getenv(variable), os.Getenv("CREASE_PYTHON"), "python3")
	if err := exec.Command(path, "-c", "import "+module).Run(); err != nil {
		t.Skipf("%s has no %s: %s names a Python that does", path, module, variable)
	}
	return path
}

func near(t *testing.T, got, want ops.Host, tolerance float64) {
	t.Helper()
	if !got.Spec.Equal(want.Spec) {
		t.Fatalf("got %v, want %v", got.Spec, want.Spec)
	}
	for i := range want.Elements() {
		if g, w := got.At(i), want.At(i); !(math.Abs(g-w) <= tolerance*(1+math.Abs(w))) {
			t.Fatalf("element %d is %v, want %v", i, g, w)
		}
	}
}

func cpu(t *testing.T) *crease.Device {
	t.Helper()
	dev, err := crease.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	return dev
}

// roundTrip writes a model, reads it and compares what it does with y.
func roundTrip(t *testing.T, m *Model, y ops.Host, in ...*crease.Tensor) *Session {
	t.Helper()
	read, err := Decode(m.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSession(read, in[0].Device())
	if err != nil {
		t.Fatal(err)
	}
	args := make([]Value, len(in))
	for i, x := range in {
		args[i] = Of(x)
	}
	for _, call := range []func(...Value) ([]Value, error){s.Run, s.RunCompiled} {
		out, err := call(args...)
		if err != nil {
			t.Fatal(err)
		}
		near(t, out[0].Tensor.Host(), y, 1e-4)
	}
	return s
}

func modules(dev *crease.Device) map[string]struct {
	m nn.Module
	x *crease.Tensor
} {
	g := crease.NewGenerator(3, crease.On(dev))
	on, by := crease.On(dev), crease.By(g)
	type pair = struct {
		m nn.Module
		x *crease.Tensor
	}
	return map[string]pair{
		"mlp": {nn.NewSequential(nn.NewLinear(8, 16, on, by), nn.Gelu(), nn.NewLayerNorm([]int{16}, on), nn.NewLinear(16, 3, on, by), nn.LogSoftmax(-1)), crease.Randn([]int{4, 8}, on, by)},
		"cnn": {nn.NewSequential(
			nn.NewConv2d(2, 4, 3, nn.ConvConfig{Pad: 1}, on, by), nn.NewBatchNorm2d(4, on), nn.Relu(), nn.NewMaxPool2d(2, nn.ConvConfig{}),
			nn.NewConv2d(4, 6, 3, nn.ConvConfig{Stride: 2}, on, by), nn.Silu(), nn.NewGlobalAvgPool2d(), nn.NewFlatten(), nn.NewLinear(6, 5, on, by),
		), crease.Randn([]int{2, 2, 12, 12}, on, by)},
		"up": {nn.NewSequential(nn.NewConvTranspose2d(3, 4, 3, 1, nn.ConvConfig{Stride: 2, Pad: 1}, on, by), nn.Tanh(), nn.NewAvgPool2d(2, nn.ConvConfig{})), crease.Randn([]int{1, 3, 5, 5}, on, by)},
	}
}

func TestExportModules(t *testing.T) {
	dev := cpu(t)
	for name, c := range modules(dev) {
		t.Run(name, func(t *testing.T) {
			nn.Eval(c.m)
			m, err := Export(c.m, c.x)
			if err != nil {
				t.Fatal(err)
			}
			var y ops.Host
			crease.NoGrad(func() { y = c.m.Forward(c.x).Host() })
			roundTrip(t, m, y, c.x)
			for _, n := range nn.Parameters(c.m) {
				if m.main.inits[n.Name] == nil {
					t.Errorf("the parameter %s is not in the model", n.Name)
				}
			}
		})
	}
}

func TestExportFunctions(t *testing.T) {
	dev := cpu(t)
	on := crease.On(dev)
	x := crease.Rand([]int{3, 4}, on, crease.By(crease.NewGenerator(5, on))).AddScalar(0.5)
	w := crease.Randn([]int{3, 4}, on, crease.By(crease.NewGenerator(6, on)))
	for name, f := range map[string]func(in ...*crease.Tensor) []*crease.Tensor{
		"arithmetic": func(in ...*crease.Tensor) []*crease.Tensor {
			return []*crease.Tensor{in[0].Mul(in[1]).Sub(in[0].Sqrt()).Div(in[1].Abs().AddScalar(1)).Max(in[0]).Mod(in[0].AddScalar(0.3))}
		},
		"functions": func(in ...*crease.Tensor) []*crease.Tensor {
			return []*crease.Tensor{in[0].Log1p().Add(in[0].Expm1()).Add(in[0].Rsqrt()).Add(in[0].Log2()).Add(in[1].Trunc()).Add(in[1].Exp2()).Add(in[1].GeluTanh()).Add(in[1].Erf())}
		},
		"shapes": func(in ...*crease.Tensor) []*crease.Tensor {
			a := in[0].T().Slice(crease.Span(3, crease.Omit, -2), crease.Span(0, 2)).Pad([]int{1, 0}, []int{0, 2}, 7)
			return []*crease.Tensor{crease.Concat(1, a, in[1].Reshape(3, 4).Expand(2, 3, 4).Sum(0).Narrow(0, 0, 3))}
		},
		"reductions": func(in ...*crease.Tensor) []*crease.Tensor {
			return []*crease.Tensor{in[0].MeanKeep(1).Add(in[1].Amax(0)).Add(in[0].LogSumExp(0)).Add(in[0].Softmax(1)).Add(in[1].Var(1, 0)).Mul(in[0].Argmax(1).Cast(dtype.F32).Reshape(3, 1))}
		},
		"attention": func(in ...*crease.Tensor) []*crease.Tensor {
			q := crease.Apply(ops.Attention, ops.AttentionAttrs{Causal: true}, in[0].Reshape(1, 3, 4), in[1].Reshape(1, 3, 4), in[0].Reshape(1, 3, 4))
			return []*crease.Tensor{q[0]}
		},
		"choices": func(in ...*crease.Tensor) []*crease.Tensor {
			return []*crease.Tensor{crease.Where(in[0].Gt(in[1]), in[0], in[1].Clamp(-0.5, 0.5)).LeakyRelu(0.2).Add(in[1].Ne(in[0]).Cast(dtype.F32))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := ExportFunc(f, x, w)
			if err != nil {
				t.Fatal(err)
			}
			y := f(x, w)[0].Host()
			roundTrip(t, m, y, x, w)
			judged(t, m, y, x, w)
		})
	}
	_, err := ExportFunc(func(in ...*crease.Tensor) []*crease.Tensor {
		return []*crease.Tensor{crease.Apply(ops.Window, ops.WindowAttrs{Axes: []int{1}, Size: []int{2}}, in[0])[0]}
	}, x)
	var failed *ExportError
	if !errors.As(err, &failed) || len(failed.Rows) != 1 {
		t.Errorf("a row without an operator: %v", err)
	}
	_, err = ExportFunc(func(in ...*crease.Tensor) []*crease.Tensor {
		w.Assign(in[0])
		return in
	}, x)
	if !errors.As(err, &failed) {
		t.Errorf("an assignment: %v", err)
	}
}

// judged compares with ONNX Runtime.
func judged(t *testing.T, m *Model, want ops.Host, in ...*crease.Tensor) {
	t.Helper()
	py := python(t, "CREASE_PYTHON_ONNXRUNTIME", "onnxruntime")
	dir := t.TempDir()
	args := []string{filepath.Join("testdata", "judge.py"), filepath.Join(dir, "m.onnx")}
	if err := os.WriteFile(args[1], m.Marshal(), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, x := range in {
		args = append(args, filepath.Join(dir, string(rune('a'+i))+".npy"))
		if err := npy.WriteFile(args[len(args)-1], x.Host()); err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(dir, "y.npy")
	if text, err := exec.Command(py, append(args, out)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	got, err := npy.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	near(t, got, want, 1e-4)
}

func TestONNXRuntime(t *testing.T) {
	python(t, "CREASE_PYTHON_ONNXRUNTIME", "onnxruntime")
	for name, c := range modules(cpu(t)) {
		t.Run(name, func(t *testing.T) {
			nn.Eval(c.m)
			m, err := Export(c.m, c.x)
			if err != nil {
				t.Fatal(err)
			}
			var y ops.Host
			crease.NoGrad(func() { y = c.m.Forward(c.x).Host() })
			judged(t, m, y, c.x)
		})
	}
}

// Models of PyTorch do here what they do there, and again when they were written anew.
func TestPyTorchModels(t *testing.T) {
	py := python(t, "CREASE_PYTHON_TORCH", "torch")
	dir := t.TempDir()
	if text, err := exec.Command(py, filepath.Join("testdata", "models.py"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	dev := cpu(t)
	for _, name := range []string{"lenet", "resnet18", "gpt"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, name+".onnx")
			again := filepath.Join(dir, name+"_again.onnx")
			x, err := npy.ReadFile(filepath.Join(dir, name+"_x.npy"))
			if err != nil {
				t.Fatal(err)
			}
			y, err := npy.ReadFile(filepath.Join(dir, name+"_y.npy"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{path, again} {
				m, err := Load(file)
				if err != nil {
					t.Fatal(err)
				}
				defer m.Close()
				s, err := NewSession(m, dev)
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				in := Of(crease.FromHost(x, crease.On(dev)))
				for _, call := range []func(...Value) ([]Value, error){s.Run, s.RunCompiled} {
					out, err := call(in)
					if err != nil {
						t.Fatal(err)
					}
					near(t, out[0].Tensor.Host(), y, 1e-3)
				}
				if file == again {
					continue
				}
				if err := m.Write(again, External); err != nil {
					t.Fatal(err)
				}
				// And as a function of crease, written as a model.
				written, err := ExportFunc(func(in ...*crease.Tensor) []*crease.Tensor { return s.apply(in...) }, in.Tensor)
				if err != nil {
					t.Fatal(err)
				}
				roundTrip(t, written, y, in.Tensor)
			}
		})
	}
}

// apply is the session as a function of tensors that is being recorded.
func (s *Session) apply(in ...*crease.Tensor) []*crease.Tensor {
	f := s.frame(true)
	values := map[string]ops.Value{}
	for i, d := range s.Model.Inputs() {
		values[d.Name] = &dense{t: in[i], from: inputBit(i)}
	}
	var made []*crease.Tensor
	for _, v := range f.run(values) {
		f.give(v, nil, &made)
	}
	return made
}
