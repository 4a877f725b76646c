package gemm

// packPanels copies nx rows of kc elements each into micro-panels of the given
// width; row x of the source starts at src[x*rs], its elements are cs apart. It
// serves B with the strides swapped. Lanes past nx are zero.
func packPanels[T Float](dst []T, width, kc int, src []T, rs, cs, nx int) {
	for x := 0; x < nx; x += width {
		panel := dst[x*kc:][:width*kc]
		lanes := min(width, nx-x)
		if lanes < width {
			clear(panel)
		}
		from := src[x*rs:]
		if rs == 1 {
			packColumns(panel, width, kc, from, cs, lanes)
			continue
		}
		y := 0
		for ; y+4 <= lanes; y += 4 {
			pack4(panel[y:], width, kc, from[y*rs:], rs, cs)
		}
		for ; y < lanes; y++ {
			pack1(panel[y:], width, kc, from[y*rs:], cs)
		}
	}
}

// packColumns copies lanes that lie side by side in the source.
func packColumns[T Float](panel []T, width, kc int, src []T, cs, lanes int) {
	switch {
	case lanes == 16 && width == 16:
		for p := range kc {
			*(*[16]T)(panel[p*16:]) = *(*[16]T)(src[p*cs:])
		}
	case lanes == 6 && width == 6:
		for p := range kc {
			*(*[6]T)(panel[p*6:]) = *(*[6]T)(src[p*cs:])
		}
	default:
		for p := range kc {
			copy(panel[p*width:][:lanes], src[p*cs:])
		}
	}
}

// pack4 interleaves four source rows.
func pack4[T Float](panel []T, width, kc int, src []T, rs, cs int) {
	if cs != 1 {
		for p := range kc {
			d := panel[p*width:][:4]
			d[0], d[1], d[2], d[3] = src[p*cs], src[p*cs+rs], src[p*cs+2*rs], src[p*cs+3*rs]
		}
		return
	}
	r0, r1, r2, r3 := src[:kc], src[rs:][:kc], src[2*rs:][:kc], src[3*rs:][:kc]
	for p := range r0 {
		d := panel[p*width:][:4]
		d[0], d[1], d[2], d[3] = r0[p], r1[p], r2[p], r3[p]
	}
}

func pack1[T Float](panel []T, width, kc int, src []T, cs int) {
	for p := range kc {
		panel[p*width] = src[p*cs]
	}
}
