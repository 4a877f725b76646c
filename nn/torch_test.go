package nn_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/ops"
)

// torchLayers are layers with their twins in testdata/torch/make.py, where the
// settings stand.
func torchLayers() map[string]nn.Module {
	none := nn.ConvConfig{}
	attention := nn.AttentionConfig{Dim: 8, Heads: 2}
	block := nn.BlockConfig{Dim: 8, Heads: 2, Hidden: 12}
	deep := nn.RecurrentConfig{Layers: 2, Bidirectional: true}
	with := func(c nn.BlockConfig, f func(*nn.BlockConfig)) nn.Module {
		f(&c)
		return nn.NewTransformerBlock(c)
	}
	causal := attention
	causal.Causal, causal.NoBias = true, true
	m := map[string]nn.Module{
		"linear": nn.NewLinear(5, 3), "embedding": nn.NewEmbedding(7, 4),
		"conv2d":           nn.NewConv2d(4, 6, 3, nn.ConvConfig{Stride: 2, Pad: 1, Groups: 2}),
		"conv1d":           nn.NewConv1d(4, 6, 3, nn.ConvConfig{Stride: 2, Pad: 2, Dilation: 2, Groups: 2}),
		"conv_transpose1d": nn.NewConvTranspose1d(4, 6, 3, 2, nn.ConvConfig{Stride: 3, Pad: 1, Groups: 2}),
		"conv_transpose2d": nn.NewConvTranspose2d(4, 6, 3, 1, nn.ConvConfig{Stride: 2, Pad: 1, Dilation: 2, Groups: 2}),
		"batch_norm":       nn.NewBatchNorm2d(3), "batch_norm_eval": nn.NewBatchNorm2d(3),
		"layer_norm": nn.NewLayerNorm([]int{3, 4}), "rms_norm": nn.NewRMSNorm([]int{6}), "group_norm": nn.NewGroupNorm(2, 6),
		"instance_norm": nn.NewInstanceNorm(3, false), "instance_norm_affine": nn.NewInstanceNorm(3, true),
		"prelu": nn.NewPRelu(1), "prelu_channels": nn.NewPRelu(4),
		"max_pool1d": nn.NewMaxPool1d(3, nn.ConvConfig{Stride: 2, Pad: 1}), "avg_pool1d": nn.NewAvgPool1d(2, none),
		"upsample": nn.NewUpsample(3), "upsample_bilinear": nn.NewUpsampleLinear(2, false),
		"upsample_bilinear_corners": nn.NewUpsampleLinear(3, true), "upsample_linear": nn.NewUpsampleLinear(4, false),
		"adaptive_avg_pool2d": nn.NewAdaptiveAvgPool(3, 2), "adaptive_avg_pool1d": nn.NewAdaptiveAvgPool(4), "adaptive_max_pool2d": nn.NewAdaptiveMaxPool(3, 2),
		"attention": nn.NewMultiHeadAttention(attention), "attention_causal": nn.NewMultiHeadAttention(causal),
		"attention_cross": nn.NewMultiHeadAttention(attention), "attention_masked": nn.NewMultiHeadAttention(attention),
		"attention_grouped": nn.NewMultiHeadAttention(nn.AttentionConfig{Dim: 16, Heads: 4, KVHeads: 2, Causal: true, Rotary: nn.NewRotary(4, 9, 1e4)}),
		"block_pre":         with(block, func(*nn.BlockConfig) {}),
		"block_post":        with(block, func(c *nn.BlockConfig) { c.PostNorm, c.Act = true, "relu" }),
		"block_no_bias":     with(block, func(c *nn.BlockConfig) { c.NoBias, c.Causal = true, true }),
		"block_cross":       with(block, func(c *nn.BlockConfig) { c.PostNorm, c.Act, c.Causal, c.Cross = true, "relu", true, true }),
		"block_swiglu":      with(block, func(c *nn.BlockConfig) { c.NoBias, c.RMS, c.Act = true, true, "swiglu" }),
		"lstm":              nn.NewLSTM(3, 4, nn.RecurrentConfig{Layers: 2}), "lstm_packed": nn.NewLSTM(3, 4, deep),
		"gru": nn.NewGRU(3, 4, nn.RecurrentConfig{}), "gru_packed": nn.NewGRU(3, 4, deep),
		"rnn": nn.NewRNN(3, 4, "tanh", deep), "rnn_relu": nn.NewRNN(3, 4, "relu", nn.RecurrentConfig{}),
	}
	for name, a := range map[string]nn.Module{
		"relu": nn.Relu(), "gelu": nn.Gelu(), "gelu_tanh": nn.GeluTanh(), "silu": nn.Silu(), "sigmoid": nn.Sigmoid(), "tanh": nn.Tanh(),
		"leaky_relu": nn.LeakyRelu(0.1), "softmax": nn.Softmax(1), "log_softmax": nn.LogSoftmax(1), "hard_tanh": nn.HardTanh(-1, 1), "relu6": nn.Relu6(),
		"elu": nn.Elu(0.7), "celu": nn.Celu(0.7), "selu": nn.Selu(), "softplus": nn.Softplus(2, 10), "log_sigmoid": nn.LogSigmoid(), "softsign": nn.Softsign(),
		"mish": nn.Mish(), "hard_sigmoid": nn.HardSigmoid(), "hard_swish": nn.HardSwish(), "tanh_shrink": nn.TanhShrink(), "soft_shrink": nn.SoftShrink(0.4),
		"hard_shrink": nn.HardShrink(0.4), "threshold": nn.Threshold(0.2, -3), "glu": nn.Glu(1),
	} {
		m["act."+name] = a
	}
	return m
}

