package crease

import (
	"math"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// NumPy's print options.
const (
	printPrecision = 8    // digits after the point at most
	printThreshold = 1000 // elements from which an array is summarised
	printEdge      = 3    // items at each end of a summarised axis
	printWidth     = 75   // characters of a line
)

// String prints the elements as NumPy's str does. Inside a function that is being
// compiled that is a *CompileError, as every look at elements is.
//
// Of an array with more than a thousand elements it reads the corners that it prints, not
// the rest.
func (t *Tensor) String() string {
	switch {
	case t == nil:
		return "<nil tensor>"
	case t.v == nil:
		return "<zero Tensor>"
	}
	if tracing() != nil {
		return printHost(t.Host())
	}
	if _, inside := t.v.Value().(*graph.Value); inside {
		return "<" + t.Spec().String() + " of a compiled function>"
	}
	if a, ok := t.v.Value().(interface{ Released() bool }); ok && a.Released() {
		return "<" + t.Spec().String() + " freed>"
	}
	if t.Len() <= printThreshold {
		return printHost(t.Host())
	}
	h, cut := t.corners()
	return printCorners(h, cut)
}

// corners copies what a summary shows to the host: the three first and the three last
// items of every axis with more than six. cut says which axes these are.
func (t *Tensor) corners() (h ops.Host, cut []bool) {
	dims := shape.Clone(t.Shape())
	cut = make([]bool, len(dims))
	for axis, n := range dims {
		if cut[axis] = n > 2*printEdge; cut[axis] {
			dims[axis] = 2 * printEdge
		}
	}
	h = ops.NewHost(ops.Spec{DType: t.DType(), Shape: dims})
	NoGrad(func() {
		Tidy(func() []*Tensor {
			t.Detach().copyCorners(h, cut, 0, make([]int, len(dims)))
			return nil
		})
	})
	return h, cut
}

// copyCorners copies the corners of t to their places in h, from an axis on; those before
// it are cut already, and begin at these places.
func (t *Tensor) copyCorners(h ops.Host, cut []bool, axis int, at []int) {
	if axis == len(cut) {
		part, size := t.Host(), h.DType.Size()
		from := shape.NewIterator(part.Shape, shape.Strides(h.Shape))
		first := 0
		for i, stride := range shape.Strides(h.Shape) {
			first += at[i] * stride
		}
		for i := 0; from.Next(); i++ {
			copy(h.Data[(first+from.Offsets()[0])*size:][:size], part.Data[i*size:])
		}
		return
	}
	if !cut[axis] {
		t.copyCorners(h, cut, axis+1, at)
		return
	}
	for _, start := range []int{0, printEdge} {
		at[axis] = start
		begin := start
		if start > 0 {
			begin = t.Dim(axis) - printEdge
		}
		t.Narrow(axis, begin, printEdge).copyCorners(h, cut, axis+1, at)
	}
	at[axis] = 0
}

// printHost prints a whole array, summarised where it is large.
func printHost(h ops.Host) string {
	cut := make([]bool, len(h.Shape))
	for axis, n := range h.Shape {
		cut[axis] = h.Elements() > printThreshold && n > 2*printEdge
	}
	return printCorners(h, cut)
}

// printCorners prints an array whose cut axes have an ellipsis between the first and the
// last items; it may have been left out of h already.
func printCorners(h ops.Host, cut []bool) string {
	p := &printer{h: h, strides: shape.Strides(h.Shape), cut: cut}
	if h.Elements() == 0 {
		return "[]"
	}
	var shown []int
	p.visit(0, 0, func(at int) { shown = append(shown, at) })
	p.format = formatter(h, shown)
	if len(h.Shape) == 0 {
		return printScalar(h)
	}
	return p.axis(0, 0)
}

type printer struct {
	h       ops.Host
	strides []int
	cut     []bool // by axis
	format  func(at int) string
}

// split is how many items are shown at the head and the tail of an axis; tail 0
// means that head is all of it.
func (p *printer) split(axis int) (head, tail int) {
	n := p.h.Shape[axis]
	if p.cut[axis] {
		return printEdge, printEdge
	}
	return n, 0
}

// visit calls f for every element that will be shown.
func (p *printer) visit(axis, at int, f func(int)) {
	if axis == len(p.h.Shape) {
		f(at)
		return
	}
	head, tail := p.split(axis)
	for i := range head {
		p.visit(axis+1, at+i*p.strides[axis], f)
	}
	for i := p.h.Shape[axis] - tail; tail > 0 && i < p.h.Shape[axis]; i++ {
		p.visit(axis+1, at+i*p.strides[axis], f)
	}
}

// axis prints one axis, wrapping the items of the last one.
func (p *printer) axis(axis, at int) string {
	head, tail := p.split(axis)
	var items []string
	last := axis == len(p.h.Shape)-1
	add := func(i int) {
		pos := at + i*p.strides[axis]
		if last {
			items = append(items, p.format(pos))
			return
		}
		items = append(items, p.axis(axis+1, pos))
	}
	for i := range head {
		add(i)
	}
	if tail > 0 {
		items = append(items, "...")
		for i := p.h.Shape[axis] - tail; i < p.h.Shape[axis]; i++ {
			add(i)
		}
	}
	indent := strings.Repeat(" ", axis+1)
	if !last {
		gap := strings.Repeat("\n", len(p.h.Shape)-axis-1)
		return "[" + strings.Join(items, gap+indent) + "]"
	}
	var b strings.Builder
	line, width := indent, printWidth-axis-1
	for i, item := range items {
		if i > 0 {
			line += " "
		}
		if len(line)+len(item) > width && len(line) > len(indent) {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = indent
		}
		line += item
	}
	b.WriteString(line)
	return "[" + b.String()[len(indent):] + "]"
}

// printScalar prints an array of rank 0 as NumPy prints a number.
func printScalar(h ops.Host) string {
	v := h.At(0)
	if !h.DType.IsFloat() || math.IsNaN(v) || math.IsInf(v, 0) {
		return strings.TrimSpace(formatter(h, []int{0})(0))
	}
	if m := math.Abs(v); m != 0 && (m < 1e-4 || m >= 1e16) {
		return shortest(v, h.DType, 'e', 17)
	}
	s := shortest(v, h.DType, 'f', 17)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// formatter gives all shown elements one width.
func formatter(h ops.Host, shown []int) func(int) string {
	var text func(at int) string
	switch {
	case h.DType == dtype.Bool:
		text = func(at int) string {
			if h.Int(at) != 0 {
				return "True"
			}
			return "False"
		}
	case h.DType.IsUnsigned():
		text = func(at int) string { return strconv.FormatUint(uint64(h.Int(at)), 10) }
	case h.DType.IsInt():
		text = func(at int) string { return strconv.FormatInt(h.Int(at), 10) }
	default:
		return floatFormatter(h, shown)
	}
	width := 0
	for _, at := range shown {
		width = max(width, len(text(at)))
	}
	return func(at int) string { return padLeft(text(at), width) }
}

// floatFormatter follows NumPy: the fewest digits that tell each number from its
// neighbours, at most eight after the point, the points in one column, and
// scientific notation when the numbers are very large, very small or far apart.
func floatFormatter(h ops.Host, shown []int) func(int) string {
	lo, hi := math.Inf(1), 0.0
	for _, at := range shown {
		if v := math.Abs(h.At(at)); v != 0 && !math.IsInf(v, 0) && !math.IsNaN(v) {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	science := hi >= 1e8 || hi > 0 && (lo < 1e-4 || hi/lo > 1000)
	texts := map[int][2]string{}
	left, right, special, exponent := 0, 0, 0, 0
	for _, at := range shown {
		v := h.At(at)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			special = max(special, len(specialText(v)))
			continue
		}
		if science {
			m, e := splitScience(shortest(v, h.DType, 'e', printPrecision))
			whole, frac, _ := strings.Cut(m, ".")
			left, right, exponent = max(left, len(whole)), max(right, len(frac)), max(exponent, len(e))
			continue
		}
		whole, frac, _ := strings.Cut(shortest(v, h.DType, 'f', printPrecision), ".")
		texts[at] = [2]string{whole, frac}
		left, right = max(left, len(whole)), max(right, len(frac))
	}
	width := left + 1 + right + exponent
	if special > width {
		left += special - width
		width = special
	}
	return func(at int) string {
		v := h.At(at)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return padLeft(specialText(v), width)
		}
		if science {
			m, e := splitScience(strconv.FormatFloat(v, 'e', right, 64))
			if right == 0 {
				m += "."
			}
			return padLeft(m+e, width)
		}
		t := texts[at]
		return padLeft(t[0], left) + "." + t[1] + strings.Repeat(" ", right-len(t[1]))
	}
}

func specialText(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case v > 0:
		return "inf"
	}
	return "-inf"
}

// shortest prints with the fewest digits that read back as the same element,
// but at most precision after the point; trailing zeros are dropped.
func shortest(v float64, t dtype.Type, form byte, precision int) string {
	digits := -1
	bits := 64
	switch t {
	case dtype.F32:
		bits = 32
	case dtype.F16, dtype.BF16, dtype.F8E4M3, dtype.F8E5M2:
		digits = fewest(v, t)
	}
	s := strconv.FormatFloat(v, 'e', digits, bits)
	exact, err := strconv.ParseFloat(s, 64)
	if err != nil {
		exact = v
	}
	s = strconv.FormatFloat(exact, form, -1, 64)
	m, e := splitScience(s)
	if _, frac, _ := strings.Cut(m, "."); len(frac) > precision {
		s = strconv.FormatFloat(exact, form, precision, 64)
		m, e = splitScience(s)
	}
	if strings.Contains(m, ".") {
		m = strings.TrimRight(strings.TrimRight(m, "0"), ".")
	}
	return m + e
}

// fewest is the number of digits after the first that identify an element of a
// narrow type.
func fewest(v float64, t dtype.Type) int {
	b := make([]byte, 8)
	for digits := range 17 {
		back, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits, 64), 64)
		if err != nil {
			continue
		}
		dtype.Store(b, t, 0, back)
		if dtype.Load(b, t, 0) == v {
			return digits
		}
	}
	return 17
}

// splitScience cuts "1.5e+10" into mantissa and exponent.
func splitScience(s string) (mantissa, exponent string) {
	if i := strings.IndexByte(s, 'e'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

func padLeft(s string, width int) string { return strings.Repeat(" ", max(0, width-len(s))) + s }
