// Package exec runs ops on a device: the eager half of crease, and what compiled graphs
// are planned with.
//
// # Plan and launch
//
// How an op runs depends on the op, its attributes and the layouts of its operands, and
// on nothing that changes from call to call. So an [Engine] decides it once: a [Plan] is
// the first rung that can be climbed of
//
//  1. a kernel of the device that takes the operands as they lie;
//  2. a kernel that takes dense operands, after a device copy of the strided ones;
//  3. the op's lowering to simpler ops, each planned by itself;
//  4. the op's reference implementation, on the host.
//
// Plans are kept in a cache of bounded size ([Engine.CacheStats]), which forgets them when
// kernels are added or switched. [Engine.Eval] then finds the plan, takes memory for the
// results and launches; a compiled graph holds its plans and only launches. View ops make
// a new window on the same memory and launch nothing.
//
// Only hal.ErrUnsupported, of a kernel that finds out too late that it cannot, moves a
// rung down; every other error surfaces. Rungs 3 and 4 are counted by op ([Engine.Stats])
// and can be forbidden ([Fallback], CREASE_FALLBACK=error), so that a slow path never
// hides.
//
// # Arrays and engines
//
// An [Array] is a handle of device memory: a [Layout], which is an element type, a shape
// and strides, at an offset of a reference-counted [Block]. It belongs to a device. An
// engine is a device and a stream, and a device may have several ([New]): before an engine
// touches a block that another one used last, its stream waits for what that one has
// queued. Handles are released by whoever made them; one that is lost to the garbage
// collector gives its memory back late instead of never.
//
// An engine's lock is held while work is queued, and never while the host waits for the
// device.
//
// # Writing
//
// [Engine.EvalInto] writes results into arrays that exist: in place where the kernel says
// that it may be ([hal.Launch.InPlace]), by way of new memory where operands and results
// overlap otherwise. [Engine.Set] is assignment: a copy, or an exchange of memory where
// the source is a temporary that nobody else holds. Blocks whose address something has
// taken (Block.Pin) keep it.
package exec
