package vec

// one is 1 where the condition holds; the compiler makes it branch-free.
func one(cond bool) float32 {
	if cond {
		return 1
	}
	return 0
}

func ltGeneric(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] < b[i])
	}
}

func leGeneric(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] <= b[i])
	}
}

func eqGeneric(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] == b[i])
	}
}

func neGeneric(dst, a, b []float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] != b[i])
	}
}

func ltSGeneric(dst, a []float32, s float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] < s)
	}
}

func leSGeneric(dst, a []float32, s float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] <= s)
	}
}

func gtSGeneric(dst, a []float32, s float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] > s)
	}
}

func geSGeneric(dst, a []float32, s float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] >= s)
	}
}

func eqSGeneric(dst, a []float32, s float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] == s)
	}
}

func neSGeneric(dst, a []float32, s float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = one(a[i] != s)
	}
}

func whereGeneric(dst, mask, a, b []float32) {
	mask, a, b = mask[:len(dst)], a[:len(dst)], b[:len(dst)]
	for i := range dst {
		if mask[i] != 0 {
			dst[i] = a[i]
		} else {
			dst[i] = b[i]
		}
	}
}
