// Package graph is the static half of crease: a builder that records instead of running,
// passes over what it recorded, and an executable that replays it.
//
// # The program
//
// A [Graph] is an ops.Builder, so every function written over the seam (layers, gradients,
// lowerings, optimisers) can be recorded. It is a list of [Node]s in the order of the
// program: inputs, constants, ops, and effects. An effect is an assignment: it changes
// memory, and what comes after sees the change. Random numbers need no other kind, for
// their state is a tensor that is assigned to.
//
// A node's results are [Value]s. A value lies in a [Storage], as an array lies in a
// block: views have the storage of what they view, at an offset, and cost nothing. Passes
// ask which effects a storage has ([Storage] by [Storage], in order) before they move,
// merge or drop anything, so that a program with views and assignments means what it
// means eagerly.
//
// # Passes
//
// [Passes] lists them, each in a file of its own. Most change the program: they merge,
// fold, drop and fuse nodes. The last ones only choose where values lie: written where
// they are assigned to, over an operand that ends, or in one arena whose size is known
// before the run. Results have the bits of eager ones with every pass on. A pass that
// changes the order of roundings says so and runs only when it is asked for; there is none
// yet. CREASE_PASSES=-fuse,-arena leaves some out, [Diff] shows what one did.
//
// # Running
//
// An [Executable] is a list of launches whose operands have places: inputs and results,
// which differ from run to run, constants, and the arena. [Executable.Run] fills in the
// addresses and launches; it neither allocates for a node nor looks anything up.
//
// Fusion and layouts are asked of the engine, so the kernels of a device decide what a
// graph becomes on it. Regions (loops and branches), sizes that are not known yet and
// several devices have room in the types, and no code.
package graph
