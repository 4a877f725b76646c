// Package isa is the instruction set of the emulated accelerators: programs, their
// 12-byte words, an assembler and a disassembler, and the checks that a program must
// pass before it runs.
//
// The words have the field widths of TPU v1's paper. Later chips issue long
// instruction words; what is emulated of them is their units and memories, driven by
// these larger operations.
//
// # The machine that programs see
//
//   - the buffer (unified buffer, VMEM): bytes, addressed in groups of 8;
//   - accumulators: for every array, rows of 32-bit values, one per column;
//   - weight tiles: for every array a FIFO, a plane that works and a shadow plane;
//   - off-chip memory and the host's memory: bytes, reached by transfers alone;
//   - registers, written by set, that hold pitches, convolution geometry and so on.
//
// Instructions are dispatched in order to units that work side by side. The hardware
// orders all uses of the buffer and of accumulators as the program has them. It does
// not watch memories outside: a transfer that needs an earlier one to be finished
// waits for its tag (wait) or for everything (sync).
//
// # Parts
//
//   - word.go has the words and their fields, one table for all of encoding, assembler
//     and disassembler; opcode.go and register.go name things;
//   - op.go has the operation an instruction stands for, with every register and
//     address filled in; resolve.go walks a program and makes them;
//   - check.go refuses bad programs; region.go decides what overlaps;
//   - asm.go and disasm.go are the text form, binary.go the file form;
//   - builder.go is how a compiler writes programs.
//
// # Adding an instruction
//
// Give it an opcode and a row of fields in word.go, resolve it in resolve.go, and
// teach the engines of tpu/sim and the oracle tpu/scalar to carry it out. The
// assembler, disassembler and fuzz tests follow the table.
//
// # How it fails
//
// A bad program is an [*Error] that names the instruction by number and text.
package isa
