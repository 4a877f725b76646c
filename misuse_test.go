package crease_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/optim"
)

// Whatever cannot be worked on at all, nil, zero, freed or elsewhere, is one typed error
// wherever it is given, which says what it is.
func TestUsageErrors(t *testing.T) {
	elsewhere, err := crease.Open("cpu/generic")
	if err != nil {
		t.Fatal(err)
	}
	x := crease.Ones([]int{2, 2})
	freed := crease.Ones([]int{2, 2})
	freed.Free()
	bad := map[string]*crease.Tensor{
		"is nil":             nil,
		"is the zero Tensor": {},
		"freed":              freed,
		"move one with To":   crease.Ones([]int{2, 2}, crease.On(elsewhere)),
	}
	double := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
		return []*crease.Tensor{in[0].Add(in[1])}
	})
	for says, y := range bad {
		for name, f := range map[string]func(){
			"right operand": func() { x.Add(y) },
			"apply":         func() { crease.Apply(ops.Add, nil, x, y) },
			"product":       func() { x.MatMul(y) },
			"where":         func() { crease.Apply(ops.Where, nil, x.Gt(x), x, y) },
			"assign":        func() { crease.Ones([]int{2, 2}).Assign(y) },
			"einsum":        func() { crease.Einsum("ij,jk", x, y) },
			"compiled":      func() { double.Call(x, y) },
			"apply into":    func() { crease.ApplyInto(ops.Add, nil, []*crease.Tensor{x, y}, []*crease.Tensor{x.Copy()}) },
		} {
			wantUsage(t, name+" of one that "+says, says, f)
		}
		if says == "move one with To" {
			continue
		}
		for name, f := range map[string]func(){
			"receiver": func() { y.Exp() },
			"data":     func() { crease.Data[float32](y) },
			"item":     func() { y.Sum().Item() },
			"detach":   func() { y.Detach() },
			"layer":    func() { nn.NewLinear(2, 2).Forward(y) },
		} {
			wantUsage(t, name+" that "+says, says, f)
		}
		if says == "freed" {
			continue // its shape and its place are known
		}
		for name, f := range map[string]func(){
			"shape": func() { y.Shape() }, "rank": func() { y.Rank() }, "len": func() { y.Len() }, "dtype": func() { y.DType() },
			"device": func() { y.Device() }, "grad": func() { y.Grad() }, "zero grad": func() { y.ZeroGrad() }, "to": func() { y.To(elsewhere) },
			"move": func() { y.Move(elsewhere) }, "free": func() { y.Free() }, "backward": func() { y.Backward() }, "keep": func() { y.Keep() },
			"require": func() { y.RequireGrad() }, "slice": func() { y.Slice(crease.At(0)) }, "cast": func() { y.Cast(x.DType()) },
			"optimiser": func() { optim.NewSGD([]*crease.Tensor{y}, optim.SGDConfig{LR: 1}) },
			"checkpoint": func() {
				sum := func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{in[0].Sum()} }
				(&crease.Checkpoint{F: sum, Params: []*crease.Tensor{y}}).Call(x.Copy().RequireGrad())
			},
			"on grad":   func() { crease.OnGrad(y, nil) },
			"set grad":  func() { crease.Ones([]int{2, 2}).RequireGrad().SetGrad(y) },
			"gradients": func() { crease.Grad([]*crease.Tensor{x.Sum()}, []*crease.Tensor{y}) },
		} {
			wantUsage(t, name+" of one that "+says, says, f)
		}
		if s := y.String(); !strings.HasPrefix(s, "<") {
			t.Errorf("a tensor that %s prints as %q", says, s)
		}
	}
	wantUsage(t, "a nil device", "the device is nil", func() { x.To(nil) })
	var none nn.Module
	for name, f := range map[string]func(m nn.Module){
		"parameters": func(m nn.Module) { nn.Parameters(m) },
		"call":       func(m nn.Module) { nn.Call(m, x) },
		"to":         func(m nn.Module) { nn.To(m, elsewhere) },
		"layers":     func(m nn.Module) { nn.NewSequential(m).Forward(x) },
		"hook":       func(m nn.Module) { nn.BeforeForward(m, nil) },
	} {
		wantUsage(t, name+" of no module", "the module is nil", func() { f(none) })
	}
	wantUsage(t, "a nil layer", "the module is a nil *nn.Linear", func() { nn.Parameters((*nn.Linear)(nil)) })
}

func wantUsage(t *testing.T, what, says string, f func()) {
	t.Helper()
	defer func() {
		if r := recover(); r != nil {
			t.Errorf("%s: a panic that Try lets go: %v", what, r)
		}
	}()
	var usage *ops.UsageError
	if err := crease.Try(f); !errors.As(err, &usage) || !ops.IsMisuse(err) || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %T %v, want a *ops.UsageError that says %q", what, err, err, says)
	}
}

// Errors of other packages are recognised by their method.
func TestMisuseOfOthers(t *testing.T) {
	var world = errors.New("no mistake of anybody")
	if err := crease.Try(func() { panic(mistake{}) }); !errors.Is(err, mistake{}) || !ops.IsMisuse(err) || ops.IsMisuse(world) {
		t.Errorf("%v", err)
	}
}

type mistake struct{}

func (mistake) Error() string { return "a mistake" }
func (mistake) Misuse()       {}
