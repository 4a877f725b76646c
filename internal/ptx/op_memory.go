package ptx

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// place is the address of a load or store: a register and what is added to it.
type place struct {
	reg   int // -1: off is all
	off   uint64
	space string
}

func (c *compiler) place(a operand) place {
	if a.kind != opMemory || len(a.list) != 1 {
		c.bad("no address in brackets")
	}
	x := a.list[0]
	p := place{reg: -1, off: x.value}
	switch x.kind {
	case opRegister:
		p.reg = x.reg
	case opSymbol:
		p.off = c.address(x)
	case opImmediate:
	default:
		c.bad("this address is not modelled")
	}
	for _, m := range c.in.op[1:] {
		switch m {
		case "global", "shared", "local", "param", "const":
			p.space = m
		case "shared::cta", "shared::cluster":
			p.space = "shared"
		}
	}
	return p
}

// at is the address of a lane.
func (p *place) at(w *warp, lane int) uint64 {
	if p.reg < 0 {
		return p.off
	}
	a := w.r[p.reg][lane]
	if p.space == "shared" {
		return uint64(uint32(a) + uint32(p.off))
	}
	return a + p.off
}

// global is n bytes of device memory and what is known of them.
func (w *warp) global(a uint64, n, hint int) (data, init []byte) {
	b := w.near[hint&3]
	if b == nil || a-b.Base > uint64(len(b.Data)-n) || len(b.Data) < n {
		b = w.block.run.mem.at(a)
		if b == nil {
			if b = w.block.run.mem.before(a); b == nil {
				w.fault("access of %d bytes at %#x, where no memory is", n, a)
			}
		}
		if a-b.Base > uint64(len(b.Data)-n) || len(b.Data) < n {
			w.fault("access of %d bytes at %d of a block of %d", n, a-b.Base, len(b.Data))
		}
		w.near[hint&3] = b
	}
	off := a - b.Base
	return b.Data[off : off+uint64(n)], b.init[off : off+uint64(n)]
}

// bytes is n bytes in a space; of a generic address its window says which. Shared memory
// is noted as touched.
func (w *warp) bytes(space string, a uint64, n int, write bool) (data, init []byte) {
	if a%uint64(n) != 0 {
		w.fault("access of %d bytes at the address %#x, which is no multiple", n, a)
	}
	if space == "" {
		switch {
		case a >= paramWindow:
			space = "param"
		case a >= localWindow:
			space = "local"
		case a >= sharedWindow:
			space, a = "shared", a-sharedWindow
		default:
			space = "global"
		}
	}
	switch space {
	case "shared":
		s := w.block.shared
		if a > uint64(len(s.data)-n) || len(s.data) < n {
			w.fault("access of %d bytes at %d of %d of shared memory", n, a, len(s.data))
		}
		if r, ok := s.touch(int(a), n, s.stamp(w.thread(w.lane)), write); !ok {
			w.race(r, a, write)
		}
		return s.data[a:][:n], s.init[a:][:n]
	case "local":
		size := len(w.local) / lanes
		if a -= localWindow; a > uint64(size-n) || size < n {
			w.fault("access of %d bytes at %d of %d of local memory", n, a, size)
		}
		off := w.lane*size + int(a)
		return w.local[off:][:n], w.init[off:][:n]
	case "param", "const":
		v := w.block.run.launch.Values
		if a -= paramWindow; a > uint64(len(v)-n) || len(v) < n || write {
			w.fault("access of %d bytes at %d of %d bytes of parameters", n, a, len(v))
		}
		return v[a:][:n], nil
	}
	return w.global(a, n, 0)
}

func (w *warp) race(r race, a uint64, write bool) {
	doing, did := "reads", "read"
	if write {
		doing = "writes"
	}
	if r.write {
		did = "written"
	}
	switch r.other {
	case several:
		w.fault("a race: it %s shared memory at %d, which several threads have %s since the last barrier", doing, a, did)
	case anAtomic:
		w.fault("a race: it %s shared memory at %d, which an atomic operation has %s since the last barrier", doing, a, did)
	}
	w.fault("a race: it %s shared memory at %d, which thread %d of the block has %s since the last barrier", doing, a, r.other, did)
}

