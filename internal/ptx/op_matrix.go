package ptx

import (
	"encoding/binary"
	"math/bits"
)

// all32 is a fault where not every lane of the warp takes part.
func (w *warp) all32(m uint32, what string) {
	if m != ^uint32(0) {
		w.lane = bits.TrailingZeros32(m)
		w.fault("%s with %d lanes: all 32 of the warp have to take part", what, bits.OnesCount32(m))
	}
}

// ldmatrix loads matrices of 8x8 numbers of 16 bits. Lane 8 i + k has the address of row k
// of matrix i; afterwards lane l has two neighbours of row l/4 of each, or of column l/4
// if it is transposed.
func ldmatrix(c *compiler, s *step) {
	count := 0
	for mod, n := range map[string]int{"x1": 1, "x2": 2, "x4": 4} {
		if c.has(mod) {
			count = n
		}
	}
	if !c.has("m8n8") || !c.has("b16") || count == 0 {
		c.bad("only matrices of m8n8 and b16 are modelled")
	}
	trans := c.has("trans")
	to := c.parts(c.in.args[0], 4, true)
	p := c.place(c.in.args[1])
	p.space = "shared"
	if len(to) != count {
		c.bad("%d registers for %d matrices", len(to), count)
	}
	s.run = func(w *warp, m uint32) {
		w.all32(m, "ldmatrix")
		for k, d := range to {
			var rows [8][]byte
			for r := range rows {
				w.lane = 8*k + r
				a := p.at(w, w.lane)
				if a%16 != 0 {
					w.fault("a row of ldmatrix at the address %d, which is no multiple of 16", a)
				}
				sh := w.block.shared
				if a+16 > uint64(len(sh.data)) {
					w.fault("access of 16 bytes at %d of %d of shared memory", a, len(sh.data))
				}
				if t, ok := sh.touch(int(a), 16, sh.stamp(w.thread(w.lane)), false); !ok {
					w.race(t, a, false)
				}
				if !written(sh.init[a:][:16]) {
					w.unwritten("shared", a, sh.init[a:][:16], 16)
				}
				rows[r] = sh.data[a:][:16]
			}
			for l := range lanes {
				at := func(r, c int) uint64 { return uint64(binary.LittleEndian.Uint16(rows[r][2*c:])) }
				r, q := l/4, l%4*2
				if trans {
					w.r[d][l] = at(q, r) | at(q+1, r)<<16
				} else {
					w.r[d][l] = at(r, q) | at(r, q+1)<<16
				}
			}
		}
	}
}

// mma is d = a b + c of a warp, a being 16x16 and b 16x8, of 16-bit floats. In lane l, with
// g = l/4 and t = l%4, a's registers hold the rows g and g+8 at columns 2t and 2t+8, b's the
// rows 2t and 2t+8 of column g, and those of c and d the rows g and g+8 at column 2t; each
// holds two neighbours along k, or along the row. Sums are of floats, in order of k: the
// hardware's order is not told.
func mma(c *compiler, s *step) {
	a := c.in.args
	typ := ""
	switch words := c.in.words(); words {
	case "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32":
		typ = "bf16"
	case "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32":
		typ = "f16"
	default:
		c.bad("this product is not modelled")
	}
	read := reader(typ)
	d, x, y, z := c.parts(a[0], 4, true), c.parts(a[1], 4, false), c.parts(a[2], 4, false), c.parts(a[3], 4, false)
	if len(d) != 4 || len(x) != 4 || len(y) != 2 || len(z) != 4 {
		c.bad("a wrong number of registers")
	}
	s.run = func(w *warp, m uint32) {
		w.all32(m, "mma")
		var A [16][16]float32
		var B [16][8]float32
		for l := range lanes {
			g, t := l/4, l%4*2
			for k, r := range x {
				row, col := g+k%2*8, t+k/2*8
				v := w.r[r][l]
				A[row][col], A[row][col+1] = float32(read(v&0xffff)), float32(read(v>>16&0xffff))
			}
			for k, r := range y {
				v := w.r[r][l]
				B[t+k*8][g], B[t+k*8+1][g] = float32(read(v&0xffff)), float32(read(v>>16&0xffff))
			}
		}
		var out [4][lanes]uint64
		for l := range lanes {
			g, t := l/4, l%4*2
			for k, r := range z {
				row, col := g+k/2*8, t+k%2
				sum := f32of(w.r[r][l])
				for i := range 16 {
					sum += A[row][i] * B[i][col] // the product of two such floats is exact
				}
				out[k][l] = bitsOf(sum)
			}
		}
		for k, r := range d {
			*w.r[r] = out[k]
		}
	}
}
