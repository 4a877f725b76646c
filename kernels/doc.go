// Package kernels is the kernels of devices that compile source: OpenCL today, CUDA
// and others by the same texts.
//
// # Parts
//
//   - *.k are kernels as text. text.go parses them, host.go evaluates the
//     expressions in their directives, bind.go binds a kernel to a call, once, and
//     step.go is what is left for a launch: arguments whose offsets are filled in.
//   - map.go makes a kernel of any scalar expression, by render.go; copy.go makes
//     copies, fills, concatenation and padding of that.
//   - source.go puts a kernel together for a dialect, dialect.go says how each
//     spells its frame, prelude/ holds what they share; class.go and library.go
//     decide what texts exist.
//   - program.go is the seam to devices: a device implements [Launcher], calls
//     [Register], and has a kernel for every core op.
//   - tuning.go reads the tables of tuning parameters by device: tuning.json and the
//     user's own; tunable.go is what a search for better ones needs.
//   - emulate is a device that runs the texts on fibers, to find mistakes.
//
// # Adding a kernel
//
// Write a .k file; CONTRIBUTING.md shows one. A kernel must not depend on the order
// in which groups or items run, so its result has the same bits every time.
//
// # How it fails
//
// A wrong directive panics when the first device registers, which a test does. A
// call that a kernel does not take (//crease:when) goes on along the ladder of
// dispatch. A text that does not compile is an error of its first launch.
package kernels