func width(c *compiler) (n int, sign bool, floats bool) {
	letter, b := c.typ()
	if b == 0 || letter == 'p' {
		c.bad("a type that memory does not hold")
	}
	return b / 8, letter == 's', letter == 'f'
}

// parts are the registers of a load or store, more than one of a vector.
func (c *compiler) parts(a operand, n int, to bool) []int {
	list := []operand{a}
	if a.kind == opList {
		list = a.list
	}
	out := make([]int, len(list))
	for i, x := range list {
		switch {
		case x.kind == opSink && to:
			out[i] = -1
		case to:
			out[i] = c.dest(x)
		default:
			out[i] = c.source(x, n*8)
		}
	}
	return out
}

func loads(c *compiler, s *step) {
	c.want(2)
	n, sign, _ := width(c)
	p := c.place(c.in.args[1])
	to := c.parts(c.in.args[0], n, true)
	hint := c.in.line
	all := n * len(to)
	if p.space == "global" && len(to) == 1 && !sign || p.space == "global" && n >= 4 && len(to) == 1 {
		d := to[0]
		s.run = func(w *warp, m uint32) {
			w.loads++
			dst := w.r[d]
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				a := p.at(w, i)
				w.lane = i
				if a%uint64(n) != 0 {
					w.fault("access of %d bytes at the address %#x, which is no multiple", n, a)
				}
				data, init := w.global(a, n, hint)
				if !written(init) {
					w.fault("it reads %d bytes of memory at %#x, which nobody has written", n, a)
				}
				dst[i] = load(data)
			}
		}
		return
	}
	if p.space == "param" && p.reg < 0 && len(to) == 1 {
		d := to[0]
		s.run = func(w *warp, m uint32) {
			w.lane = bits.TrailingZeros32(m)
			data, _ := w.bytes("param", p.off, n, false)
			v := load(data)
			if sign && n < 4 {
				v = cut(uint64(signed(v, n*8)), 32)
			}
			for ; m != 0; m &= m - 1 {
				w.r[d][bits.TrailingZeros32(m)&31] = v
			}
		}
		return
	}
	if p.space == "shared" && n == 4 && len(to) == 1 {
		loadsShared(s, p, to[0])
		return
	}
	s.run = func(w *warp, m uint32) {
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			w.lane = i
			a := p.at(w, i)
			if a%uint64(all) != 0 {
				w.fault("access of %d bytes at the address %#x, which is no multiple", all, a)
			}
			for k, d := range to {
				data, init := w.bytes(p.space, a+uint64(k*n), n, false)
				if init != nil && !written(init) {
					w.unwritten(p.space, a+uint64(k*n), init, n)
				}
				if d < 0 {
					continue
				}
				v := load(data)
				if sign && n < 4 {
					v = cut(uint64(signed(v, n*8)), 32)
				}
				w.r[d][i] = v
			}
		}
	}
}

// loadsShared is the load of a word from shared memory, which products do most.
func loadsShared(s *step, p place, d int) {
	if p.reg < 0 {
		p.reg = 0 // of a constant address the register does not matter
		s.run = func(w *warp, m uint32) {
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				w.r[d][i] = w.word(i, uint32(p.off))
			}
		}
		return
	}
	off := uint32(p.off)
	s.run = func(w *warp, m uint32) {
		sh := w.block.shared
		dst, base, at := w.r[d], w.r[p.reg], sh.stamp(w.first)
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			a := uint32(base[i]) + off
			k := int(a / 4)
			if a%4 != 0 || k >= len(sh.words) || sh.small {
				dst[i] = w.word(i, a)
				continue
			}
			c, mine := &sh.words[k], at+stamp(i)
			if c.write == 0 || sh.init[a] != 1 || c.write>>16 == mine>>16 && c.write != mine {
				dst[i] = w.word(i, a)
				continue
			}
			if c.read>>16 == mine>>16 && c.read != mine {
				mine |= several
			}
			c.read = mine
			dst[i] = uint64(binary.LittleEndian.Uint32(sh.data[a:]))
		}
	}
}

// word is a word of shared memory for a lane, with all checks.
func (w *warp) word(lane int, a uint32) uint64 {
	w.lane = lane
	data, init := w.bytes("shared", uint64(a), 4, false)
	if !written(init) {
		w.unwritten("shared", uint64(a), init, 4)
	}
	return load(data)
}

