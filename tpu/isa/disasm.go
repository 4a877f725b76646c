package isa

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// String is the text of a word, in the form that the assembler reads. Fields that
// are zero are left out. An illegal word is shown by its bytes.
func (w Word) String() string {
	if w.Check() != nil {
		return fmt.Sprintf(".word %x", w[:])
	}
	o := w.Opcode()
	if o == Set {
		r := Register(w.bitsAt(8, 8))
		return fmt.Sprintf("set %v %s", r, formatValue(r, w.bitsAt(32, 64)))
	}
	var b strings.Builder
	b.WriteString(o.String())
	for _, f := range fields[o] {
		v := w.bitsAt(f.at, f.width) * f.scale
		switch {
		case v == 0 && f.name != "fn":
		case f.flag:
			b.WriteString(" " + f.name)
		case f.names != nil:
			b.WriteString(" " + f.name + "=" + f.names[v])
		case f.isBuf || f.name == "mem":
			fmt.Fprintf(&b, " %s=%#x", f.name, v)
		default:
			fmt.Fprintf(&b, " %s=%d", f.name, v)
		}
	}
	return b.String()
}

// formatValue is a register's value as the assembler reads it.
func formatValue(r Register, v uint64) string {
	switch registerTable[r].kind {
	case float:
		// Text that does not read back to the same bits is shown as bits.
		if f := math.Float32frombits(uint32(v)); v>>32 == 0 && f == f {
			s := strconv.FormatFloat(float64(f), 'g', -1, 32)
			if back, err := parseValue(r, s); err == nil && back == v {
				return s
			}
		}
		return fmt.Sprintf("%#x", v)
	case address:
		return fmt.Sprintf("%#x", v)
	case signed:
		return strconv.FormatInt(int64(v), 10)
	}
	return strconv.FormatUint(v, 10)
}

// Disassemble writes the text of a program, which Assemble reads back to the same
// program.
func Disassemble(w io.Writer, p *Program) error {
	var b strings.Builder
	flush := func() error {
		_, err := io.WriteString(w, b.String())
		b.Reset()
		return err
	}
	mark := 0
	for pc := range len(p.Words) + 1 {
		for ; mark < len(p.Marks) && p.Marks[mark].PC <= pc; mark++ {
			m := p.Marks[mark]
			if m.Free {
				fmt.Fprintf(&b, ".free %s\n", m.Name)
			} else {
				fmt.Fprintf(&b, ".alloc %s %#x %d\n", m.Name, m.Addr, m.Bytes)
			}
		}
		if pc < len(p.Words) {
			b.WriteString("\t" + p.Words[pc].String() + "\n")
		}
		if b.Len() > 1<<16 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
