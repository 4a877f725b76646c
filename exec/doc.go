// Package exec runs one operation on one device: the eager half of crease.
//
// An [Engine] is the builder that computes. Its Apply infers the output specs
// and then walks the dispatch ladder until a step succeeds:
//
//  1. a kernel of the device that takes the call's views as they are;
//  2. a kernel that takes dense views, after a device copy of the strided ones;
//  3. the op's lowering to simpler ops, each dispatched by itself;
//  4. the op's reference implementation, on the host.
//
// Only hal.ErrUnsupported moves down a step; every other error surfaces. Steps
// 3 and 4 are counted per op ([Engine.Stats]) and can be forbidden ([Fallback],
// CREASE_FALLBACK=error), so that a slow path never hides. View ops make a new
// window on the same memory and run nothing.
//
// An [Array] is a handle of device memory: a strided view of a reference-counted
// block. Handles are released by whoever made them; a handle lost to the garbage
// collector gives its block back late instead of never.
package exec
