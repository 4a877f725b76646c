package ops

import (
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Pad puts a value around and between elements.
var Pad *Op

// PadAttrs give for each axis the number of elements added before, after and
// between neighbours. Negative Lo and Hi remove elements, counted after the ones
// between neighbours were added, as in XLA. A nil slice means zero everywhere.
type PadAttrs struct {
	Lo       []int   `json:"lo"`
	Hi       []int   `json:"hi"`
	Interior []int   `json:"interior,omitempty"`
	Value    float64 `json:"value"`
	Int      int64   `json:"int,omitempty"` // in place of Value where a float64 would round it
}

// Bits returns the bytes of an element of padding.
func (a PadAttrs) Bits(t dtype.Type) [8]byte { return a.number().Bits(t) }

func (a PadAttrs) number() Number { return Number{a.Value, a.Int} }

func init() {
	Pad = Declare(Op{Name: "pad", Doc: "x with a value put around, and by interior counts between, its elements; negative counts crop.", ONNX: "Pad",
		Kind: Core, Family: CopyFamily, Inputs: "x", Attrs: PadAttrs{}, Types: Any, Tol: exact,
		Infer: padInfer, Ref: padRef, Grad: padGrad,
		Bench: func(s Size) Case {
			return Case{Attrs: PadAttrs{Lo: []int{1, 1}, Hi: []int{1, 1}}, In: []Arg{s.Square()}}
		},
		Cases: []Case{
			{Name: "scalar", Attrs: PadAttrs{}, In: args(Arg{}, []int{})},
			{Name: "around", Attrs: PadAttrs{Lo: []int{1, 2}, Hi: []int{0, 3}, Value: 1}, In: args(Arg{}, []int{3, 4})},
			{Name: "between", Attrs: PadAttrs{Lo: []int{1}, Hi: []int{2}, Interior: []int{2}}, In: args(Arg{}, []int{7})},
			{Name: "crop", Attrs: PadAttrs{Lo: []int{-1, -2}, Hi: []int{-1, 1}}, In: args(Arg{}, []int{5, 6})},
			{Name: "crop-between", Attrs: PadAttrs{Lo: []int{-2}, Hi: []int{-1}, Interior: []int{1}}, In: args(Arg{}, []int{5})},
			{Name: "shift", Attrs: PadAttrs{Lo: []int{0, 2}, Hi: []int{0, -2}, Value: 1}, In: args(Arg{}, []int{2, 5})},
			{Name: "long", Types: []dtype.Type{dtype.I64, dtype.U64}, Attrs: PadAttrs{Lo: []int{1}, Hi: []int{2}, Int: 1<<53 + 1}, In: args(Arg{}, []int{3})},
			{Name: "from-empty", Attrs: PadAttrs{Lo: []int{2}, Hi: []int{1}, Value: 1}, In: args(Arg{}, []int{0})},
			{Name: "to-empty", Attrs: PadAttrs{Lo: []int{-3}, Hi: []int{0}}, In: args(Arg{}, []int{3})},
		},
	})
}

// axis is the counts for one axis.
func (a PadAttrs) axis(i int) (lo, hi, interior int) {
	return valueAt(a.Lo, i, 0), valueAt(a.Hi, i, 0), valueAt(a.Interior, i, 0)
}

// valueAt is s[i], or a default where the whole slice is absent.
func valueAt(s []int, i, absent int) int {
	if s == nil {
		return absent
	}
	return s[i]
}

// wantPerAxis refuses a list that is neither absent nor one value per axis.
func wantPerAxis(name string, list []int, n int) error {
	if list != nil && len(list) != n {
		return attrErr("%s has %d values, want one for each of %d axes", name, len(list), n)
	}
	return nil
}

func padInfer(attrs any, in []Spec) ([]Spec, error) {
	a, dims := attrs.(PadAttrs), in[0].Shape
	if err := a.number().check(in[0].DType); err != nil {
		return nil, err
	}
	for _, l := range []struct {
		name string
		list []int
	}{{"lo", a.Lo}, {"hi", a.Hi}, {"interior", a.Interior}} {
		if err := wantPerAxis(l.name, l.list, len(dims)); err != nil {
			return nil, err
		}
	}
	out := make([]int, len(dims))
	for i, n := range dims {
		lo, hi, interior := a.axis(i)
		gaps := max(n-1, 0)
		switch {
		case interior < 0:
			return nil, attrErr("interior count %d of axis %d is negative", interior, i)
		case max(lo, hi) > shape.MaxBytes || min(lo, hi) < -shape.MaxBytes || gaps > 0 && interior > shape.MaxBytes/gaps:
			return nil, attrErr("padding of axis %d (%d before, %d after, %d between) is beyond any buffer", i, lo, hi, interior)
		}
		out[i] = lo + n + gaps*interior + hi
		if out[i] < 0 {
			return nil, shapeErr("axis %d of size %d cannot lose %d elements", i, n+gaps*interior, -lo-hi)
		}
	}
	return []Spec{{in[0].DType, out}}, nil
}

func padRef(attrs any, in, out []Host) {
	a, x, y := attrs.(PadAttrs), in[0], out[0]
	fillHost(y, a.Bits(y.DType))
	strides := shape.Strides(y.Shape)
	eachIndex(x.Shape, func(i int, index []int) {
		to := 0
		for axis, k := range index {
			lo, _, interior := a.axis(axis)
			at := lo + k*(interior+1)
			if at < 0 || at >= y.Shape[axis] {
				return
			}
			to += at * strides[axis]
		}
		moveElement(y, to, x, i)
	})
}

// moveElement copies one element of equal type without converting it.
func moveElement(to Host, i int, from Host, k int) {
	n := to.DType.Size()
	copy(to.Data[i*n:(i+1)*n], from.Data[k*n:(k+1)*n])
}

// eachIndex visits all index tuples of dims in row-major order. The tuple is
// reused.
func eachIndex(dims []int, visit func(i int, index []int)) {
	index := make([]int, len(dims))
	for i := range shape.MustElements(dims) {
		rest := i
		for a := len(dims) - 1; a >= 0; a-- {
			index[a], rest = rest%dims[a], rest/dims[a]
		}
		visit(i, index)
	}
}

// padGrad undoes the padding: the edges by the opposite padding, which gives
// cropped elements their zero gradient, then the interior by a slice.
func padGrad(g *GradCall) []Value {
	a, b, x := g.Attrs.(PadAttrs), g.B, g.In[0].Spec()
	rank := len(x.Shape)
	if x.Elements() == 0 {
		return []Value{Zeros(b, x)}
	}
	lo, hi := make([]int, rank), make([]int, rank)
	start, step := make([]int, rank), make([]int, rank)
	for i := range rank {
		l, h, interior := a.axis(i)
		lo[i], hi[i], step[i] = -l, -h, interior+1
	}
	d := Pad.With(b, PadAttrs{Lo: lo, Hi: hi}, g.D[0])
	if shape.Equal(d.Spec().Shape, x.Shape) {
		return []Value{d}
	}
	return []Value{Slice.With(b, SliceAttrs{Start: start, Count: x.Shape, Step: step}, d)}
}
