package train

import (
	"context"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/nn"
)

// Layer is the test points after a layer.
type Layer struct {
	Points []float32 // [N, 3]
	Y      []int64
}

// probeSamples is how many training points a linear probe is fitted on.
const probeSamples = 5000

// look measures how far every layer has pulled the classes apart.
func look(ctx context.Context, o Options, m nn.Module, train, test *data.Arrays, res *Result) error {
	nn.Eval(m)
	n := min(probeSamples, train.Len())
	before := layers(o, m, train.X[:n*space], n)
	after := layers(o, m, test.X, test.Len())
	for i := range after {
		if err := ctx.Err(); err != nil {
			return err
		}
		res.Layers = append(res.Layers, Layer{after[i], test.Y})
		res.ProbeAccuracy = append(res.ProbeAccuracy, probe(before[i], train.Y[:n], after[i], test.Y, space, len(test.Classes)))
	}
	return nil
}

// layers is the output of every layer for n points.
func layers(o Options, m nn.Module, points []float32, n int) (out [][]float32) {
	crease.NoGrad(func() {
		crease.Tidy(func() []*crease.Tensor {
			for _, t := range o.Task.Layers(m, crease.From(points, []int{n, space}, crease.On(o.Device))) {
				out = append(out, crease.Data[float32](t))
			}
			return nil
		})
	})
	return out
}
