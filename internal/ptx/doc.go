// Package ptx reads PTX, the assembly of NVIDIA's drivers, and runs it on the processor,
// so that what a GPU would be given can be tested where there is none.
//
// # Parts
//
//   - scan.go and parse.go make a [Module] of a text: entries, their parameters and
//     memory, and instructions with their operands resolved.
//   - compile.go turns every instruction into a function over a warp, once; the files
//     op_*.go have those functions by family.
//   - memory.go is device memory, with what has been written of it; shared.go is that of
//     a block, with who touched what since the last barrier.
//   - warp.go runs a warp: its 32 lanes go together while they agree, and apart where a
//     branch divides them, the lowest address first, so that they meet again. block.go
//     runs the warps of a block, and launch.go the blocks of a launch.
//
// # What it finds
//
// An access outside of an allocation, to memory that was freed or at a wrong alignment;
// a read of what nobody wrote; two threads that touch a word of shared memory between
// two barriers, one of them writing; a barrier that some threads of a block do not
// reach; a launch that waits for ever. Each is a [Fault] that names kernel, block,
// thread and instruction. A GPU reports few of these and computes something.
//
// # What it is not
//
// It counts instructions, not time. It models what the language promises, in one order
// of many: blocks in order or reversed, the warps of a block in turns.
package ptx
