// Package autograd is reverse-mode differentiation, written once over
// ops.Builder: the same code computes gradients while running (the engine) and
// while recording (the graph), and of its own results.
//
// A [Var] is a value with its place in the record. [Apply] runs an op on
// variables and, where an input requires a gradient, appends a node that keeps
// what the op's gradient rule says it reads (ops.Op.Saves) and nothing else.
// [Grad] walks the record backwards and calls the rules; with [Options].CreateGraph
// the rules run on a [Tape], so that their results can be differentiated again.
//
// An op without a gradient rule of its own is recorded as its lowering. An op
// that states that it has no gradient is recorded too, and is an *ops.GradError
// when a gradient reaches it: gradients are never dropped in silence. Results
// that are not floats (comparisons, indices) carry no gradient, as in calculus.
//
// Gradients own their memory: none shares it with another, with a seed or with a saved
// value, so whoever gets one may change it. The gradient of a slice is added to a window
// of the gradient of what was sliced (ops.Op.Window), eagerly and recorded.
//
// Saved values remember the version of their memory; a change in place before
// the backward pass is an error. Backward releases what was saved, so a record
// can be walked once unless [Options].Retain is set.
//
// The method is the standard one; see Griewank and Walther, "Evaluating
// Derivatives", chapter 3, and Paszke et al., "Automatic differentiation in
// PyTorch" (2017) for the dynamic record.
package autograd
