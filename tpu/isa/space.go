package isa

import "slices"

// space is the free parts of the buffer, in order and never side by side.
type space struct {
	free []span
	used int64
	peak int64
}

type span struct{ addr, bytes int64 }

// alignment of buffers: rows of a product are often read in vectors.
const alignment = 64

func newSpace(bytes int64) space { return space{free: []span{{0, bytes}}} }

// take finds the smallest gap that is large enough.
func (s *space) take(bytes int64) (int64, bool) {
	bytes = (bytes + alignment - 1) / alignment * alignment
	best := -1
	for i, f := range s.free {
		if f.bytes >= bytes && (best < 0 || f.bytes < s.free[best].bytes) {
			best = i
		}
	}
	if best < 0 {
		return 0, false
	}
	f := &s.free[best]
	addr := f.addr
	f.addr, f.bytes = f.addr+bytes, f.bytes-bytes
	if f.bytes == 0 {
		s.free = slices.Delete(s.free, best, best+1)
	}
	s.used += bytes
	s.peak = max(s.peak, s.used)
	return addr, true
}

func (s *space) give(addr, bytes int64) {
	bytes = (bytes + alignment - 1) / alignment * alignment
	s.used -= bytes
	i, _ := slices.BinarySearchFunc(s.free, addr, func(f span, a int64) int { return int(f.addr - a) })
	s.free = slices.Insert(s.free, i, span{addr, bytes})
	if i+1 < len(s.free) && addr+bytes == s.free[i+1].addr {
		s.free[i].bytes += s.free[i+1].bytes
		s.free = slices.Delete(s.free, i+1, i+2)
	}
	if i > 0 && s.free[i-1].addr+s.free[i-1].bytes == addr {
		s.free[i-1].bytes += s.free[i].bytes
		s.free = slices.Delete(s.free, i, i+1)
	}
}

func (s *space) largest() int64 {
	n := int64(0)
	for _, f := range s.free {
		n = max(n, f.bytes)
	}
	return n
}
