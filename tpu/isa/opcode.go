package isa

import (
	"fmt"
	"slices"

	"github.com/crease-ml/crease/tpu/num"
)

// Opcode is what an instruction does.
type Opcode uint8

const (
	NOP         Opcode = iota
	Halt               // ends the program when all work is done
	Sync               // waits until every earlier instruction is done
	Wait               // waits until every earlier transfer with the tag is done
	Set                // writes a register
	ReadHost           // host memory to buffer
	WriteHost          // buffer to host memory
	LoadHBM            // off-chip memory to buffer
	StoreHBM           // buffer to off-chip memory
	ReadWeights        // a weight tile, from off-chip memory or the buffer, into a FIFO
	MatMul             // rows of the buffer times the tile, into accumulators
	Conv               // the same, rows gathered from an image's windows
	Activate           // accumulators through bias, scale and function to the buffer
	Vector             // buffer to buffer
	Interrupt          // tells the host, with a code
	Debug              // leaves a mark in the trace
	opcodes
)

var opcodeNames = [...]string{
	"nop", "halt", "sync", "wait", "set", "read_host", "write_host", "load", "store",
	"read_weights", "matmul", "conv", "activate", "vector", "interrupt", "debug",
}

// Valid reports whether the opcode exists.
func (o Opcode) Valid() bool { return o < opcodes }

func (o Opcode) String() string {
	if !o.Valid() {
		return fmt.Sprintf("opcode %#02x", uint8(o))
	}
	return opcodeNames[o]
}

// Transfer reports whether the instruction moves bytes between the buffer and a
// memory outside.
func (o Opcode) Transfer() bool { return o >= ReadHost && o <= StoreHBM }

// Type is the type of values in the buffer.
type Type uint8

const (
	S8 Type = iota
	U8
	S16
	BF16
	F32
	S32
	types
)

var typeNames = [...]string{"s8", "u8", "s16", "bf16", "f32", "s32"}

func (t Type) String() string {
	if t >= types {
		return fmt.Sprintf("type %d", uint8(t))
	}
	return typeNames[t]
}

// Size is the size of a value in bytes.
func (t Type) Size() int { return [...]int{1, 1, 2, 2, 4, 4}[t] }

// Pool is what activation does with windows of rows.
type Pool uint8

const (
	NoPool Pool = iota
	MaxPool
	AvgPool
	pools
)

var poolNames = [...]string{"none", "max", "avg"}

// precision is what an array must do for activations and weights of these types;
// ok is false where it cannot.
func precision(a, w Type) (f num.Format, ok bool) {
	f.SignedA, f.SignedW = a != U8, w != U8
	switch {
	case a == BF16 && w == BF16:
		f.Precision = num.BF16
	case a <= U8 && w <= U8:
		f.Precision = num.Int8
	case a == S16 && w <= U8:
		f.Precision = num.Int8x16
	case a == S16 && w == S16:
		f.Precision = num.Int16
	default:
		return f, false
	}
	return f, true
}

// named finds a name in a table.
func named(table []string, s string) (uint64, bool) {
	i := slices.Index(table, s)
	return uint64(max(i, 0)), i >= 0
}
