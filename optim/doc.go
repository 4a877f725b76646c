// Package optim changes parameters so that a loss falls.
//
// An [Optimizer] reads the gradients that Backward has left on its parameters
// and assigns new values. Its state, the learning rate and the step count are
// tensors, so a step inside crease.Compile is part of the graph and follows a
// changing rate without a new recording. A [Schedule] is a function from the step
// to the learning rate.
// Between Backward and Step gradients can be limited ([ClipGradNorm], [ClipGradValue]);
// [NewGroups] joins optimisers of different parameters, [NewAccumulator] makes a step of
// several batches, [NewEMA] averages parameters, [NewMixed] trains those of 16 bits.
//
// SGD and Adam have rows of the op table. The others are rules of ordinary ops, which
// a compiled step fuses: one more is a file with a settings type and a rule given to
// newComposed, and a line in testdata/torch/make.py and in torch_test.go. Schedules
// are made of others by [After], [Times] and [Warmup].
//
//	opt := optim.NewAdamW(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: 1e-3})
//	for step := range steps {
//		opt.SetLR(rate(step))
//		loss(model, batch(step)).Backward()
//		opt.Step()
//		opt.ZeroGrad()
//	}
package optim
