// Package nn is layers: functions of a tensor that hold parameters.
//
// A [Module] has a Forward and lists what it holds through Visit; everything
// else is written once over Visit: [Parameters], [Buffers], [Train] and [Eval],
// [Count], and state dictionaries ([Save], [Load]) as safetensors with PyTorch's
// names ("0.weight", "3.body.0.bias"). Constructors take the options of tensor
// creation: crease.On for the device, crease.By for the generator that draws the
// initial weights.
// Losses ([MSE], [L1], [SmoothL1], [Huber], [BCEWithLogits], [NLL], [KLDiv]) are functions.
//
//	model := nn.NewSequential(nn.NewFlatten(), nn.NewLinear(784, 128), nn.Relu(), nn.NewLinear(128, 10))
//	loss := model.Forward(x).CrossEntropy(y)
package nn
