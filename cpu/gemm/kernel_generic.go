package gemm

// The plain Go kernels: a tile of 4×4, two rows at a time so that the sums of a
// pass stay in registers.
var (
	generic32 = newGeneric[float32]()
	generic64 = newGeneric[float64]()
)

func newGeneric[T Float]() kernelSet[T] {
	s := kernelSet[T]{mr: 4, nr: 4, lanes: 2, kc: 256, mc: 64}
	for rows := 1; rows <= s.mr; rows++ {
		s.full = append(s.full, genericFull[T](rows))
		s.wide = append(s.wide, genericPart[T](rows, s.lanes))
		s.narrow = append(s.narrow, genericPart[T](rows, 0))
	}
	return s
}

// genericFull makes the kernel for tiles of rows×4.
func genericFull[T Float](rows int) microKernel[T] {
	last := genericPart[T](1, 2)
	return func(k int, a []T, rsA, csA int, b []T, rsB int, c []T, ldc, tail int, add bool) {
		i := 0
		for ; i+2 <= rows; i += 2 {
			pair(k, a[i*rsA:], rsA, csA, b, rsB, c[i*ldc:], ldc, add)
		}
		if i < rows {
			last(k, a[i*rsA:], rsA, csA, b, rsB, c[i*ldc:], ldc, 2, add)
		}
	}
}

// pair computes a tile of 2×4.
func pair[T Float](k int, a []T, rsA, csA int, b []T, rsB int, c []T, ldc int, add bool) {
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	for p := range k {
		a0, a1 := a[p*csA], a[p*csA+rsA]
		row := b[p*rsB:][:4]
		s00 += a0 * row[0]
		s01 += a0 * row[1]
		s02 += a0 * row[2]
		s03 += a0 * row[3]
		s10 += a1 * row[0]
		s11 += a1 * row[1]
		s12 += a1 * row[2]
		s13 += a1 * row[3]
	}
	c0, c1 := c[:4], c[ldc:][:4]
	if add {
		s00, s01, s02, s03 = c0[0]+s00, c0[1]+s01, c0[2]+s02, c0[3]+s03
		s10, s11, s12, s13 = c1[0]+s10, c1[1]+s11, c1[2]+s12, c1[3]+s13
	}
	c0[0], c0[1], c0[2], c0[3] = s00, s01, s02, s03
	c1[0], c1[1], c1[2], c1[3] = s10, s11, s12, s13
}

// genericPart makes the kernel for tiles of rows×(whole+tail), at most 4 wide.
func genericPart[T Float](rows, whole int) microKernel[T] {
	return func(k int, a []T, rsA, csA int, b []T, rsB int, c []T, ldc, tail int, add bool) {
		cols := whole + tail
		for i := range rows {
			var sum [4]T
			for p := range k {
				x := a[i*rsA+p*csA]
				for j, y := range b[p*rsB:][:cols] {
					sum[j&3] += x * y
				}
			}
			for j := range cols {
				if add {
					c[i*ldc+j] += sum[j]
				} else {
					c[i*ldc+j] = sum[j]
				}
			}
		}
	}
}
