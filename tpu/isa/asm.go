package isa

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// maxLine is the longest line of a program's text.
const maxLine = 4096

// Assemble reads a program's text: one instruction a line, its fields as name=value
// and its flags by name; comments begin with a semicolon. Numbers are decimal or
// begin with 0x. An address in the buffer may be a buffer's name, also with +bytes.
//
//	.alloc x 0x0 4096       ; a buffer: name, address, bytes
//	set row_bytes 256
//	load tag=1 buf=x rows=16
//	wait tag=1
//	.free x
//	halt
//
// Errors name the line.
func Assemble(r io.Reader) (*Program, error) {
	a := assembler{buffers: map[string]int64{}}
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	line := 0
	for s.Scan() {
		line++
		text, _, _ := strings.Cut(s.Text(), ";")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if err := a.line(words); err != nil {
			return nil, fmt.Errorf("tpu: line %d: %w", line, err)
		}
	}
	if err := s.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("longer than %d bytes", maxLine)
		}
		return nil, fmt.Errorf("tpu: line %d: %w", line+1, err)
	}
	return &a.prog, nil
}

type assembler struct {
	prog    Program
	buffers map[string]int64 // address by name
}

func (a *assembler) line(words []string) error {
	if strings.HasPrefix(words[0], ".") {
		return a.directive(words)
	}
	if len(a.prog.Words) == MaxWords {
		return fmt.Errorf("more than %d instructions", MaxWords)
	}
	i, ok := named(opcodeNames[:], words[0])
	if !ok {
		return fmt.Errorf("no instruction %q: want %s", words[0], strings.Join(opcodeNames[:], ", "))
	}
	w := Word{byte(i)}
	if Opcode(i) == Set {
		if err := a.set(&w, words[1:]); err != nil {
			return err
		}
	} else {
		for n, arg := range words[1:] {
			if err := a.field(&w, arg, words[1:1+n]); err != nil {
				return fmt.Errorf("%s: %w", words[0], err)
			}
		}
	}
	a.prog.Words = append(a.prog.Words, w)
	return nil
}

func (a *assembler) set(w *Word, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("set: want a register and a value")
	}
	for r := range registers {
		if registerTable[r].name != args[0] {
			continue
		}
		v, err := parseValue(r, args[1])
		if err != nil && registerTable[r].kind == address {
			v, err = a.address(args[1])
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", args[0], err)
		}
		w.setBits(8, 8, uint64(r))
		w.setBits(32, 64, v)
		return nil
	}
	return fmt.Errorf("set: no register %q", args[0])
}

// parseValue reads a register's value.
func parseValue(r Register, s string) (uint64, error) {
	bits, hexErr := strconv.ParseUint(s, 0, 64)
	isHex := strings.HasPrefix(s, "0x") || strings.HasPrefix(s, "0X")
	switch {
	case registerTable[r].kind == float && !(isHex && hexErr == nil):
		f, err := strconv.ParseFloat(s, 32)
		if err != nil || f != f {
			return 0, fmt.Errorf("%q is not a number of 32-bit floating point", s)
		}
		return uint64(math.Float32bits(float32(f))), nil
	case registerTable[r].kind == signed && hexErr != nil:
		v, err := strconv.ParseInt(s, 0, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is not a whole number", s)
		}
		return uint64(v), nil
	case hexErr != nil:
		return 0, fmt.Errorf("%q is not a whole number from 0", s)
	}
	return bits, nil
}

// field sets one field of a word; before are the arguments left of it.
func (a *assembler) field(w *Word, arg string, before []string) error {
	name, text, valued := strings.Cut(arg, "=")
	f, ok := fieldOf(w.Opcode(), name)
	if !ok {
		var names []string
		for _, f := range fields[w.Opcode()] {
			names = append(names, f.name)
		}
		return fmt.Errorf("no field %q: want %s", name, strings.Join(names, ", "))
	}
	for _, b := range before {
		if b, _, _ := strings.Cut(b, "="); b == name {
			return fmt.Errorf("%s is given twice", name)
		}
	}
	if f.flag {
		if valued {
			return fmt.Errorf("%s is a flag and takes no value", name)
		}
		w.setBits(f.at, 1, 1)
		return nil
	}
	if !valued {
		return fmt.Errorf("%s has no value", name)
	}
	var v uint64
	var err error
	switch {
	case f.names != nil:
		if v, ok = named(f.names, text); !ok {
			return fmt.Errorf("%s is %q, want %s", name, text, strings.Join(f.names, ", "))
		}
	case f.isBuf:
		v, err = a.address(text)
	default:
		if v, err = strconv.ParseUint(text, 0, 64); err != nil {
			err = fmt.Errorf("%s is %q, not a whole number from 0", name, text)
		}
	}
	if err != nil {
		return err
	}
	return w.put(f, v)
}

// address reads an address in the buffer: a number, or a buffer's name, perhaps with
// +bytes.
func (a *assembler) address(s string) (uint64, error) {
	if v, err := strconv.ParseUint(s, 0, 64); err == nil {
		return v, nil
	}
	name, offset, more := strings.Cut(s, "+")
	base, ok := a.buffers[name]
	if !ok {
		return 0, fmt.Errorf("%q is neither a number nor a buffer", s)
	}
	if !more {
		return uint64(base), nil
	}
	v, err := strconv.ParseUint(offset, 0, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of bytes", offset)
	}
	return uint64(base) + v, nil
}

func (a *assembler) directive(words []string) error {
	switch words[0] {
	case ".alloc":
		if len(words) != 4 {
			return fmt.Errorf(".alloc: want a name, an address and a number of bytes")
		}
		addr, err := strconv.ParseUint(words[2], 0, 40)
		if err != nil {
			return fmt.Errorf(".alloc: address %q is not a whole number from 0", words[2])
		}
		bytes, err := strconv.ParseUint(words[3], 0, 40)
		if err != nil {
			return fmt.Errorf(".alloc: %q is not a number of bytes", words[3])
		}
		if !validName(words[1]) {
			return fmt.Errorf(".alloc: %q is no name: want letters, digits, _ and ., a letter first, up to 64", words[1])
		}
		a.buffers[words[1]] = int64(addr)
		a.mark(Mark{Name: words[1], Addr: int64(addr), Bytes: int64(bytes)})
	case ".free":
		if len(words) != 2 || !validName(words[1]) {
			return fmt.Errorf(".free: want the name of a buffer")
		}
		delete(a.buffers, words[1])
		a.mark(Mark{Name: words[1], Free: true})
	case ".word":
		b, err := hex.DecodeString(strings.Join(words[1:], ""))
		if err != nil || len(b) != WordBytes {
			return fmt.Errorf(".word: want %d bytes in hexadecimal", WordBytes)
		}
		if len(a.prog.Words) == MaxWords {
			return fmt.Errorf("more than %d instructions", MaxWords)
		}
		a.prog.Words = append(a.prog.Words, Word(b))
	default:
		return fmt.Errorf("no directive %q: want .alloc, .free or .word", words[0])
	}
	return nil
}

func (a *assembler) mark(m Mark) {
	m.PC = len(a.prog.Words)
	a.prog.Marks = append(a.prog.Marks, m)
}

// validName reports whether a buffer can have the name.
func validName(s string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
		if !letter && (i == 0 || !(r >= '0' && r <= '9' || r == '.')) {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