// State dictionaries of PyTorch's layers load, and the layers give their outputs,
// their gradients and, for batch normalisation, their running statistics; eager and
// compiled.
func TestLayersAgreeWithPyTorch(t *testing.T) {
	f, err := safetensors.Open("testdata/torch/layers.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	layers := torchLayers()
	for _, x := range f.Tensors() {
		if name, ok := strings.CutSuffix(x.Name, "/x"); ok && layers[name] == nil {
			t.Errorf("%s of PyTorch has no twin", name)
		}
	}
	for name, m := range layers {
		t.Run(name, func(t *testing.T) { torchLayer(t, f, name, m) })
	}
}

func torchLayer(t *testing.T, f *safetensors.File, name string, m nn.Module) {
	get := func(part string) *crease.Tensor {
		x, ok := f.Get(name + "/" + part)
		if !ok {
			return nil
		}
		return crease.FromHost(ops.Host{Spec: ops.Spec{DType: x.DType, Shape: x.Shape}, Data: x.Data})
	}
	if name == "batch_norm_eval" {
		nn.Eval(m)
	}
	run := func(in *crease.Tensor) []*crease.Tensor {
		switch m := m.(type) {
		case *nn.MultiHeadAttention:
			return []*crease.Tensor{m.Attend(in, nn.Attending{Source: get("source"), Mask: get("mask")})}
		case *nn.TransformerBlock:
			return []*crease.Tensor{m.Run(in, nn.Attending{Source: get("source")})}
		case *nn.Recurrent:
			var state []*crease.Tensor
			if h := get("h0"); h != nil {
				state = []*crease.Tensor{h, get("c0")}
			}
			y, last := m.Run(in, state, get("lengths"))
			return append([]*crease.Tensor{y}, last...)
		}
		return []*crease.Tensor{nn.Call(m, in)}
	}
	params := nn.Parameters(m)
	step := func(in ...*crease.Tensor) []*crease.Tensor {
		x, wrt := in[0], nn.Tensors(params)
		if x.DType().IsFloat() {
			x = x.Detach().RequireGrad()
			wrt = append(wrt, x)
		}
		y := run(x)
		if len(wrt) == 0 {
			return y
		}
		var seeds []*crease.Tensor
		for i := range y {
			seeds = append(seeds, get(numbered("d", i)))
		}
		return append(y, crease.Grad(y, wrt, crease.Seeds(seeds...))...)
	}
	for _, mode := range []string{"eager", "compiled"} {
		if err := nn.Unpack(f, name+"/state.", nn.State(m), nn.Foreign(m)...); err != nil {
			t.Fatal(err)
		}
		call := step
		if mode == "compiled" {
			call = crease.Compile(step).Call
		}
		out := call(get("x"))
		check := func(what string, got, want *crease.Tensor) {
			if want == nil {
				t.Fatalf("%s: no %s in the file", mode, what)
			}
			if !slices.Equal(got.Shape(), want.Shape()) {
				t.Errorf("%s: %s has shape %v, want %v", mode, what, got.Shape(), want.Shape())
				return
			}
			a, b := got.Floats(), want.Floats()
			for i := range a {
				if !(math.Abs(a[i]-b[i]) <= 2e-5*max(1, math.Abs(b[i]))) {
					t.Errorf("%s: element %d of %s is %v, want %v", mode, i, what, a[i], b[i])
					return
				}
			}
		}
		n := 0
		for ; get(numbered("y", n)) != nil; n++ {
			check(numbered("y", n), out[n], get(numbered("y", n)))
		}
		if n == 0 {
			t.Fatal("no result to compare with")
		}
		out = out[n:]
		for _, p := range params {
			check("the gradient of "+p.Name, out[0], get("grad."+p.Name))
			out = out[1:]
		}
		if len(out) > 0 {
			check("the gradient of x", out[0], get("grad.x"))
		}
		for _, b := range nn.Buffers(m) {
			check(b.Name, b.Tensor, get("after."+b.Name))
		}
	}
}

func numbered(name string, i int) string {
	if i == 0 {
		return name
	}
	return fmt.Sprint(name, i)
}
