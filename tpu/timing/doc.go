// Package timing predicts the cycles of matrix products in closed form, without
// computing them: thousands of shapes take seconds.
//
// A [Rule] is a pure function from a description of the hardware and a [Product] to
// a [Result]. [Rules] lists them:
//
//   - own is ours: [Array] for an array and the channel that brings its weights,
//     which the engines of tpu/sim obey to the cycle, and [Window] for chips whose
//     product lies in off-chip memory;
//   - scalesim, stonne and minitpu are those of other simulators, to be compared
//     with them. They reproduce the outside program's totals exactly and are no
//     claim about hardware.
//
// [Paper] compares the model of TPU v1 with the figures of its paper.
//
// # Adding a rule
//
// Write a function in a file of its own, cite the program and its version, add it to
// the table in rule.go, and test it with totals that the program printed.
//
// # How it fails
//
// Sizes below 1 or above [MaxSize], and descriptions a rule does not cover, are
// errors that say what the rule wants.
package timing
