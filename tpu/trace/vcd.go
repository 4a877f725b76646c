package trace

import (
	"bufio"
	"fmt"
	"io"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/sim"
)

// maxSide bounds the registers of a dump: all of a 16×16 array, the corner of a larger
// one.
const maxSide = 16

// VCD writes registers of the arrays, cycle by cycle: activations, sums and shadow weights
// of the elements of the first rows and columns, after IEEE 1364-2005, chapter 18.
type VCD struct {
	w          *bufio.Writer
	rows, cols int
	arrays     int
	last       []uint64 // what the signals were, by number
	err        error
	begun      bool
}

// NewVCD begins a dump for a core.
func NewVCD(w io.Writer, c *arch.Config) *VCD {
	v := &VCD{w: bufio.NewWriter(w), rows: min(c.Rows, maxSide), cols: min(c.Cols, maxSide), arrays: c.Arrays}
	v.printf("$version crease $end\n$timescale 1ns $end\n$scope module core $end\n$var wire 64 %s cycle $end\n", code(0))
	id := 1
	for a := range v.arrays {
		v.printf("$scope module array%d $end\n", a)
		for r := range v.rows {
			for k := range v.cols {
				v.printf("$scope module pe_%d_%d $end\n", r, k)
				for _, s := range []struct {
					name  string
					width int
				}{{"activation", 32}, {"sum", 32}, {"shadow", 16}} {
					v.printf("$var wire %d %s %s $end\n", s.width, code(id), s.name)
					id++
				}
				v.printf("$upscope $end\n")
			}
		}
		v.printf("$upscope $end\n")
	}
	v.printf("$upscope $end\n$enddefinitions $end\n")
	v.last = make([]uint64, id)
	return v
}

// code is the identifier of a signal: printable characters, the lowest digit first.
func code(id int) string {
	var b []byte
	for {
		b = append(b, byte('!'+id%94))
		if id /= 94; id == 0 {
			return string(b)
		}
	}
}

func (v *VCD) printf(format string, args ...any) {
	if v.err == nil {
		_, v.err = fmt.Fprintf(v.w, format, args...)
	}
}

// Probe adds the state behind a cycle (it is a sim.Options.Probe).
func (v *VCD) Probe(cycle int64, arrays []*sim.Mesh) {
	v.printf("#%d\nb%b %s\n", cycle, cycle, code(0))
	id := 1
	for _, m := range arrays {
		for r := range v.rows {
			for k := range v.cols {
				v.set(id, uint64(m.Activation(r, k)))
				v.set(id+1, uint64(m.Sum(r, k)))
				v.set(id+2, uint64(m.Shadow(r, k)))
				id += 3
			}
		}
	}
	v.begun = true
}

// set writes a signal that has changed.
func (v *VCD) set(id int, value uint64) {
	if v.begun && v.last[id] == value {
		return
	}
	v.last[id] = value
	v.printf("b%b %s\n", value, code(id))
}

// Close ends the file and returns the first error.
func (v *VCD) Close() error {
	if v.err == nil {
		v.err = v.w.Flush()
	}
	if v.err != nil {
		return fmt.Errorf("vcd: %w", v.err)
	}
	return nil
}
