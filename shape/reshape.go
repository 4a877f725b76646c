package shape

// Reshape resolves dims, in which one dimension may be -1, as a shape of n
// elements: the -1 becomes whatever makes the count come out. It fails if the
// counts differ, if more than one dimension is -1, or if the -1 could be anything
// because the others give 0 elements.
func Reshape(n int, dims []int) ([]int, error) {
	if n < 0 {
		return nil, failAll(dims, "cannot hold %d elements", n)
	}
	if len(dims) > MaxRank {
		return nil, failAll(dims[:MaxRank], "has %d dimensions, more than the limit of %d", len(dims), MaxRank)
	}
	out, free := Clone(dims), -1
	for i, d := range dims {
		if d != -1 {
			continue
		}
		if free >= 0 {
			return nil, fail(dims, i, "is the second -1; one dimension at most can be inferred")
		}
		free, out[i] = i, 1
	}
	known, err := Elements(out)
	switch {
	case err != nil:
		return nil, err
	case free < 0 && known != n:
		return nil, failAll(dims, "has %d elements, the array has %d", known, n)
	case free < 0:
		return out, nil
	case known == 0:
		return nil, fail(dims, free, "cannot be inferred: the other dimensions give 0 elements")
	case n%known != 0:
		return nil, fail(dims, free, "cannot be inferred: the other dimensions give %d elements, which does not divide the array's %d", known, n)
	}
	out[free] = n / known
	return out, nil
}

// ReshapeStrides is the strides with which a view of dims reads as the shape to
// in the same row-major order, and whether there are any; if not, a copy is
// needed. Both shapes must have the same number of elements, or it reports false.
// Source: NumPy's _attempt_nocopy_reshape.
func ReshapeStrides(dims, strides, to []int) ([]int, bool) {
	n, err := Elements(dims)
	m, errTo := Elements(to)
	if err != nil || errTo != nil || n != m || len(strides) != len(dims) {
		return nil, false
	}
	if n == 0 {
		return Strides(to), true
	}
	// Size 1 has no bearing on where elements are.
	var od, os []int
	for i, d := range dims {
		if d != 1 {
			od, os = append(od, d), append(os, strides[i])
		}
	}
	out := make([]int, len(to))
	for oi, ni := 0, 0; oi < len(od); {
		// Take the smallest groups of old axes and new axes of equal size.
		oj, nj := oi+1, ni+1
		for op, np := od[oi], to[ni]; op != np; {
			if np < op {
				np *= to[nj]
				nj++
			} else {
				op *= od[oj]
				oj++
			}
		}
		for k := oi; k < oj-1; k++ {
			if os[k] != od[k+1]*os[k+1] {
				return nil, false
			}
		}
		out[nj-1] = os[oj-1]
		for k := nj - 1; k > ni; k-- {
			out[k-1] = out[k] * to[k]
		}
		oi, ni = oj, nj
	}
	// What is left of to has size 1; give it the stride that a dense tail has.
	for k := len(to) - 1; k >= 0 && to[k] == 1; k-- {
		out[k] = 1
	}
	return out, true
}

// Conv is the number of positions of a window of kernel elements, dilation apart,
// that moves by stride over in elements with padLo and padHi added at the ends.
// It fails if in, kernel, stride or dilation is not positive, a padding is
// negative, or the window is longer than the padded input. Zero-sized inputs are
// refused because a window over them has no element of the input.
func Conv(in, kernel, stride, padLo, padHi, dilation int) (out int, err error) {
	bad := func(format string, args ...any) (int, error) { return 0, fail([]int{in}, 0, format, args...) }
	switch {
	case in <= 0:
		return bad("leaves nothing for a window to move over; it must be at least 1")
	case kernel <= 0:
		return bad("has a window of %d elements; it must have at least 1", kernel)
	case stride <= 0:
		return bad("has a window stride of %d; it must be at least 1", stride)
	case dilation <= 0:
		return bad("has a window dilation of %d; it must be at least 1", dilation)
	case padLo < 0 || padHi < 0:
		return bad("has padding %d and %d; padding must not be negative", padLo, padHi)
	}
	padded, ok := add(in, padLo)
	if ok {
		padded, ok = add(padded, padHi)
	}
	if !ok {
		return bad("with padding %d and %d overflows", padLo, padHi)
	}
	reach, ok := mul(kernel-1, dilation)
	if !ok || reach >= padded {
		return bad("padded to %d, is shorter than a window of %d elements with dilation %d", padded, kernel, dilation)
	}
	return (padded-reach-1)/stride + 1, nil
}
