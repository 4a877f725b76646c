// Package train is the loop that commands and programs share: steps, reports,
// checkpoints, and going on where a run stopped.
//
// A [Loop] is a model, an optimiser, batches by their number and a loss. Run does
// the steps that are left. Every so often it evaluates, reports and saves; when its
// context is cancelled it saves and returns an error that is [ErrInterrupted]. A
// batch is a function of its number, and everything else that a step changes is in
// the checkpoint, so a run that was stopped and resumed ends with the bits of one
// that was not, eager or compiled.
//
//	loop := train.Loop{
//		Model: model, Optimizer: opt, Rate: optim.OneCycle(1e-3, 2000, 0.3), Steps: 2000,
//		Batches: train.Each(batch), Loss: func(in ...*crease.Tensor) *crease.Tensor {
//			return model.Forward(in[0]).CrossEntropy(in[1])
//		},
//	}
//	err := loop.Run(ctx)
//
// What goes wrong in the model panics inside, and Run returns it as an error.
package train
