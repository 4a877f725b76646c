// Package hostdev is the driver part of devices whose memory is the host's and
// whose work is done by the goroutine that queues it: the processor, emulators,
// and devices of tests. Such a device embeds a [Device], adds kernels to its
// registry, and is complete; kernels reach the bytes of an operand with [Bytes].
//
//	type mine struct{ *hostdev.Device }
//
//	func open() hal.Device {
//		d := &mine{hostdev.New(hal.Info{Name: "mine", Kind: "mine", DTypes: types})}
//		d.Device.Outer = d
//		d.Kernels().Add(kernels...)
//		return d
//	}
//
// A stream runs everything inline, so events are reached when they are recorded,
// and several streams need no order between them. A kernel's error is returned and
// does not poison its stream, for nothing is left half-done on a queue; an error
// given to [Stream.Poison] does. After Close every call is hal.ErrClosed, and
// what buffers still hold goes back as they are freed.
package hostdev
