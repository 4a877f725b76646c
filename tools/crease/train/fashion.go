package train

import (
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/nn"
)

// Fashion is Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 28×28 grey pictures of
// ten kinds of clothing.
var Fashion = &Task{
	Name:  "fashion",
	Doc:   "ten kinds of clothing in 28×28 grey pictures (Fashion-MNIST)",
	Model: []string{"mlp", "cnn", "resnet"},
	Files: true,
	Defaults: func(model string) Settings {
		if model == "mlp" {
			return Settings{Epochs: 10, Batch: 128, LR: 2e-3, WeightDecay: decay(1e-2)}
		}
		return Settings{Epochs: 10, Batch: 128, LR: 3e-3, WeightDecay: decay(1e-2)}
	},
	kind: fashion,
}

var fashion = classifier{
	load: func(dir string, _ uint64) (train, test *data.Arrays, err error) {
		train, test, err = data.Fashion(dir)
		if err != nil {
			return nil, nil, err
		}
		mean, std := moments(train.X)
		for _, a := range []*data.Arrays{train, test} {
			for i, v := range a.X {
				a.X[i] = float32((float64(v) - mean) / std)
			}
			a.Shape = []int{1, 28, 28}
		}
		return train, test, nil
	},
	build: func(model string, dev *crease.Device, g *crease.Generator) (nn.Module, error) {
		at := []crease.Option{crease.On(dev), crease.By(g)}
		switch model {
		case "resnet":
			return models.NewResNet(1, 10, 32, []int{1, 1, 1}, at...)
		case "cnn":
			return nn.NewSequential(
				nn.NewConv2d(1, 32, 3, nn.ConvConfig{Pad: 1}, at...).WithoutBias(), nn.NewBatchNorm2d(32, crease.On(dev)), nn.Relu(),
				nn.NewMaxPool2d(2, nn.ConvConfig{}),
				nn.NewConv2d(32, 64, 3, nn.ConvConfig{Pad: 1}, at...).WithoutBias(), nn.NewBatchNorm2d(64, crease.On(dev)), nn.Relu(),
				nn.NewMaxPool2d(2, nn.ConvConfig{}),
				nn.NewFlatten(),
				nn.NewLinear(64*7*7, 128, at...).WithAct("relu"), nn.NewDropout(0.3, g),
				nn.NewLinear(128, 10, at...),
			), nil
		}
		return nn.NewSequential(
			nn.NewFlatten(),
			nn.NewLinear(784, 256, at...).WithAct("relu"), nn.NewDropout(0.2, g),
			nn.NewLinear(256, 128, at...).WithAct("relu"),
			nn.NewLinear(128, 10, at...),
		), nil
	},
}

// moments are the mean and the standard deviation.
func moments(x []float32) (mean, std float64) {
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		std += (float64(v) - mean) * (float64(v) - mean)
	}
	return mean, math.Sqrt(std / float64(len(x)))
}
