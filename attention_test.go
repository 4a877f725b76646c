package crease_test

import (
	"math"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// A mask of -Inf hides keys: the rest is as if they were not there, and a query that
// sees none is 0, as in PyTorch. Its gradient is that of what was added to the scores.
func TestAttentionMask(t *testing.T) {
	q, k, v := crease.Randn([]int{2, 3, 4}), crease.Randn([]int{2, 5, 4}), crease.Randn([]int{2, 5, 6})
	inf := float32(math.Inf(-1))
	mask := crease.From([]float32{0, 0, 0, inf, inf, 0, 0, 0, inf, inf, inf, inf, inf, inf, inf}, []int{3, 5})
	got := crease.Apply(ops.Attention, ops.AttentionAttrs{}, q, k, v, mask)
	want := crease.Apply(ops.Attention, ops.AttentionAttrs{}, q, k.Slice(crease.All(), crease.Span(0, 3)), v.Slice(crease.All(), crease.Span(0, 3)))[0].Floats()
	for i, y := range got[0].Floats() {
		if i/6%3 == 2 {
			if y != 0 {
				t.Errorf("element %d of a query without keys is %v", i, y)
			}
		} else if math.Abs(y-want[i]) > 1e-5 {
			t.Errorf("element %d is %v, want %v", i, y, want[i])
		}
	}
	for i, s := range got[1].Floats() {
		if math.IsInf(s, -1) != (i%3 == 2) {
			t.Errorf("query %d: the log of the sum is %v", i, s)
		}
	}
}

// Grouped causal queries: the fused gradient is that of the decomposed rule.
func TestAttentionGradients(t *testing.T) {
	attrs := ops.AttentionAttrs{Causal: true}
	leaves := func() []*crease.Tensor {
		crease.Seed(3)
		in := []*crease.Tensor{crease.Randn([]int{1, 4, 6, 8}), crease.Randn([]int{1, 2, 6, 8}), crease.Randn([]int{1, 2, 6, 8})}
		for _, x := range in {
			x.RequireGrad()
		}
		return in
	}
	fused := leaves()
	crease.Apply(ops.Attention, attrs, fused...)[0].Square().Mean().Backward()
	// With a gradient for the mask, the rule goes another way.
	split := leaves()
	mask := crease.Zeros([]int{6, 6}).RequireGrad()
	crease.Apply(ops.Attention, attrs, append(split, mask)...)[0].Square().Mean().Backward()
	for i := range fused {
		a, b := fused[i].Grad().Floats(), split[i].Grad().Floats()
		for j := range a {
			if math.Abs(a[j]-b[j]) > 1e-6 {
				t.Fatalf("input %d, element %d: %v fused, %v split", i, j, a[j], b[j])
			}
		}
	}
	rows := mask.Grad().Floats()
	for i := range 6 {
		sum, above := 0.0, 0.0
		for j := range 6 {
			sum += rows[i*6+j]
			if j > i {
				above += math.Abs(rows[i*6+j])
			}
		}
		// Adding the same to all scores changes nothing.
		if math.Abs(sum) > 1e-6 || above != 0 {
			t.Errorf("mask row %d has gradients %v", i, rows[i*6:i*6+6])
		}
	}
}
