package isa

import "fmt"

// Program is instructions and the life of the buffers they use.
type Program struct {
	Words []Word
	Marks []Mark // in the order of PC
}

// Mark says that, before instruction PC, a part of the buffer is taken or given back.
// Marks take no time; instructions may touch only what is taken.
type Mark struct {
	PC    int
	Free  bool
	Name  string
	Addr  int64
	Bytes int64
}

// MaxWords is the largest number of instructions of a program.
const MaxWords = 1 << 24

// Error is what is wrong with an instruction.
type Error struct {
	PC        int
	Iteration int // of a repeated instruction
	Text      string
	Reason    string
}

func (e *Error) Error() string {
	at := fmt.Sprintf("instruction %d (%s)", e.PC, e.Text)
	if e.Iteration > 0 {
		at += fmt.Sprintf(", iteration %d", e.Iteration)
	}
	return "tpu: " + at + ": " + e.Reason
}

// Limits are the sizes of the memories outside, in bytes.
type Limits struct {
	HBM, Host int64

	// Segments, where there are any, are off-chip memory in place of HBM: segment i
	// begins at address i << SegmentBits and has so many bytes. A program for segments
	// runs wherever these lie.
	Segments []int64
}

// SegmentBits is the number of bits of an address in a segment, MaxSegments the number
// of segments that an instruction's 40 bits reach.
const (
	SegmentBits = 34
	MaxSegments = 1 << (40 - SegmentBits)
)

// Segment is the address of the first byte of a segment.
func Segment(i int) int64 { return int64(i) << SegmentBits }

// offChip checks a region of off-chip memory.
func (l *Limits) offChip(g Region) error {
	if l.Segments == nil {
		return inside("off-chip memory", g, l.HBM)
	}
	i := g.Addr >> SegmentBits
	if i < 0 || i >= int64(len(l.Segments)) {
		return fmt.Errorf("off-chip memory %v is in none of %d segments", g, len(l.Segments))
	}
	g.Addr -= i << SegmentBits
	if err := inside("off-chip memory", g, l.Segments[i]); err != nil {
		return fmt.Errorf("segment %d: %w", i, err)
	}
	return nil
}
