package train

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
	loop "github.com/crease-ml/crease/train"
)

// language is what tasks that learn to write differ in.
type language struct {
	// size is the context of a preset, and its configuration for a vocabulary.
	size func(model string, vocab int) (config any, context int)
	// count is the number of parameters of a configuration in JSON.
	count func(config []byte) (float64, error)
	// build makes a model of it.
	build func(config []byte, dev *crease.Device, g *crease.Generator) (writer, error)
	// plan is a run's schedule and Adam's second beta.
	plan func(set Settings) (optim.Schedule, float64)
}

// counted is a count for configurations of a type.
func counted[C interface{ Parameters() float64 }](config []byte) (float64, error) {
	var c C
	err := json.Unmarshal(config, &c)
	return c.Parameters(), err
}

// writer is a language model.
type writer interface {
	nn.Module
	reader(cached bool) models.Reader
}

// validation is the share of the text, at its end, that is not learned from.
const validation = 0.1

// prepare makes a run on random windows of Shakespeare's plays with AdamW,
// evaluated on the whole validation text.
func (l language) prepare(o Options) (*job, error) {
	text, err := data.Shakespeare(o.Data)
	if err != nil {
		return nil, err
	}
	cut := len(text.Tokens) - int(validation*float64(len(text.Tokens)))
	train, val := text.Tokens[:cut], text.Tokens[cut:]
	set, err := o.Task.settle(o.Settings, len(train))
	if err != nil {
		return nil, err
	}
	config, span := l.size(set.Model, len(text.Vocab))
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	gen := crease.NewGenerator(o.Seed, crease.On(o.Device))
	model, err := l.build(b, o.Device, gen)
	if err != nil {
		return nil, err
	}
	batch := func(step int) []*crease.Tensor {
		x, y := data.RandomWindows(train, set.Batch, span, o.Seed, step)
		return windows(x, y, span, o.Device)
	}
	loss := func(in ...*crease.Tensor) *crease.Tensor {
		return crease.Tidy1(func() *crease.Tensor {
			y := model.Forward(in[0])
			return y.Reshape(-1, y.Dim(-1)).CrossEntropy(in[1].Flatten(0))
		})
	}
	score := func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{loss(in...)} }
	if o.Graph {
		score = crease.Compile(score).Call
	}
	rate, beta2 := l.plan(set)
	j := &job{set: set, samples: len(train), first: func() []*crease.Tensor { return batch(0) }}
	j.Loop = loop.Loop{
		Model: model, Generators: []*crease.Generator{gen},
		Optimizer: decayMatrices(model, optim.AdamConfig{LR: set.LR, Beta2: beta2, WeightDecay: *set.WeightDecay}), ClipNorm: 1,
		Rate: rate, Batches: loop.Each(batch), Loss: loss, Every: max(min(set.Steps, 100), set.Steps/4),
		Metrics:  []loop.Metric{{Name: valLoss}},
		Evaluate: func(ctx context.Context) ([]loop.Metric, error) { return validate(ctx, val, span, o.Device, score) },
		Settings: map[string]string{"config": string(b), "vocab": string(text.Vocab)},
	}
	return j, nil
}

// decayMatrices is AdamW that lets matrices shrink and leaves vectors, which are
// biases and scales.
func decayMatrices(m nn.Module, c optim.AdamConfig) optim.Optimizer {
	var matrices, vectors []*crease.Tensor
	for _, p := range nn.Tensors(nn.Parameters(m)) {
		if p.Rank() > 1 {
			matrices = append(matrices, p)
		} else {
			vectors = append(vectors, p)
		}
	}
	groups := []optim.Group{{Optimizer: optim.NewAdamW(matrices, c)}}
	if c.WeightDecay = 0; len(vectors) > 0 {
		groups = append(groups, optim.Group{Optimizer: optim.NewAdamW(vectors, c)})
	}
	return optim.NewGroups(groups...)
}

// windows are the tensors [N, L] of tokens and of what follows them.
func windows(x, y []int64, span int, dev *crease.Device) []*crease.Tensor {
	dims := []int{len(x) / span, span}
	return []*crease.Tensor{crease.From(x, dims, crease.On(dev)), crease.From(y, dims, crease.On(dev))}
}

// evalWindows is the number of windows of the validation text at a time.
const evalWindows = 32

// validate is the mean loss over the windows of a text, one after the other; what
// is left at the end and fills none is left out.
func validate(ctx context.Context, tokens []int64, span int, dev *crease.Device, score func(in ...*crease.Tensor) []*crease.Tensor) ([]loop.Metric, error) {
	count := (len(tokens) - 1) / span
	if count == 0 {
		return nil, fmt.Errorf("a validation text of %d tokens is too short for a window of %d", len(tokens), span)
	}
	sum := 0.0
	for at := 0; at < count; at += evalWindows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n := min(evalWindows, count-at)
		lo, hi := at*span, (at+n)*span
		crease.Tidy(func() []*crease.Tensor {
			sum += float64(n) * score(windows(tokens[lo:hi], tokens[lo+1:hi+1], span, dev)...)[0].Item()
			return nil
		})
	}
	return []loop.Metric{{Name: valLoss, Value: sum / float64(count)}}, nil
}
