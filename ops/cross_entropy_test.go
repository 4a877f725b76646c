package ops

import (
	"math"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

// TestCrossEntropyByProbabilities computes the loss and its gradient from
// explicit probabilities p and targets q: -sum q log p and p - q.
func TestCrossEntropyByProbabilities(t *testing.T) {
	scores := [][]float64{{1, 2, 3}, {0.5, -1, 0}}
	classes := []int{2, 0}
	logits, err := HostOf([]int{2, 3}, append(append([]float64{}, scores[0]...), scores[1]...))
	if err != nil {
		t.Fatal(err)
	}
	target, err := HostOf([]int{2}, []int64{2, 0})
	if err != nil {
		t.Fatal(err)
	}
	for _, smoothing := range []float64{0, 0.1} {
		losses := make([]float64, 2)
		grads := []float64{}
		for i, row := range scores {
			z := math.Exp(row[0]) + math.Exp(row[1]) + math.Exp(row[2])
			for k, s := range row {
				p, q := math.Exp(s)/z, smoothing/3
				if k == classes[i] {
					q = 1 - smoothing + smoothing/3
				}
				losses[i] -= q * math.Log(p)
				grads = append(grads, p-q)
			}
		}
		total := losses[0] + losses[1]
		for reduction, want := range map[string][]float64{"mean": {total / 2}, "sum": {total}, "none": losses} {
			a := CrossEntropyAttrs{Reduction: reduction, LabelSmoothing: smoothing}
			loss := refOf(t, CrossEntropy, a, logits, target)[0]
			wantValues(t, reduction, loss, want...)
			d := NewHost(loss.Spec)
			for i := range d.Elements() {
				d.Set(i, 2)
			}
			factor := 2.0
			if reduction == "mean" {
				factor = 1
			}
			scaled := make([]float64, len(grads))
			for i, g := range grads {
				scaled[i] = factor * g
			}
			wantValues(t, reduction+" gradient", refOf(t, CrossEntropyGrad, a, d, logits, target)[0], scaled...)
		}
	}
}

func TestCrossEntropyRefusesTarget(t *testing.T) {
	logits := ramp(t, 0, 1, 2, 3)
	target, err := HostOf([]int{2}, []int64{0, 3})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		err, ok := recover().(*AttrError)
		if !ok || !strings.Contains(err.Error(), "index 3 at position 1 is none of the 3 classes") {
			t.Errorf("class out of range: %v", err)
		}
	}()
	refOf(t, CrossEntropy, CrossEntropyAttrs{Reduction: "mean"}, logits, target)
}

func TestCrossEntropyRefusesSpecs(t *testing.T) {
	logits := Spec{dtype.F32, []int{2, 3}}
	target := Spec{dtype.I64, []int{2}}
	for _, c := range []struct {
		a              CrossEntropyAttrs
		logits, target Spec
		rule           string
	}{
		{CrossEntropyAttrs{Reduction: "avg", LabelSmoothing: 0}, logits, target, "reduction"},
		{CrossEntropyAttrs{Reduction: "mean", LabelSmoothing: 1.5}, logits, target, "label_smoothing"},
		{CrossEntropyAttrs{Reduction: "mean", LabelSmoothing: 0}, Spec{dtype.F32, []int{3}}, target, "rank 2"},
		{CrossEntropyAttrs{Reduction: "mean", LabelSmoothing: 0}, logits, Spec{dtype.F32, []int{2}}, "i64 or i32"},
		{CrossEntropyAttrs{Reduction: "mean", LabelSmoothing: 0}, logits, Spec{dtype.I64, []int{3}}, "one class per sample"},
		{CrossEntropyAttrs{Reduction: "mean", LabelSmoothing: 0}, Spec{dtype.F32, []int{0, 3}}, Spec{dtype.I64, []int{0}}, "empty"},
	} {
		_, err := CrossEntropy.Specs(c.a, []Spec{c.logits, c.target})
		if err == nil || !strings.Contains(err.Error(), c.rule) {
			t.Errorf("error %v does not say %q", err, c.rule)
		}
	}
}
