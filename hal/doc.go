// Package hal is the hardware abstraction layer: what crease knows about a
// device, and the only thing a device must know about crease.
//
// # Parts
//
// A backend is a driver plus kernels. The driver implements four small
// interfaces: [Device] (allocate, make streams), [Buffer] (a block of device
// memory), [Stream] (an in-order queue) and [Event] (a point in that queue).
// Kernels are values, not methods: a [Kernel] names the operation it computes,
// the layout it takes and a priority, and a [Registry] finds the best one for a
// [Call]. A kernel plans a call: [Kernel].Plan does all that depends on the operation,
// its attributes, element types, shapes and strides, and returns a [Launch], which takes
// memory and a stream and may run any number of times. A simple kernel has Run instead,
// which gets call and memory together. No operation is ever a method of an interface, so
// a new operation breaks no backend and a backend without kernels is complete:
// every operation then runs by lowering or by the reference.
//
// Powers that only some devices have are separate interfaces found by type
// assertion: [Mapper] (memory the host can see), [Meter] (pool statistics),
// [Timer] (a device clock). The ones that compile source or capture graphs
// are declared by the packages that use them.
//
// # Precision
//
// A device that multiplies or adds up less exactly than an element type, as matrix units
// do, says so in [Info].Products. The tolerances of ops that are made of products grow by
// that and nothing else does; a device that is worse than it says fails the suite.
//
// # Finding devices
//
// A backend calls [Register] from its init with a [Driver]. Users name a device
// by the grammar KIND[:INDEX|:NAME][/ARCH][@OPTION=VALUE,...], which [ParseSpec] reads
// and [Open] resolves. A device asked for by name that is not there is an
// [*AbsentError] that says what was looked for and what to do; only "auto"
// chooses.
//
// A name opens one device, which is shared until it is closed; [OpenNew] opens one for
// the caller alone. Package conform checks all that is promised here.
//
// # How it fails
//
// The first asynchronous failure poisons its stream: later work is skipped and
// the same error comes back from every call on the stream and from its events.
// [ErrUnsupported] means "not by this kernel" and is the only error after which
// dispatch tries something else. Everything else is a [*DeviceError] and
// surfaces.
package hal
