package exec

import (
	"cmp"
	"maps"
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

// Stats is the count of every op run so far, sorted by name. Fused ops count as one.
func (e *Engine) Stats() []OpStats {
	all := map[string]OpStats{}
	e.stats.byOp.Range(func(op, counts any) bool {
		name := op.(*ops.Op).Name
		row := all[name]
		row.Op = name
		for i := range row.Count {
			row.Count[i] += int(counts.(*[steps]atomic.Int64)[i].Load())
		}
		all[name] = row
		return true
	})
	maps.DeleteFunc(all, func(_ string, row OpStats) bool { return row.Count == [steps]int{} })
	return slices.SortedFunc(maps.Values(all), func(a, b OpStats) int { return cmp.Compare(a.Op, b.Op) })
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
