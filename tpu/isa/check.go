package isa

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/arch"
)

// Check reports the first fault of a program: an illegal word, a use of the buffer
// that no allocation covers, a tile that does not fit, transfers that overlap without
// a wait between, an operand beyond its memory.
func (p *Program) Check(cfg *arch.Config, limits Limits) error {
	if err := cfg.Check(); err != nil {
		return err
	}
	if len(p.Words) > MaxWords {
		return fmt.Errorf("tpu: a program of %d instructions, the limit is %d", len(p.Words), MaxWords)
	}
	r := NewResolver(p, cfg, limits)
	var op Op
	for {
		more, err := r.Next(&op)
		if err != nil || !more {
			return err
		}
	}
}

// outside follows the transfers that may not be finished. The hardware does not
// watch memories outside, so two that meet there must have a wait between them.
//
// Transfers of one kind are done in turn, so of each kind only as many can be
// unfinished as wait in its queue and one more.
type outside struct {
	depth  int
	recent [4 + arch.MaxArrays][]pending // by kind
}

// pending is a transfer that may not be finished.
type pending struct {
	pc     int
	tag    uint8
	region Region
}

// lane is the queue of an instruction that reaches a memory outside, or -1.
func lane(op *Op) int {
	switch {
	case op.Code.Transfer():
		return int(op.Code - ReadHost)
	case op.Code == ReadWeights && !op.Weights.FromBuffer:
		return 4 + op.Array
	}
	return -1
}

func (s *outside) check(op *Op) error {
	switch op.Code {
	case Sync, Halt:
		for i := range s.recent {
			s.recent[i] = s.recent[i][:0]
		}
		return nil
	case Wait:
		for i, list := range s.recent {
			kept := list[:0]
			for _, p := range list {
				if p.tag != op.Tag {
					kept = append(kept, p)
				}
			}
			s.recent[i] = kept
		}
		return nil
	}
	mine := lane(op)
	if mine < 0 {
		return nil
	}
	for i, list := range s.recent {
		if i == mine || !opposed(i, mine) {
			continue
		}
		for _, p := range list {
			if p.region.Overlaps(op.Mem) {
				return fmt.Errorf("overlapping DMA: it touches %v, which instruction %d may still be moving: put sync or wait tag=%d between", op.Mem, p.pc, p.tag)
			}
		}
	}
	list := s.recent[mine]
	if len(list) == s.depth {
		copy(list, list[1:])
		list = list[:len(list)-1]
	}
	s.recent[mine] = append(list, pending{op.PC, op.Tag, op.Mem})
	return nil
}

// opposed reports whether one queue writes what the other reads.
func opposed(a, b int) bool {
	const readHost, writeHost, store = 0, int(WriteHost - ReadHost), int(StoreHBM - ReadHost)
	if a > b {
		a, b = b, a
	}
	if a == readHost || a == writeHost {
		return a == readHost && b == writeHost
	}
	return a == store || b == store
}
