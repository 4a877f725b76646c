package kernels

import (
	"math"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// Library holds the portable kernels of one device and their programs, each of which it
// renders once.
type Library struct {
	caps  Caps
	tuned tuned

	fitting sync.Map // of textKey: whether the device has room for it
	fused   sync.Map // of fusion: the kernel of a fused row

	mu       sync.Mutex
	programs map[any]*Program
}

func newLibrary(caps Caps, table tuned) *Library {
	return &Library{caps: caps, tuned: table, programs: map[any]*Program{}}
}

// get returns the program of a key, and renders it on first use. A key is a comparable value
// that holds everything the program's text depends on.
func (l *Library) get(key any, make func() (*source, error)) (*Program, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p, ok := l.programs[key]; ok {
		return p, nil
	}
	s, err := make()
	if err != nil {
		return nil, err
	}
	p := s.program(l.caps.Dialect)
	l.programs[key] = p
	return p, nil
}

// computes reports whether the device can compute in a class.
func (l *Library) computes(c class) bool { return c != f64 || l.caps.F64 }

// maxIndex is the largest index that kernels use. It is below the largest 32-bit number, so
// that the work items of the last group may count beyond the end.
const maxIndex = math.MaxInt32 - 1<<25

// indexable reports whether kernels can address every element of every view of a call: they
// count in 32 bits.
func indexable(c *hal.Call) bool {
	for _, list := range [][]hal.View{c.In, c.Out} {
		for _, v := range list {
			lo, hi, err := shape.Extent(v.Shape, v.Strides, v.Offset)
			if err != nil || lo < 0 || hi > maxIndex || v.Elements() > maxIndex {
				return false
			}
		}
	}
	return true
}

// header writes the beginning of a step's values, room for every buffer's offset and, where
// the program asks for it, the buffer's element type. It returns where those offsets are.
func header(w *values, coded func(i int) bool, list []window) []argument {
	args := make([]argument, len(list))
	for i, v := range list {
		args[i] = v.argument(len(w.b))
		w.int(0)
		if coded(i) {
			w.int(int(v.DType))
		}
	}
	return args
}

// ceil returns a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// bitsType returns an element type of the same size as t that can be copied bit for bit
// without interpreting its value.
func bitsType(t dtype.Type) dtype.Type {
	switch t.Size() {
	case 8:
		return dtype.U64
	case 4:
		return dtype.F32
	case 2:
		return dtype.U16
	}
	return dtype.U8
}
