// Package conform proves backends: [Run] their kernels and all that is computed with
// them, [Contract] their drivers, [Aliases] and [Programs] what happens between ops. A
// third party certifies a device in its own tests:
//
//	func TestConformance(t *testing.T) { conform.Run(t, conform.Open(t, "mydevice")) }
//
//	func TestContract(t *testing.T) { conform.Contract(t, conform.Driver{Name: "mydevice"}) }
//
//	func TestPrograms(t *testing.T) {
//		dev := conform.Open(t, "mydevice")
//		conform.Aliases(t, dev)
//		conform.Programs(t, dev, 0, 1000)
//	}
//
// # The suite
//
// The rows of the op table drive [Run]: every op, every case, every element type, dense
// and strided operands, each kernel by itself, lowerings and references, eager and
// compiled, forward and gradient. Results are compared with the references of the rows,
// which accumulate in float64, under the rows' tolerances; compiled graphs with eager
// results, bit for bit; and gradients on the device with gradients of the references,
// under the rows' tolerances for gradients. [GradCheck] and [GradGradCheck] compare
// gradient rules with finite differences. With go test -v the suite ends with a table
// of what served each row: a kernel, a kernel on a copy, a lowering or the reference.
//
// Tolerances are those of the element types. A device that multiplies or adds up
// products less exactly says so in hal.Info.Products.
//
// # Programs
//
// [Aliases] is a list of programs whose outcome depends on who shares memory with whom:
// what an assignment, a gradient or a compiled function may have in common with other
// tensors. [Programs] are random ones, with views, assignments, gradients and captured
// state; eager and compiled they must do the same, to the bit. A failure names the
// shortest beginning of the program that goes wrong, the compiler's passes without which
// it is right, and the program after each pass.
//
// # The contract
//
// [Contract] has a subtest for every promise of package hal: what Alloc gives and
// refuses, what Upload, Download and Copy do with memory, that ranges are checked, that
// a stream keeps its order and Record and Wait that of several, what an event is, what
// may block the host, that buffers may be freed in use, statistics, running out of
// memory, failure, several goroutines, Close, and opening again. Transfers are random
// programs, done on host memory too. What the contract needs of a driver beyond its
// name are fields of [Driver]: a device with little memory (Small), a way to make a
// stream fail (Fail) and to keep work waiting (Hold). Without them the parts that need
// them are skipped, with the reason.
//
// Every part opens a device of its own. A panic and a hang of the driver fail the part
// they are in, and a failure says what was promised, what the driver was asked, and what
// happened. [Breaches] gives the same as data.
package conform
