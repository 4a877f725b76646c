// Package nn is layers: functions of a tensor that hold parameters.
//
// A [Module] has a Forward and lists what it holds through Visit; everything
// else is written once over Visit: [Parameters], [Buffers], [Train] and [Eval],
// [Count], and state dictionaries ([Save], [Load]) as safetensors with PyTorch's
// names ("0.weight", "3.body.0.bias"). Constructors take the options of tensor
// creation: crease.On for the device, crease.By for the generator that draws the
// initial weights.
//
// A module runs those inside it by [Call], which also runs hooks ([BeforeForward],
// [AfterForward]). [Freeze] keeps parameters as they are, [Summarize] says what a
// model costs before it runs, [NewCheckpointed] trades time for memory. A tensor may
// be in several places: weights are tied by assigning one field to another.
//
// A layer is one file: a constructor with PyTorch's defaults, Forward, and Visit with
// PyTorch's names. Its twin goes into testdata/torch/make.py and both into the table
// of torch_test.go, which compares outputs and gradients, eager and compiled. A
// constructor given sizes that do not fit, and a Forward given a shape that does not,
// panic with a *ops.AttrError or *ops.ShapeError that names the layer and the rule.
//
// Losses ([MSE], [L1], [SmoothL1], [Huber], [BCEWithLogits], [NLL], [KLDiv]) are functions.
//
//	model := nn.NewSequential(nn.NewFlatten(), nn.NewLinear(784, 128), nn.Relu(), nn.NewLinear(128, 10))
//	loss := model.Forward(x).CrossEntropy(y)
package nn
