package isa

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The file form of a program: a signature, the number of words and of marks, the
// words, and the marks, each an instruction's number, a flag, address, bytes, and a
// name behind its length. Numbers are little endian.
const signature = "crtpu\x00\x01\n"

// MarshalBinary returns the file form of the program.
func (p *Program) MarshalBinary() ([]byte, error) {
	if len(p.Words) > MaxWords || len(p.Marks) > MaxWords {
		return nil, fmt.Errorf("tpu: a program of %d instructions and %d marks, the limit is %d", len(p.Words), len(p.Marks), MaxWords)
	}
	b := []byte(signature)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Words)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Marks)))
	for _, w := range p.Words {
		b = append(b, w[:]...)
	}
	for _, m := range p.Marks {
		if !validName(m.Name) || m.PC < 0 || m.PC > len(p.Words) {
			return nil, fmt.Errorf("tpu: mark %q at instruction %d cannot be written", m.Name, m.PC)
		}
		b = binary.LittleEndian.AppendUint32(b, uint32(m.PC))
		free := byte(0)
		if m.Free {
			free = 1
		}
		b = append(b, free)
		b = binary.LittleEndian.AppendUint64(b, uint64(m.Addr))
		b = binary.LittleEndian.AppendUint64(b, uint64(m.Bytes))
		b = append(append(b, byte(len(m.Name))), m.Name...)
	}
	return b, nil
}

var errShort = errors.New("tpu: the program's file ends too early")

// UnmarshalBinary reads the file form. It does not check the program.
func (p *Program) UnmarshalBinary(b []byte) error {
	if len(b) < len(signature)+8 || string(b[:len(signature)]) != signature {
		return errors.New("tpu: not a program: want a file that crease tpu asm wrote")
	}
	b = b[len(signature):]
	words, marks := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	b = b[8:]
	const markBytes = 4 + 1 + 8 + 8 + 1
	if words > len(b)/WordBytes || marks > (len(b)-words*WordBytes)/markBytes {
		return errShort
	}
	q := Program{Words: make([]Word, words)}
	for i := range q.Words {
		q.Words[i] = Word(b[i*WordBytes:])
	}
	b = b[words*WordBytes:]
	if marks > 0 {
		q.Marks = make([]Mark, marks)
	}
	for i := range q.Marks {
		if len(b) < markBytes {
			return errShort
		}
		m := Mark{PC: int(binary.LittleEndian.Uint32(b)), Free: b[4] == 1, Addr: int64(binary.LittleEndian.Uint64(b[5:])), Bytes: int64(binary.LittleEndian.Uint64(b[13:]))}
		n := int(b[21])
		if len(b) < markBytes+n {
			return errShort
		}
		m.Name = string(b[markBytes : markBytes+n])
		switch {
		case b[4] > 1 || m.PC > words || i > 0 && m.PC < q.Marks[i-1].PC:
			return fmt.Errorf("tpu: mark %d of the program is damaged", i)
		case !validName(m.Name):
			return fmt.Errorf("tpu: mark %d of the program has the name %q", i, m.Name)
		case m.Free && (m.Addr != 0 || m.Bytes != 0) || m.Addr < 0 || m.Addr >= 1<<40 || m.Bytes < 0 || m.Bytes >= 1<<40:
			return fmt.Errorf("tpu: mark %d of the program is of %d bytes at %#x", i, m.Bytes, m.Addr)
		}
		q.Marks[i] = m
		b = b[markBytes+n:]
	}
	if len(b) > 0 {
		return fmt.Errorf("tpu: %d bytes follow the program", len(b))
	}
	*p = q
	return nil
}
