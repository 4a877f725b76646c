package shape

import (
	"slices"
	"strings"
)

// Broadcast is the common shape of shapes under NumPy's rule: align them at the
// last dimension; on each axis the sizes other than 1 must agree. Without
// arguments it is a scalar. It fails if they do not agree, if a shape is invalid,
// or if the result is too large.
func Broadcast(shapes ...[]int) ([]int, error) {
	rank := 0
	for _, s := range shapes {
		if _, err := Elements(s); err != nil {
			return nil, err
		}
		rank = max(rank, len(s))
	}
	out := make([]int, rank)
	for i := range out {
		out[i] = 1
	}
	for _, s := range shapes {
		lead := rank - len(s)
		for i, d := range s {
			switch o := out[lead+i]; {
			case d == 1 || d == o:
			case o == 1:
				out[lead+i] = d
			default:
				return nil, fail(s, i, "does not broadcast to %d, the size of axis %d from the end among %s; it must be %d or 1",
					o, i-len(s), list(shapes), o)
			}
		}
	}
	if _, err := Elements(out); err != nil {
		return nil, err
	}
	return out, nil
}

// list writes shapes one after the other, the first eight of them.
func list(shapes [][]int) string {
	var b strings.Builder
	for i, s := range shapes {
		if i > 0 {
			b.WriteByte(' ')
		}
		if i == 8 {
			b.WriteString("...")
			break
		}
		b.WriteString(String(s))
	}
	return b.String()
}

// BroadcastStrides is the strides that make a view of dims read as the shape to:
// 0 on each axis that is repeated. It fails if dims does not broadcast to exactly
// to.
func BroadcastStrides(dims, strides, to []int) ([]int, error) {
	if len(strides) != len(dims) {
		return nil, failAll(dims, "has %d strides, one per dimension is needed", len(strides))
	}
	if len(dims) > len(to) {
		return nil, failAll(dims, "does not broadcast to %s, which has fewer dimensions", String(to))
	}
	out := make([]int, len(to))
	lead := len(to) - len(dims)
	for i, d := range dims {
		switch {
		case d == to[lead+i]:
			out[lead+i] = strides[i]
		case d != 1:
			return nil, fail(dims, i, "does not broadcast to %d, the size of axis %d of %s; it must be %d or 1",
				to[lead+i], lead+i, String(to), to[lead+i])
		}
	}
	return out, nil
}

// Axis resolves axis, which counts from the end if negative, in a shape of rank
// dimensions.
func Axis(axis, rank int) (int, error) {
	if axis < -rank || axis >= rank {
		return 0, failAxis(axis, rank, "is out of range")
	}
	if axis < 0 {
		axis += rank
	}
	return axis, nil
}

// Axes resolves each of axes as Axis does and sorts them. No axes means all. It
// fails for an axis out of range and for one given twice.
func Axes(axes []int, rank int) ([]int, error) {
	if len(axes) == 0 {
		out := make([]int, max(rank, 0))
		for i := range out {
			out[i] = i
		}
		return out, nil
	}
	out := make([]int, len(axes))
	for i, a := range axes {
		r, err := Axis(a, rank)
		if err != nil {
			return nil, err
		}
		out[i] = r
	}
	slices.Sort(out)
	for i := 1; i < len(out); i++ {
		if out[i] == out[i-1] {
			return nil, failAxis(out[i], rank, "is given twice")
		}
	}
	return out, nil
}

// Reduce is the shape left when axes, as Axes gives them, are reduced: without
// them, or with size 1 in their place if keep is set.
func Reduce(dims []int, axes []int, keep bool) []int {
	out := make([]int, 0, len(dims))
	for i, d := range dims {
		switch {
		case !slices.Contains(axes, i):
			out = append(out, d)
		case keep:
			out = append(out, 1)
		}
	}
	return out
}
