package isa

import "fmt"

// Region is a rectangle of bytes: Rows pieces of Bytes bytes, Pitch apart.
type Region struct {
	Addr, Bytes, Pitch, Rows int64
}

// End is the address behind the last byte.
func (r Region) End() int64 {
	if r.Empty() {
		return r.Addr
	}
	return r.Addr + (r.Rows-1)*r.Pitch + r.Bytes
}

// Empty reports whether the region has no bytes.
func (r Region) Empty() bool { return r.Rows <= 0 || r.Bytes <= 0 }

func (r Region) String() string {
	if r.Rows == 1 {
		return fmt.Sprintf("%#x to %#x", r.Addr, r.End())
	}
	return fmt.Sprintf("%#x to %#x (%d rows of %d bytes, %d apart)", r.Addr, r.End(), r.Rows, r.Bytes, r.Pitch)
}

// Overlaps reports whether the two regions have a byte in common. It is exact for
// regions of one row or of equal pitches, and otherwise for up to 64 Ki rows; beyond
// that it may report an overlap that is none.
func (r Region) Overlaps(s Region) bool {
	if r.Empty() || s.Empty() || r.Addr >= s.End() || s.Addr >= r.End() {
		return false
	}
	if r.dense() {
		r = Region{r.Addr, r.End() - r.Addr, 0, 1}
	}
	if s.dense() {
		s = Region{s.Addr, s.End() - s.Addr, 0, 1}
	}
	if r.Rows < s.Rows {
		r, s = s, r
	}
	switch {
	case s.Rows == 1:
		return r.meets(s.Addr, s.Addr+s.Bytes)
	case r.Pitch == s.Pitch:
		// Row i of r and row j of s meet if t = i-j fits between these.
		d := s.Addr - r.Addr
		lo := max(floorDiv(d-r.Bytes, r.Pitch)+1, 1-s.Rows)
		hi := min(-floorDiv(-d-s.Bytes, r.Pitch)-1, r.Rows-1)
		return lo <= hi
	case s.Rows > 1<<16:
		return true
	}
	for i := range s.Rows {
		if a := s.Addr + i*s.Pitch; r.meets(a, a+s.Bytes) {
			return true
		}
	}
	return false
}

// dense reports whether the rows leave no gap.
func (r Region) dense() bool { return r.Rows == 1 || r.Pitch <= r.Bytes }

// meets reports whether a row of r has bytes in [lo, hi).
func (r Region) meets(lo, hi int64) bool {
	if r.Rows == 1 || r.Pitch == 0 {
		return r.Addr < hi && lo < r.Addr+r.Bytes
	}
	// The first row that ends behind lo.
	i := max(0, floorDiv(lo-r.Addr-r.Bytes, r.Pitch)+1)
	return i < r.Rows && r.Addr+i*r.Pitch < hi
}

func ceilDiv[T int | int64](a, b T) T { return -floorDiv(-a, b) }

func floorDiv[T int | int64](a, b T) T {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
