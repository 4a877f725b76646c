package isa

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/crease-ml/crease/tpu/num"
)

// WordBytes is the size of an instruction.
const WordBytes = 12

// Word is an instruction: its opcode in the first byte, then its fields, little
// endian. Bits that no field names are zero.
type Word [WordBytes]byte

// Opcode returns the first byte.
func (w Word) Opcode() Opcode { return Opcode(w[0]) }

// field is a part of a word.
type field struct {
	name      string
	at, width uint     // in bits
	scale     uint64   // a unit of the field stands for so many of its value
	names     []string // of values
	flag      bool     // one bit, written by its name alone
	isBuf     bool     // an address in the buffer
}

func bits(name string, at, width uint) field {
	return field{name: name, at: at, width: width, scale: 1}
}

func flag(name string, at uint) field {
	return field{name: name, at: at, width: 1, scale: 1, flag: true}
}

func enum(name string, at, width uint, names []string) field {
	return field{name: name, at: at, width: width, scale: 1, names: names}
}

// bufUnit is what a unit of a buffer address stands for, in bytes.
const bufUnit = 8

func buf(name string, at uint) field {
	return field{name: name, at: at, width: 24, scale: bufUnit, isBuf: true}
}

// transfer are the fields of the four transfers.
var transfer = []field{bits("tag", 8, 8), buf("buf", 16), bits("mem", 40, 40), bits("rows", 80, 16)}

// product are those that matrix product and convolution share.
var product = []field{
	flag("accumulate", 8), flag("switch", 9), flag("last", 10), enum("type", 11, 2, typeNames[:4]), bits("array", 13, 4),
	buf("buf", 24), bits("acc", 48, 16),
}

// fields are the parts of every instruction, in the order in which they are written.
var fields = [opcodes][]field{
	NOP: {}, Halt: {}, Sync: {},
	Wait:      {bits("tag", 8, 8)},
	Set:       {bits("register", 8, 8), bits("value", 32, 64)},
	ReadHost:  transfer,
	WriteHost: transfer,
	LoadHBM:   transfer,
	StoreHBM:  transfer,
	ReadWeights: {
		enum("type", 8, 2, typeNames[:4]), flag("transpose", 10), bits("array", 11, 4), flag("from_buffer", 15),
		bits("rows", 16, 16), bits("cols", 32, 16), bits("mem", 48, 40), bits("tag", 88, 8),
	},
	MatMul: append(product[:len(product):len(product)], bits("rows", 64, 32)),
	Conv:   append(product[:len(product):len(product)], bits("high", 64, 16), bits("wide", 80, 16)),
	Activate: {
		enum("fn", 8, 8, num.Functions()), flag("bias", 16), flag("scales", 17), flag("float", 18),
		enum("out", 19, 3, typeNames[:]), enum("pool", 22, 2, poolNames[:]), bits("array", 24, 4),
		bits("acc", 32, 16), buf("buf", 48), bits("rows", 72, 24),
	},
	Vector:    {enum("fn", 8, 8, vectorNames[:]), buf("dst", 16), buf("src", 40), bits("count", 64, 32)},
	Interrupt: {bits("code", 64, 32)},
	Debug:     {bits("code", 64, 32)},
}

// bitsAt reads width bits of the word, up to 64.
func (w *Word) bitsAt(at, width uint) uint64 {
	lo, hi := binary.LittleEndian.Uint64(w[:8]), uint64(binary.LittleEndian.Uint32(w[8:]))
	v := hi >> (at & 63)
	if at < 64 {
		v = lo>>at | hi<<(64-at) // a shift by 64 gives 0
	}
	return v & (1<<width - 1) // all bits for 64
}

// setBits writes the low width bits of v, up to 64.
func (w *Word) setBits(at, width uint, v uint64) {
	lo, hi := binary.LittleEndian.Uint64(w[:8]), uint64(binary.LittleEndian.Uint32(w[8:]))
	mask := uint64(1)<<width - 1 // all bits for 64
	v &= mask
	if at < 64 {
		lo = lo&^(mask<<at) | v<<at
		hi = hi&^(mask>>(64-at)) | v>>(64-at) // shifts by 64 give 0
	} else {
		hi = hi&^(mask<<(at-64)) | v<<(at-64)
	}
	binary.LittleEndian.PutUint64(w[:8], lo)
	binary.LittleEndian.PutUint32(w[8:], uint32(hi))
}

func fieldOf(o Opcode, name string) (field, bool) {
	for _, f := range fields[o] {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// put writes a field and reports a value that does not fit.
func (w *Word) put(f field, v uint64) error {
	if v%f.scale != 0 {
		return fmt.Errorf("%s is %d, want a multiple of %d", f.name, v, f.scale)
	}
	if u := v / f.scale; f.width < 64 && u>>f.width != 0 {
		return fmt.Errorf("%s is %d, the field holds up to %d", f.name, v, (uint64(1)<<f.width-1)*f.scale)
	}
	if f.names != nil && v >= uint64(len(f.names)) {
		return fmt.Errorf("%s is %d, want %s", f.name, v, strings.Join(f.names, ", "))
	}
	w.setBits(f.at, f.width, v/f.scale)
	return nil
}

// used are the bits that the fields of an instruction cover.
var used = func() (m [opcodes]Word) {
	for o := range opcodes {
		m[o].setBits(0, 8, 0xff)
		for _, f := range fields[o] {
			m[o].setBits(f.at, f.width, ^uint64(0))
		}
	}
	return m
}()

// Check reports what is wrong with a word by itself: an opcode or a name of a value
// that does not exist, or bits that no field has.
func (w Word) Check() error {
	o := w.Opcode()
	if !o.Valid() {
		return fmt.Errorf("illegal %v", o)
	}
	for i, b := range w {
		if b&^used[o][i] != 0 {
			return fmt.Errorf("illegal encoding of %v: byte %d is %#02x, bits %#02x belong to no field", o, i, b, b&^used[o][i])
		}
	}
	for _, f := range fields[o] {
		if v := w.bitsAt(f.at, f.width); f.names != nil && v >= uint64(len(f.names)) {
			return fmt.Errorf("illegal %s %d of %v, want %s", f.name, v, o, strings.Join(f.names, ", "))
		}
	}
	if o == Set {
		if r := Register(w.bitsAt(8, 8)); !r.Valid() {
			return fmt.Errorf("illegal %v", r)
		}
	}
	return nil
}
