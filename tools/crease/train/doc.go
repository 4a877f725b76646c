// Package train is what "crease train" runs: tasks, the training loop, and
// checkpoints.
//
// A [Task] is data, a model and the settings that train it well. [Run] is the
// loop: it computes every batch from the step's number and the seed, so that a
// run that was saved and resumed does exactly what an unbroken one does, bit for
// bit, and so do eager and graph mode. A run that is cancelled saves a checkpoint
// and returns [ErrInterrupted].
package train
