package models_test

import (
	"math"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/optim"
)

// From the same weights and batches, 50 steps lose what they lose in PyTorch
// (testdata/torch/make.py), eager and compiled.
func TestTrainingCurvesAgreeWithPyTorch(t *testing.T) {
	f, err := safetensors.Open("testdata/torch/curves.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	dev, err := crease.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		lr    float64
		model func() (nn.Module, error)
	}{
		{"mlp", 1e-2, func() (nn.Module, error) {
			return nn.NewSequential(nn.NewLinear(10, 16), nn.Relu(), nn.NewLinear(16, 8), nn.Tanh(), nn.NewLinear(8, 4)), nil
		}},
		{"cnn", 5e-3, func() (nn.Module, error) {
			return nn.NewSequential(nn.NewConv2d(1, 4, 3, nn.ConvConfig{Pad: 1}).WithoutBias(), nn.NewBatchNorm2d(4), nn.Relu(), nn.NewMaxPool2d(2, nn.ConvConfig{}),
				nn.NewConv2d(4, 6, 3, nn.ConvConfig{}), nn.Relu(), nn.NewFlatten(), nn.NewLinear(24, 3)), nil
		}},
		{"resnet", 5e-3, func() (nn.Module, error) { return models.NewResNet(1, 3, 4, []int{1, 1}) }},
		{"lstm", 1e-2, func() (nn.Module, error) {
			return models.NewCharLSTM(models.LSTMConfig{Vocab: 11, Layers: 2, Dim: 8, Hidden: 12}, dev, nil)
		}},
		{"gpt", 3e-3, func() (nn.Module, error) {
			return models.NewGPT(models.GPTConfig{Vocab: 11, Context: 8, Layers: 2, Heads: 2, Dim: 16}, dev, nil)
		}},
	} {
		for _, mode := range []string{"eager", "compiled"} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				m, err := c.model()
				if err != nil {
					t.Fatal(err)
				}
				curve(t, f, c.name, m, c.lr, mode == "compiled")
			})
		}
	}
}

func curve(t *testing.T, f *safetensors.File, name string, m nn.Module, lr float64, compiled bool) {
	get := func(part string) *crease.Tensor {
		x, ok := f.Get(name + "/" + part)
		if !ok {
			t.Fatalf("there is no %s/%s", name, part)
		}
		return crease.FromHost(ops.Host{Spec: ops.Spec{DType: x.DType, Shape: x.Shape}, Data: x.Data})
	}
	if err := nn.Unpack(f, name+"/state.", nn.State(m), nn.Foreign(m)...); err != nil {
		t.Fatal(err)
	}
	opt := optim.NewAdamW(nn.Tensors(nn.Parameters(m)), optim.AdamConfig{LR: lr, WeightDecay: 0.1})
	step := func(in ...*crease.Tensor) []*crease.Tensor {
		y := m.Forward(in[0])
		loss := y.Reshape(-1, y.Dim(-1)).CrossEntropy(in[1].Flatten(0))
		loss.Backward()
		opt.Step()
		opt.ZeroGrad()
		return []*crease.Tensor{loss.Detach()}
	}
	if compiled {
		step = crease.Compile(step).Call
	}
	x, target := get("x"), get("target")
	want := get("losses").Floats()
	if !(want[len(want)-1] < 0.8*want[0]) {
		t.Fatalf("PyTorch did not learn: %v", want)
	}
	for k, w := range want {
		at := k % x.Dim(0)
		if got := step(x.Index(at), target.Index(at))[0].Item(); math.Abs(got-w) > 1e-3*w+1e-4 {
			t.Fatalf("step %d: loss %v, PyTorch has %v", k, got, w)
		}
	}
}
