package ptx

// shared is the memory of a block, with who touched it since the last barrier.
//
// A word of four bytes has one cell, and a byte one too, for accesses of less than a
// word. A cell holds the epoch, which counts barriers, and the thread.
type shared struct {
	data  []byte
	init  []byte
	words []cell
	bytes []cell
	small bool // something of less than a word was touched
	epoch uint32
}

type cell struct{ write, read stamp }

// stamp is an epoch and a thread.
type stamp uint64

const (
	several  = 1<<16 - 1 // more threads than one
	anAtomic = 1<<16 - 2 // a thread by an atomic operation, which others may meet
)

func (s *shared) stamp(thread int) stamp { return stamp(s.epoch)<<16 | stamp(thread) }

func newShared(n int) *shared {
	s := &shared{data: make([]byte, n), init: make([]byte, n), words: make([]cell, (n+3)/4), bytes: make([]cell, n), epoch: 1}
	for i := range s.data {
		s.data[i] = 0xa5
	}
	return s
}

// reset makes the memory that of a new block.
func (s *shared) reset() {
	for i := range s.data {
		s.data[i], s.init[i] = 0xa5, 0
	}
	clear(s.words)
	if s.small {
		clear(s.bytes)
	}
	s.small, s.epoch = false, 1
}

// race is two threads that touched one word between two barriers.
type race struct {
	other int
	write bool // the other wrote
}

// read notes that a thread reads n bytes. It returns false and who wrote them where that
// is a race.
func (c *cell) reads(at stamp) (race, bool) {
	if c.write>>16 == at>>16 && c.write != at {
		return race{int(c.write & 0xffff), true}, false
	}
	if c.read>>16 == at>>16 && c.read != at {
		c.read = at | several
	} else {
		c.read = at
	}
	return race{}, true
}

func (c *cell) writes(at stamp) (race, bool) {
	if c.write>>16 == at>>16 && c.write != at {
		return race{int(c.write & 0xffff), true}, false
	}
	if c.read>>16 == at>>16 && c.read != at {
		return race{int(c.read & 0xffff), false}, false
	}
	c.write = at
	return race{}, true
}

// touch notes an access of n bytes.
func (s *shared) touch(off, n int, at stamp, write bool) (race, bool) {
	do := (*cell).reads
	if write {
		do = (*cell).writes
	}
	if n < 4 {
		s.small = true
		for i := off; i < off+n; i++ {
			if r, ok := do(&s.bytes[i], at); !ok {
				return r, false
			}
		}
		// Words are not noted, only looked at: neighbours may use the other half.
		w := s.words[off/4]
		return do(&w, at)
	}
	for i := off / 4; i < (off+n)/4; i++ {
		if r, ok := do(&s.words[i], at); !ok {
			return r, false
		}
	}
	if s.small {
		for i := off; i < off+n; i++ {
			b := s.bytes[i]
			if r, ok := do(&b, at); !ok {
				return r, false
			}
		}
	}
	return race{}, true
}
