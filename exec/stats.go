package exec

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/ops"
)

// OpStats counts how an op's calls were served.
type OpStats struct {
	Op    string
	Count [steps]int // by Step
}

// stats counts per op. Plans hold the counters of their op.
type stats struct{ byOp sync.Map } // *ops.Op to *[steps]atomic.Int64

func (s *stats) of(op *ops.Op) *[steps]atomic.Int64 {
	c, ok := s.byOp.Load(op)
	if !ok {
		c, _ = s.byOp.LoadOrStore(op, new([steps]atomic.Int64))
	}
	return c.(*[steps]atomic.Int64)
}

// Stats is the count of every op run so far, sorted by name.
func (e *Engine) Stats() []OpStats {
	var out []OpStats
	e.stats.byOp.Range(func(op, counts any) bool {
		row, any := OpStats{Op: op.(*ops.Op).Name}, false
		for i := range row.Count {
			row.Count[i] = int(counts.(*[steps]atomic.Int64)[i].Load())
			any = any || row.Count[i] > 0
		}
		if any {
			out = append(out, row)
		}
		return true
	})
	slices.SortFunc(out, func(a, b OpStats) int { return cmp.Compare(a.Op, b.Op) })
	return out
}

// ResetStats forgets the counts.
func (e *Engine) ResetStats() {
	e.stats.byOp.Range(func(_, counts any) bool {
		for i := range counts.(*[steps]atomic.Int64) {
			counts.(*[steps]atomic.Int64)[i].Store(0)
		}
		return true
	})
}
