// Package conformance runs the backend tests of ONNX: models with inputs and the outputs
// that a reference computed for them.
//
// [Open] reads the tests from a folder or a .tar.gz file, [Run] runs one on a device, eagerly
// or compiled, and says how it ended. The parts are the data (data.go), the judgement of
// results (judge.go) and the run (run.go).
//
// # Layout
//
// A case NAME of a suite is SUITE/NAME/model.onnx with SUITE/NAME/test_data_set_0/input_N.pb
// and output_N.pb beside it. A case of the suite "light" is light/NAME.onnx with
// light/NAME_output_N.pb; its input is 0, 1/n, 2/n ... in the shape that the model declares.
//
// # Judgement
//
// As many outputs, of the same shape and type, every element within 1e-7 + 1e-3·|want|; NaN
// equals NaN and infinities match exactly.
package conformance
