package kernels

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/hal"
)

// Dialect is a language that kernel text is translated to.
type Dialect uint8

// Dialects.
const (
	OpenCL Dialect = iota // OpenCL C 1.2
	CUDA                  // CUDA C
	CPlus                 // C++ for the emulation on fibers, see package emulate
)

func (d Dialect) String() string { return [...]string{"OpenCL C", "CUDA C", "C++"}[d] }

// Program holds one kernel in the text of a dialect, ready for a compiler. A program is made
// once and shared, so a device may keep what it compiled under the program's pointer.
type Program struct {
	Name    string // the entry point: "softmax_f32"
	Dialect Dialect
	Source  string // everything the compiler reads
	Group   [3]int // work items of a group, each at least 1
	// Buffers is how many buffers the entry point takes. They come first; one
	// structure of Values bytes follows by value.
	Buffers int
	Values  int
	F64     bool // computes in double precision
}

// CheckArguments returns an error if a launch does not have the buffers and the bytes of
// values that the program takes.
func (p *Program) CheckArguments(buffers []hal.Buffer, values []byte) error {
	if len(buffers) != p.Buffers || len(values) != p.Values {
		return fmt.Errorf("%s takes %d buffers and %d bytes of values, not %d and %d", p.Name, p.Buffers, p.Values, len(buffers), len(values))
	}
	return nil
}

// maxLines is how many lines of a text an error shows.
const maxLines = 400

// Listing returns the first lines of a text with their numbers, by which a compiler's log
// refers to them.
func Listing(text string) string {
	var b strings.Builder
	n := 0
	for line := range strings.Lines(text) {
		if n++; n > maxLines {
			b.WriteString("      ...\n")
			break
		}
		fmt.Fprintf(&b, "%4d  %s", n, line)
	}
	return b.String()
}

// Launcher is implemented by the streams of devices that run programs.
type Launcher interface {
	hal.Stream
	// Run queues a program over that many work groups along each axis. A group
	// count of 0 runs nothing. Buffers are in the order of the entry point;
	// values are the bytes of its structure, laid out as C does on a little-endian
	// 64-bit machine, and may be reused on return. A nil buffer stands for the device's
	// fault words, see [FaultBytes].
	Run(p *Program, groups [3]int, buffers []hal.Buffer, values []byte) error
}

// Caps holds what a device tells the kernels about itself: its language and its limits.
type Caps struct {
	Dialect  Dialect
	F64      bool   // computes in double precision
	MaxGroup int    // most work items in a group
	Local    int    // bytes of local memory a group can have
	Tensor   int    // what tensor cores kernels may use, as compute capability times 10: 80; 0 for none
	CPU      bool   // the device is a processor: wide vectors, no local memory of its own
	Vendor   string // for the tuning table, lower case: "nvidia"
	Arch     string // "sm_90"
	Device   string // the device's own name
}
