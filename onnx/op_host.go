package onnx

import (
	"cmp"
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// Operators whose results have a size that depends on elements, or that work through their
// input one element after the other. They run on the host; in a recording what they read
// is static.

func init() {
	add1("NonMaxSuppression", suppress)
	add1("NonZero", nonZero)
	add("Unique", unique)
	add1("Det", determinant)
}

// nonZero lists the places of elements that are not zero, one row per axis.
func nonZero(c *call) ops.Value {
	h := c.host(0)
	var at []int
	for i := range h.Elements() {
		if h.DType.IsFloat() && h.At(i) != 0 || !h.DType.IsFloat() && h.Int(i) != 0 {
			at = append(at, i)
		}
	}
	dims := h.Shape
	out := ops.NewHost(ops.Spec{DType: dtype.I64, Shape: []int{len(dims), len(at)}})
	strides := shape.Strides(dims)
	for a := range dims {
		for k, i := range at {
			out.SetInt(a*len(at)+k, int64(i/strides[a]%dims[a]))
		}
	}
	return c.b.Const(out)
}

// determinant is that of square matrices, by elimination with pivots.
func determinant(c *call) ops.Value {
	h := c.host(0)
	d := h.Shape
	if len(d) < 2 || d[len(d)-1] != d[len(d)-2] {
		c.fail("its input has shape %s, want square matrices", shape.String(d))
	}
	n := d[len(d)-1]
	out := ops.NewHost(ops.Spec{DType: h.DType, Shape: d[:len(d)-2]})
	for k := range out.Elements() {
		m := make([]float64, n*n)
		for i := range m {
			m[i] = h.At(k*n*n + i)
		}
		out.Set(k, eliminate(m, n))
	}
	return c.b.Const(out)
}

func eliminate(m []float64, n int) float64 {
	det := 1.0
	for i := range n {
		best := i
		for r := i + 1; r < n; r++ {
			if math.Abs(m[r*n+i]) > math.Abs(m[best*n+i]) {
				best = r
			}
		}
		if m[best*n+i] == 0 {
			return 0
		}
		if best != i {
			det = -det
			for j := range n {
				m[i*n+j], m[best*n+j] = m[best*n+j], m[i*n+j]
			}
		}
		det *= m[i*n+i]
		for r := i + 1; r < n; r++ {
			f := m[r*n+i] / m[i*n+i]
			for j := i; j < n; j++ {
				m[r*n+j] -= f * m[i*n+j]
			}
		}
	}
	return det
}

// unique lists the different elements, or slices along an axis, with the place where each
// is first, which one each is, and how often each is there.
func unique(c *call) []ops.Value {
	h := c.host(0)
	sorted := c.int("sorted", 1) != 0
	dims, axis := []int{h.Elements()}, 0
	if c.attr("axis") != nil {
		axis, dims = c.axis("axis", 0, len(h.Shape)), h.Shape
	}
	n, inner, outer := dims[axis], product(dims[axis+1:]), product(dims[:axis])
	place := func(slice, k int) int { return (k/inner*n+slice)*inner + k%inner }
	compare := func(a, b int) int {
		for k := range outer * inner {
			i, j := place(a, k), place(b, k)
			var d int
			switch {
			case h.DType.IsFloat():
				d = cmp.Compare(h.At(i), h.At(j))
			case h.DType == dtype.U64:
				d = cmp.Compare(uint64(h.Int(i)), uint64(h.Int(j)))
			default:
				d = cmp.Compare(h.Int(i), h.Int(j))
			}
			if d != 0 {
				return d
			}
		}
		return 0
	}
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	var groups [][]int // members of each, the first one first
	for i, s := range order {
		if i > 0 && compare(order[i-1], s) == 0 {
			groups[len(groups)-1] = append(groups[len(groups)-1], s)
			continue
		}
		groups = append(groups, []int{s})
	}
	if !sorted {
		slices.SortFunc(groups, func(a, b []int) int { return a[0] - b[0] })
	}
	var first, count []int
	which := make([]int, n)
	for g, members := range groups {
		first, count = append(first, members[0]), append(count, len(members))
		for _, s := range members {
			which[s] = g
		}
	}
	flat := ops.Reshaped(c.b, c.x(0), dims...)
	y := ops.Take.With(c.b, ops.TakeAttrs{Axis: axis}, flat, c.vector(first))
	return []ops.Value{y, c.vector(first), c.vector(which), c.vector(count)}
}

// suppress picks boxes by score and drops those that overlap one that was picked.
func suppress(c *call) ops.Value {
	boxes, scores := c.host(0), c.host(1)
	bs, ss := boxes.Shape, scores.Shape
	if len(bs) != 3 || len(ss) != 3 || bs[2] != 4 || ss[0] != bs[0] || ss[2] != bs[1] {
		c.fail("boxes %s and scores %s", shape.String(bs), shape.String(ss))
	}
	most, overlap, least := 0, 0.0, math.Inf(-1)
	if c.has(2) {
		most = int(c.scalar(2))
	}
	if c.has(3) {
		overlap = c.scalar(3)
	}
	if c.has(4) {
		least = c.scalar(4)
	}
	center := c.bool("center_point_box")
	box := func(batch, i int) [4]float64 { // y0, x0, y1, x1
		var v [4]float64
		for k := range v {
			v[k] = boxes.At((batch*bs[1]+i)*4 + k)
		}
		if center {
			return [4]float64{v[1] - v[3]/2, v[0] - v[2]/2, v[1] + v[3]/2, v[0] + v[2]/2}
		}
		return [4]float64{min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])}
	}
	var picked []int64
	for batch := range ss[0] {
		for class := range ss[1] {
			score := func(i int) float64 { return scores.At((batch*ss[1]+class)*ss[2] + i) }
			var order []int
			for i := range ss[2] {
				if score(i) > least {
					order = append(order, i)
				}
			}
			slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(score(b), score(a)) })
			var chosen []int
			for _, i := range order {
				if len(chosen) >= most {
					break
				}
				if !slices.ContainsFunc(chosen, func(j int) bool { return share(box(batch, i), box(batch, j)) > overlap }) {
					chosen = append(chosen, i)
					picked = append(picked, int64(batch), int64(class), int64(i))
				}
			}
		}
	}
	h, err := ops.HostOf([]int{len(picked) / 3, 3}, picked)
	if err != nil {
		c.fail("%v", err)
	}
	return c.b.Const(h)
}

// share is the part of the area of two boxes that is in both.
func share(a, b [4]float64) float64 {
	h, w := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
	if h <= 0 || w <= 0 {
		return 0
	}
	area := func(v [4]float64) float64 { return (v[2] - v[0]) * (v[3] - v[1]) }
	return h * w / (area(a) + area(b) - h*w)
}
