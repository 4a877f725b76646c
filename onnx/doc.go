// Package onnx reads ONNX models and runs them on any device of crease, and writes modules
// and compiled functions of crease as ONNX models.
//
//	m, err := onnx.Load("model.onnx")
//	s, err := onnx.NewSession(m, dev)
//	out, err := s.RunCompiled(onnx.Of(x))
//
// # Reading
//
// [Load] reads a file (package onnx/pb) and checks it: types and sizes of tensors, that every
// name is set once and before it is read, versions, functions that call themselves, and that
// external data lie inside the model's folder. A model with operators that crease does not
// have is refused with a list of all of them (check.go, external.go).
//
// # Running
//
// Every operator is a function in a file op_*.go that applies rows of the op table through a
// builder, as layers and gradients do. The builder (builder.go) computes small known values,
// which shapes are made of, on the host, and everything else with tensors. [Session.Run]
// walks through the nodes and frees what is not needed any more (run.go);
// [Session.RunCompiled] records the same walk once and replays the graph (compiled.go). An
// input whose elements decide what the graph is, as the shape for a Reshape or the condition
// of an If, is found when the recording needs it; the graph then holds for its value.
// Branches and loops run on the host. Element types that crease does not have, as 4-bit
// integers, are held in a wider one (elem.go).
//
// # Adding an operator
//
// Call add in an init function of a file op_*.go. Read attributes through the call: one that
// nobody asks for makes the node fail, so that no file computes something else than it
// says. Versions differ: look at call.version.
//
// # Failing
//
// A file that breaks the format is a *[FormatError], a missing operator an
// *[UnsupportedError]; a node that cannot run is a *[NodeError] around an *[AttributeError], a
// *[TypeError] or what the row said. Limits on the size of one array, on the iterations of
// loops and on the memory of messages keep a file from taking the machine.
package onnx
