// Package runlog writes down what a training run says about itself.
//
//   - [Lines] is a file with one JSON object on every line, for scripts: a schema, a time, a
//     kind, a step, and numbers and texts by name. Numbers that JSON does not have are the
//     texts "NaN", "Infinity" and "-Infinity".
//   - [Events] is a folder that TensorBoard reads: scalars, histograms and pictures.
//
// What is written is on its way to the disk when a call returns, so a run that is killed
// leaves all but its last line, and a reader may follow while it goes on.
//
//	log, err := runlog.OpenEvents("runs/first")
//	...
//	defer log.Close()
//	log.Scalar("loss/train", step, loss)
//
// # How it fails
//
// Every call returns the error of its write, with the path. After one, a file may end in
// the middle of a record, which readers of both formats pass over.
package runlog
