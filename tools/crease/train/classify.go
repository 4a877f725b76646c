package train

import (
	"context"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
	loop "github.com/crease-ml/crease/train"
)

// classifier is what tasks that tell classes apart differ in.
type classifier struct {
	// load makes or reads the data. dir is where files are looked for.
	load func(dir string, seed uint64) (train, test *data.Arrays, err error)
	// build makes a model on a device with weights drawn from g.
	build func(model string, dev *crease.Device, g *crease.Generator) (nn.Module, error)
}

// prepare makes a run with AdamW and a one-cycle schedule, evaluated on the test
// data after every epoch, or tenth of a run whose epochs are short.
func (c classifier) prepare(o Options) (*job, error) {
	train, test, err := c.load(o.Data, o.Seed)
	if err != nil {
		return nil, err
	}
	set, err := o.Task.settle(o.Settings, train.Len())
	if err != nil {
		return nil, err
	}
	gen := crease.NewGenerator(o.Seed, crease.On(o.Device))
	model, err := c.build(set.Model, o.Device, gen)
	if err != nil {
		return nil, err
	}
	loader, err := data.NewLoader(train, data.LoaderConfig{Batch: set.Batch, Seed: o.Seed, Shuffle: true, DropLast: true})
	if err != nil {
		return nil, err
	}
	scores := func(in ...*crease.Tensor) []*crease.Tensor {
		logits := model.Forward(in[0])
		return []*crease.Tensor{logits.CrossEntropy(in[1]), logits.Argmax(1).Eq(in[1]).Cast(logits.DType()).Sum()}
	}
	if o.Graph {
		scores = crease.Compile(scores).Call
	}
	j := &job{set: set, samples: train.Len(), first: func() []*crease.Tensor { return loop.Upload(loader.At(0), train.Shape, o.Device) }}
	j.Loop = loop.Loop{
		Model: model, Generators: []*crease.Generator{gen},
		Optimizer: optim.NewAdamW(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: set.LR, WeightDecay: *set.WeightDecay}),
		Rate:      optim.OneCycle(set.LR, set.Steps, 0.3),
		Batches:   loop.Labelled(loader, train.Shape, o.Device),
		Loss:      func(in ...*crease.Tensor) *crease.Tensor { return model.Forward(in[0]).CrossEntropy(in[1]) },
		Metrics:   []loop.Metric{{Name: testLoss}, {Name: testAccuracy, Share: true}}, Watch: testAccuracy,
		Evaluate: func(ctx context.Context) ([]loop.Metric, error) { return evaluate(ctx, test, o.Device, scores) },
	}
	if o.Task.Layers == nil {
		j.Every = loader.Steps()
	} else {
		j.finish = func(ctx context.Context, res *Result) error { return look(ctx, o, model, train, test, res) }
	}
	return j, nil
}

// evalBatch is the number of test samples at a time.
const evalBatch = 500

// evaluate is the mean loss and the accuracy on test data.
func evaluate(ctx context.Context, test *data.Arrays, dev *crease.Device, scores func(in ...*crease.Tensor) []*crease.Tensor) ([]loop.Metric, error) {
	loader, err := data.NewLoader(test, data.LoaderConfig{Batch: min(evalBatch, test.Len())})
	if err != nil {
		return nil, err
	}
	loss, hits := 0.0, 0.0
	for i := range loader.Steps() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		b := loader.At(i)
		crease.Tidy(func() []*crease.Tensor {
			s := scores(loop.Upload(b, test.Shape, dev)...)
			loss += s[0].Item() * float64(b.N)
			hits += s[1].Item()
			return nil
		})
	}
	n := float64(test.Len())
	return []loop.Metric{{Name: testLoss, Value: loss / n}, {Name: testAccuracy, Value: hits / n, Share: true}}, nil
}
