package kernels

import (
	"math"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/shape"
)

// Library is the portable kernels of one device. It makes their programs, each once.
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

// get is the program of a key, a comparable value that says all its text depends on.
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

// maxIndex leaves room for the last group to count beyond the end.
const maxIndex = math.MaxInt32 - 1<<25

// indexable reports whether kernels, which count in 32 bits, can reach every
// element of every view.
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

// header is the beginning of the values of a step: room for the offset and, where a
// program asks for it, the element type of every buffer.
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

// ceil is a/b rounded up.
func ceil(a, b int) int { return (a + b - 1) / b }

// bitsType is an element type of the same size that is moved without looking at
// its value.
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
