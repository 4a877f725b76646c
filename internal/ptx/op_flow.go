package ptx

import "math/bits"

func flowOp(c *compiler, s *step) {
	a := c.in.args
	switch c.in.op[0] {
	case "bra":
		s.flow = branch
	case "brx":
		s.flow, s.reg = switched, c.source(a[0], 32)
	case "ret", "exit":
		s.flow = exit
	case "trap":
		s.run = func(w *warp, m uint32) {
			w.lane = bits.TrailingZeros32(m)
			w.fault("the kernel gave up by itself (trap)")
		}
	default: // bar.sync id, threads
		if !c.has("sync") {
			c.bad("only bar.sync is modelled")
		}
		s.flow = barrier
		for i, x := range a {
			if x.kind != opImmediate {
				c.bad("a barrier whose number is not a constant is not modelled")
			}
			if i == 0 {
				s.id = int(x.value)
			} else {
				s.count = int(x.value)
			}
		}
		if c.in.op[0] == "bar" && c.has("warp") {
			s.flow, s.run = straight, func(*warp, uint32) {}
		}
	}
}

// shuffle passes numbers between the lanes of a warp.
func shuffle(c *compiler, s *step) {
	a := c.in.args
	if !c.has("sync") || len(a) != 5 {
		c.bad("only shfl.sync is modelled")
	}
	mode := c.in.op[2]
	d, x, by, clamp, members := c.dest(a[0]), c.source(a[1], 32), c.source(a[2], 32), c.source(a[3], 32), c.source(a[4], 32)
	p := -1
	if a[0].pair != nil {
		p = c.pred(*a[0].pair)
	}
	s.run = func(w *warp, m uint32) {
		in := *w.r[x]
		w.lane = bits.TrailingZeros32(m)
		if want := uint32(w.r[members][w.lane]); want&w.all() != m {
			w.fault("a shuffle for the lanes %#x met the lanes %#x", want, m)
		}
		for k := m; k != 0; k &= k - 1 {
			i := bits.TrailingZeros32(k) & 31
			b, cl := int(w.r[by][i]&31), int(w.r[clamp][i])
			seg, limit := cl>>8&31, cl&31
			top := i&seg | limit&^seg
			bottom := i & seg
			j, ok := i, false
			switch mode {
			case "up":
				j = i - b
				ok = j >= top
			case "down":
				j = i + b
				ok = j <= top
			case "bfly":
				j = i ^ b
				ok = j <= top
			default: // idx
				j = bottom | b&^seg
				ok = j <= top
			}
			if !ok {
				j = i
			}
			if m>>j&1 == 0 {
				w.lane = i
				w.fault("a shuffle reads lane %d, which is not there", j)
			}
			w.r[d][i] = in[j]
			if p >= 0 {
				w.p[p] = w.p[p] &^ (1 << i)
				if ok {
					w.p[p] |= 1 << i
				}
			}
		}
	}
}

// vote is what lanes say together.
func vote(c *compiler, s *step) {
	a := c.in.args
	if c.in.op[0] == "activemask" {
		d := c.dest(a[0])
		s.run = func(w *warp, m uint32) {
			for k := m; k != 0; k &= k - 1 {
				w.r[d][bits.TrailingZeros32(k)&31] = uint64(m)
			}
		}
		return
	}
	if c.in.op[0] != "vote" || !c.has("sync") {
		c.bad("only vote.sync is modelled")
	}
	mode, q := c.in.op[2], c.predicateOf(a[1])
	if mode == "ballot" {
		d := c.dest(a[0])
		s.run = func(w *warp, m uint32) {
			v := uint64(q(w) & m)
			for k := m; k != 0; k &= k - 1 {
				w.r[d][bits.TrailingZeros32(k)&31] = v
			}
		}
		return
	}
	d := c.pred(a[0])
	s.run = func(w *warp, m uint32) {
		v, yes := q(w)&m, false
		switch mode {
		case "all":
			yes = v == m
		case "any":
			yes = v != 0
		default: // uni
			yes = v == m || v == 0
		}
		r := uint32(0)
		if yes {
			r = ^r
		}
		w.p[d] = blend(w.p[d], r, m)
	}
}
