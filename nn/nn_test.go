package nn_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
)

func near(t *testing.T, name string, got, want []float64) {
	t.Helper()
	for i := range want {
		if len(got) != len(want) || math.Abs(got[i]-want[i]) > 1e-5*max(1, math.Abs(want[i])) {
			t.Errorf("%s is %v, want %v", name, got, want)
			return
		}
	}
}

func TestNames(t *testing.T) {
	m := nn.NewSequential(
		nn.NewConv2d(1, 4, 3, nn.ConvConfig{Pad: 1}), nn.NewBatchNorm2d(4), nn.Relu(), nn.NewFlatten(),
		nn.NewResidual(nn.NewLinear(16, 16).WithoutBias(), nn.NewLayerNorm([]int{16})),
		nn.NewRMSNorm([]int{16}), nn.NewLinear(16, 3),
	)
	var names []string
	for _, n := range nn.State(m) {
		names = append(names, n.Name)
	}
	want := []string{
		"0.weight", "0.bias", "1.weight", "1.bias", "4.body.0.weight", "4.body.1.weight", "4.body.1.bias", "5.weight", "6.weight", "6.bias",
		"1.running_mean", "1.running_var",
	}
	if !slices.Equal(names, want) {
		t.Errorf("state is named\n%v, want\n%v", names, want)
	}
	if got, want := nn.Count(m), 4*9+4+4+4+256+16+16+16+48+3; got != want {
		t.Errorf("%d parameters, want %d", got, want)
	}
	y := m.Forward(crease.Randn([]int{2, 1, 2, 2}))
	if !slices.Equal(y.Shape(), []int{2, 3}) {
		t.Errorf("the result has shape %v", y.Shape())
	}
	y.Square().Mean().Backward()
	for _, p := range nn.Parameters(m) {
		if p.Tensor.Grad() == nil {
			t.Errorf("%s has no gradient", p.Name)
		}
	}
}

func TestBatchNormModes(t *testing.T) {
	l := nn.NewBatchNorm2d(1)
	x := crease.From([]float32{1, 2, 3, 6}, []int{2, 1, 1, 2})
	y := l.Forward(x).Floats() // mean 3, variance 3.5 (biased), 14/3 (unbiased)
	near(t, "normalised", y, []float64{-2 / math.Sqrt(3.50001), -1 / math.Sqrt(3.50001), 0, 3 / math.Sqrt(3.50001)})
	near(t, "running mean", l.RunningMean.Floats(), []float64{0.3})
	near(t, "running variance", l.RunningVar.Floats(), []float64{0.9 + 0.1*14/3})
	nn.Eval(l)
	scale := 1 / math.Sqrt(0.9+0.1*14/3+1e-5)
	near(t, "in evaluation", l.Forward(x).Floats(), []float64{0.7 * scale, 1.7 * scale, 2.7 * scale, 5.7 * scale})
	near(t, "running mean after evaluation", l.RunningMean.Floats(), []float64{0.3})
}

func TestDropoutModes(t *testing.T) {
	l := nn.NewDropout(0.25, crease.NewGenerator(5))
	x := crease.Ones([]int{4000})
	kept := 0
	for _, v := range l.Forward(x).Floats() {
		switch {
		case math.Abs(v-4.0/3) < 1e-6:
			kept++
		case v != 0:
			t.Fatalf("an element became %v", v)
		}
	}
	if math.Abs(float64(kept)/4000-0.75) > 0.04 {
		t.Errorf("%d of 4000 elements were kept", kept)
	}
	nn.Eval(nn.NewSequential(l))
	if l.Forward(x) != x {
		t.Error("evaluation drops")
	}
}

func TestInitialWeights(t *testing.T) {
	g := crease.NewGenerator(2)
	n, fan := 4000, 50
	for name, c := range map[string]struct {
		w   *crease.Tensor
		std float64
	}{
		"kaiming uniform": {nn.KaimingUniform([]int{n}, fan, math.Sqrt2, crease.By(g)), math.Sqrt(2.0 / 50)},
		"kaiming normal":  {nn.KaimingNormal([]int{n}, fan, math.Sqrt2, crease.By(g)), math.Sqrt(2.0 / 50)},
		"xavier uniform":  {nn.XavierUniform([]int{n}, fan, 30, 1, crease.By(g)), math.Sqrt(2.0 / 80)},
		"xavier normal":   {nn.XavierNormal([]int{n}, fan, 30, 1, crease.By(g)), math.Sqrt(2.0 / 80)},
		"linear":          {nn.NewLinear(fan, n/fan, crease.By(g)).Weight, 1 / math.Sqrt(3*50)},
	} {
		if got := c.w.Std(0).Item(); math.Abs(got/c.std-1) > 0.06 {
			t.Errorf("%s: deviation %v, want %v", name, got, c.std)
		}
	}
}

func Example() {
	model := nn.NewSequential(nn.NewLinear(2, 8), nn.Tanh(), nn.NewLinear(8, 1))
	fmt.Println(model.Forward(crease.Zeros([]int{5, 2})).Shape(), nn.Count(model))
	// Output: [5 1] 33
}

func TestRMSNorm(t *testing.T) {
	l := nn.NewRMSNorm([]int{2})
	l.Weight.Assign(crease.From([]float32{1, 2}, []int{2}))
	rms := math.Sqrt((9+16)/2.0 + 1e-5)
	near(t, "normalised", l.Forward(crease.From([]float32{3, 4}, []int{1, 2})).Floats(), []float64{3 / rms, 8 / rms})
}
