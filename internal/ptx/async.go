package ptx

import "math/bits"

// Asynchronous copies of threads: cp.async, its groups and waits. A copy arrives when its
// thread waits for it and not earlier, as late as the language allows: until then the
// memory it goes to counts as not written, and reading it is a fault.

// copying is a copy under way.
type copying struct {
	to   int    // in shared memory
	from uint64 // in global memory; n of its bytes, then zeros
	n    int
	size int
}

// lateness is the copies of a warp's lanes: those of the open group, and groups.
type lateness struct {
	open   [lanes][]copying
	groups [lanes][][]copying
}

// pending marks bytes of shared memory that a copy is under way to.
const pending = 2

func (w *warp) late() *lateness {
	if w.async == nil {
		w.async = &lateness{}
	}
	return w.async
}

func asyncCopy(c *compiler, s *step) {
	a := c.in.args
	switch {
	case c.has("commit_group"):
		s.run = func(w *warp, m uint32) {
			l := w.late()
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				l.groups[i] = append(l.groups[i], l.open[i])
				l.open[i] = nil
			}
		}
		return
	case c.has("wait_group") || c.has("wait_all"):
		keep := 0
		all := c.has("wait_all")
		if !all {
			keep = int(a[0].value)
		}
		s.run = func(w *warp, m uint32) {
			l := w.late()
			for ; m != 0; m &= m - 1 {
				i := bits.TrailingZeros32(m) & 31
				w.lane = i
				if all {
					l.groups[i], l.open[i] = append(l.groups[i], l.open[i]), nil
				}
				for len(l.groups[i]) > keep {
					for _, k := range l.groups[i][0] {
						w.arrive(k)
					}
					l.groups[i] = l.groups[i][1:]
				}
			}
		}
		return
	case !c.has("async") || c.has("bulk") || c.has("mbarrier") || len(a) < 3:
		c.bad("this copy is not modelled")
	}
	to, from := c.place(a[0]), c.place(a[1])
	to.space, from.space = "shared", "global"
	size := int(a[2].value)
	n := -1
	if len(a) > 3 {
		n = c.source(a[3], 32)
	}
	if size != 4 && size != 8 && size != 16 {
		c.bad("a copy of %d bytes", size)
	}
	s.run = func(w *warp, m uint32) {
		l, sh := w.late(), w.block.shared
		for ; m != 0; m &= m - 1 {
			i := bits.TrailingZeros32(m) & 31
			w.lane = i
			k := copying{to: int(to.at(w, i)), from: from.at(w, i), n: size, size: size}
			if n >= 0 {
				k.n = min(int(uint32(w.r[n][i])), size)
			}
			if k.to%size != 0 || k.from%uint64(size) != 0 {
				w.fault("an asynchronous copy of %d bytes from %#x to %d, which are no multiples", size, k.from, k.to)
			}
			if k.to+size > len(sh.data) {
				w.fault("access of %d bytes at %d of %d of shared memory", size, k.to, len(sh.data))
			}
			w.readsGlobal(k)
			if r, ok := sh.touch(k.to, size, sh.stamp(w.thread(i)), true); !ok {
				w.race(r, uint64(k.to), true)
			}
			for b := range size {
				sh.init[k.to+b] = pending
				sh.data[k.to+b] = 0xa5
			}
			l.open[i] = append(l.open[i], k)
		}
	}
}

// readsGlobal is the bytes that a copy takes.
func (w *warp) readsGlobal(k copying) []byte {
	if k.n == 0 {
		return nil
	}
	data, init := w.global(k.from, k.n, 1)
	if !written(init) {
		w.fault("it copies %d bytes of memory at %#x, which nobody has written", k.n, k.from)
	}
	return data
}

// arrive ends a copy.
func (w *warp) arrive(k copying) {
	sh := w.block.shared
	if r, ok := sh.touch(k.to, k.size, sh.stamp(w.thread(w.lane)), true); !ok {
		w.race(r, uint64(k.to), true)
	}
	n := copy(sh.data[k.to:][:k.size], w.readsGlobal(k))
	clear(sh.data[k.to+n:][:k.size-n])
	mark(sh.init[k.to:][:k.size])
}

// unwaited is a fault where lanes end whose copies nobody waited for.
func (w *warp) unwaited(m uint32) {
	if w.async == nil {
		return
	}
	for ; m != 0; m &= m - 1 {
		i := bits.TrailingZeros32(m) & 31
		left := len(w.async.open[i])
		for _, g := range w.async.groups[i] {
			left += len(g)
		}
		if left > 0 {
			w.lane = i
			w.fault("the thread ends with %d asynchronous copies that were not waited for", left)
		}
	}
}
