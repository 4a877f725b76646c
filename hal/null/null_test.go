package null_test

import (
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal/null"
	"github.com/crease-ml/crease/nn"
)

// A plan: what a training step of a large model would need, without having it.
func TestPlansWithoutMemory(t *testing.T) {
	d := null.New("null")
	dev, err := crease.Wrap(d)
	if err != nil {
		t.Fatal(err)
	}
	model := nn.NewSequential(nn.NewLinear(20000, 20000, crease.On(dev)), nn.Relu(), nn.NewLinear(20000, 10, crease.On(dev)))
	weights := d.Memory().InUse
	if want := nn.Count(model) * 4; weights < want || weights > want*5/4 {
		t.Errorf("the weights take %d bytes, want about %d", weights, want)
	}
	crease.Tidy(func() []*crease.Tensor {
		x, y := crease.Zeros([]int{64, 20000}, crease.On(dev)), crease.From(make([]int64, 64), nil, crease.On(dev))
		model.Forward(x).CrossEntropy(y).Backward()
		return nil
	})
	if grown := d.Memory().InUse - weights; grown < nn.Count(model)*4 {
		t.Errorf("with gradients %d bytes more are in use", grown)
	}
	count := map[string]int{}
	for _, c := range d.Calls() {
		count[c.Op]++
	}
	if count["linear"] != 2 || count["cross_entropy_grad"] != 1 || count["matmul"] != 3 {
		t.Errorf("the step called %v", count)
	}
	if err := crease.Try(func() { crease.Zeros([]int{1}, crease.On(dev)).Item() }); err == nil {
		t.Error("the null device gave a number")
	}
}

func TestDriver(t *testing.T) {
	if _, err := crease.Open("null"); err != nil {
		t.Error(err)
	}
	if _, err := crease.Open("null:1"); err == nil {
		t.Error("null:1 was opened")
	}
	if d, err := crease.Open("auto"); err != nil || d.Info().Kind == "null" {
		t.Errorf("auto chose %v (%v)", d, err)
	}
}
