package conformance

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/onnx"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Bounds of the judgement.
const (
	absolute = 1e-7
	relative = 1e-3
)

// difference says what is wrong with a result, "" for nothing, and how large the largest
// relative error is.
func difference(got, want onnx.Data) (string, float64) {
	switch {
	case got.IsList != want.IsList:
		return "one is a sequence, the other is not", 0
	case got.IsList:
		if len(got.Sequence) != len(want.Sequence) {
			return fmt.Sprintf("%d elements, want %d", len(got.Sequence), len(want.Sequence)), 0
		}
		worst := 0.0
		for i := range want.Sequence {
			why, e := difference(got.Sequence[i], want.Sequence[i])
			if worst = max(worst, e); why != "" {
				return fmt.Sprintf("element %d: %s", i, why), worst
			}
		}
		return "", worst
	case got.Elem != want.Elem:
		return fmt.Sprintf("type %v, want %v", got.Elem, want.Elem), 0
	case !shape.Equal(got.Host.Shape, want.Host.Shape):
		return fmt.Sprintf("shape %s, want %s", shape.String(got.Host.Shape), shape.String(want.Host.Shape)), 0
	}
	return compare(got.Host, want.Host)
}

func compare(got, want ops.Host) (string, float64) {
	worst := 0.0
	for i := range want.Elements() {
		if !want.DType.IsFloat() {
			// Whole numbers may be too large for a float.
			if g, w := got.Int(i), want.Int(i); g != w && !within(float64(g), float64(w)) {
				return fmt.Sprintf("element %d is %d, want %d", i, g, w), worst
			}
			continue
		}
		g, w := got.At(i), want.At(i)
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		if !within(g, w) {
			return fmt.Sprintf("element %d is %v, want %v", i, g, w), worst
		}
		worst = max(worst, math.Abs(g-w)/max(math.Abs(w), absolute/relative))
	}
	return "", worst
}

func within(got, want float64) bool {
	if math.IsInf(got, 0) || math.IsInf(want, 0) {
		return got == want
	}
	return math.Abs(got-want) <= absolute+relative*math.Abs(want)
}
