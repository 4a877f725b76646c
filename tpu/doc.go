// Package tpu makes an emulated systolic-array accelerator an ordinary device: values
// are those of a stated arithmetic, and every call takes a number of cycles that does
// not depend on the host.
//
//	tpu:v2                                   a preset of tpu/arch
//	tpu@rows=128,cols=128,dataflow=ws        free parameters
//	tpu:v4@freq=1G,values=off                a preset changed; values=off counts time alone
//
// # Parts
//
//   - driver.go finds and opens devices, device.go and stream.go are the HAL, clock.go
//     is what they count and the interface [Counter];
//   - program.go compiles a call: operands become segments of off-chip memory, the
//     program is checked and timed once, and a launch replays its values;
//   - area.go moves pieces of operands between off-chip memory and the buffer;
//   - map.go, reduce.go, copy.go, index.go, random.go, pool.go, norm.go and optim.go are
//     kernels of the vector unit, matmul.go, conv.go and conv_grad.go those of the arrays,
//     which share product.go.
//
// # Adding a kernel
//
// Declare it in an init function with the row's name, the element types and a function
// that writes the program of a call with a [program]:
//
//	func init() { declare("relu_sum", floats, hal.Strided, (*program).reluSum) }
//
// A row without a kernel here runs by its lowering, or on the host, which is counted and
// timed as transfers over the host link.
//
// # How it fails
//
// A call that a kernel cannot do (an operand does not fit in the buffer, too many axes)
// is hal.ErrUnsupported, so that dispatch goes on. With values=off, Download is a
// [*NoValuesError].
package tpu
