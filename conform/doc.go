// Package conform proves backends. The rows of the op table drive it: every op,
// every case, every element type, dense and strided operands, each kernel by
// itself, lowerings and references, eager and compiled, forward and gradient.
//
// A third party certifies a device in its own tests:
//
//	func TestConformance(t *testing.T) {
//		conform.Run(t, conform.Open(t, "mydevice"))
//	}
//
// [Run] compares results with the references of the rows, which accumulate in
// float64, under the rows' tolerances; compiled graphs with eager results, bit for
// bit; and gradients on the device with gradients of the references, under the rows'
// tolerances for gradients. [GradCheck] and [GradGradCheck] compare gradient rules
// with finite differences.
package conform