// unwritten stops a read of what nobody has written yet.
func (w *warp) unwritten(space string, a uint64, init []byte, n int) {
	if slices.Contains(init, pending) {
		w.fault("it reads %d bytes of %s memory at %#x, before the asynchronous copy to it was waited for", n, space, a)
	}
	w.fault("it reads %d bytes of %s memory at %#x, which nobody has written", n, space, a)
}

func stores(c *compiler, s *step) {
	c.want(2)
	n, _, _ := width(c)
	p := c.place(c.in.args[0])
	from := c.parts(c.in.args[1], n, false)
	all := n * len(from)
	hint := c.in.line
	s.run = func(w *warp, m uint32) {
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			w.lane = i
			a := p.at(w, i)
			if a%uint64(all) != 0 {
				w.fault("access of %d bytes at the address %#x, which is no multiple", all, a)
			}
			for k, x := range from {
				var data, init []byte
				if p.space == "global" {
					data, init = w.global(a+uint64(k*n), n, hint)
				} else {
					data, init = w.bytes(p.space, a+uint64(k*n), n, true)
				}
				store(data, w.r[x][i])
				mark(init)
			}
		}
	}
}

// atomics is atom, which gives back what was there, and red.
func atomics(c *compiler, s *step) {
	a := c.in.args
	n, sign, floats := width(c)
	d := -1
	if c.in.op[0] == "atom" {
		if a[0].kind != opSink {
			d = c.dest(a[0])
		}
		a = a[1:]
	}
	p := c.place(a[0])
	x := c.source(a[1], n*8)
	y := x
	if len(a) > 2 {
		y = c.source(a[2], n*8)
	}
	change := atomicChange(c, sign, floats, n*8)
	s.run = func(w *warp, m uint32) {
		mu := &w.block.run.atomic
		mu.Lock()
		defer mu.Unlock()
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			w.lane = i
			at := p.at(w, i)
			if at%uint64(n) != 0 {
				w.fault("access of %d bytes at the address %#x, which is no multiple", n, at)
			}
			var data, init []byte
			if sh := w.block.shared; p.space == "shared" {
				if at+uint64(n) > uint64(len(sh.data)) {
					w.fault("access of %d bytes at %d of %d of shared memory", n, at, len(sh.data))
				}
				if r, ok := sh.touch(int(at), n, sh.stamp(anAtomic), true); !ok {
					w.race(r, at, true)
				}
				data, init = sh.data[at:][:n], sh.init[at:][:n]
			} else {
				data, init = w.global(at, n, 0)
			}
			if !written(init) {
				w.fault("an atomic operation on memory that nobody has written")
			}
			old := load(data)
			store(data, change(old, w.r[x][i], w.r[y][i]))
			if d >= 0 {
				w.r[d][i] = old
			}
		}
	}
}

func atomicChange(c *compiler, sign, floats bool, n int) func(old, x, y uint64) uint64 {
	less := func(a, b uint64) bool {
		if sign {
			return signed(a, n) < signed(b, n)
		}
		return cut(a, n) < cut(b, n)
	}
	switch {
	case c.has("add") && floats && n == 32:
		return func(old, x, _ uint64) uint64 { return bitsOf(f32of(old) + f32of(x)) }
	case c.has("add") && floats:
		add := doubleOp(c, "add")
		return func(old, x, _ uint64) uint64 { return add(old, x) }
	case c.has("add"):
		return func(old, x, _ uint64) uint64 { return cut(old+x, n) }
	case c.has("exch"):
		return func(_, x, _ uint64) uint64 { return x }
	case c.has("cas"):
		return func(old, x, y uint64) uint64 {
			if old == cut(x, n) {
				return y
			}
			return old
		}
	case c.has("and"):
		return func(old, x, _ uint64) uint64 { return old & x }
	case c.has("or"):
		return func(old, x, _ uint64) uint64 { return old | x }
	case c.has("xor"):
		return func(old, x, _ uint64) uint64 { return old ^ x }
	case c.has("min"):
		return func(old, x, _ uint64) uint64 {
			if less(x, old) {
				return x
			}
			return old
		}
	case c.has("max"):
		return func(old, x, _ uint64) uint64 {
			if less(old, x) {
				return x
			}
			return old
		}
	}
	c.bad("this atomic operation is not modelled")
	return nil
}
