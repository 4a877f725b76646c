package ptx

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
)

// Launch says how a kernel runs.
type Launch struct {
	Grid, Block [3]int
	Shared      int    // bytes of dynamic shared memory
	Values      []byte // of the parameters, as Entry.Params lays them out
	// Reverse runs blocks and warps in the other order: a kernel must not depend on it.
	Reverse bool
}

// Counts is what launches did.
type Counts struct {
	Instructions int64 // of warps
	Loads        int64 // of global memory, of warps
}

const (
	// MaxThreads is the most threads of a block, MaxShared the most bytes of shared memory.
	MaxThreads = 1024
	MaxShared  = 227 << 10
	maxGrid    = 1<<31 - 1
)

// run is a launch under way.
type run struct {
	entry  *Entry
	launch Launch
	mem    *Memory
	atomic sync.Mutex
}

// Run runs a kernel on a device's memory and waits for its end. What the kernel does
// wrong is a *Fault; a launch that no device takes is another error.
func (e *Entry) Run(mem *Memory, l Launch) (Counts, error) {
	threads := 1
	for i := range 3 {
		if l.Grid[i] < 1 || l.Grid[i] > maxGrid || l.Block[i] < 1 || l.Block[i] > MaxThreads {
			return Counts{}, fmt.Errorf("ptx: %s: a grid of %v blocks of %v threads", e.Name, l.Grid, l.Block)
		}
		threads *= l.Block[i]
	}
	switch {
	case threads > MaxThreads || e.MaxThreads > 0 && threads > e.MaxThreads:
		return Counts{}, fmt.Errorf("ptx: %s: a block of %d threads, and it is for %d", e.Name, threads, e.MaxThreads)
	case e.Shared+l.Shared > MaxShared:
		return Counts{}, fmt.Errorf("ptx: %s: %d bytes of shared memory, and a block has %d", e.Name, e.Shared+l.Shared, MaxShared)
	case len(l.Values) != e.Values:
		return Counts{}, fmt.Errorf("ptx: %s: %d bytes of parameters, and it takes %d", e.Name, len(l.Values), e.Values)
	}
	if e.program.err != nil {
		return Counts{}, e.program.err
	}
	r := &run{entry: e, launch: l, mem: mem}
	total := l.Grid[0] * l.Grid[1] * l.Grid[2]
	var next, instructions, loads atomic.Int64
	var failed atomic.Pointer[Fault]
	work := func() {
		b := r.newBlock(threads)
		defer func() {
			for _, w := range b.warps {
				instructions.Add(w.steps)
				loads.Add(w.loads)
			}
			if x := recover(); x != nil {
				f, ok := x.(*Fault)
				if !ok {
					panic(x)
				}
				failed.CompareAndSwap(nil, f)
			}
		}()
		for failed.Load() == nil {
			n := int(next.Add(1) - 1)
			if n >= total {
				return
			}
			if l.Reverse {
				n = total - 1 - n
			}
			b.start([3]int{n % l.Grid[0], n / l.Grid[0] % l.Grid[1], n / l.Grid[0] / l.Grid[1]})
			b.finish(l.Reverse != (n%2 == 1))
		}
	}
	if workers := min(total, runtime.GOMAXPROCS(0)); workers > 1 && total*threads >= 512 {
		var wg sync.WaitGroup
		for range workers {
			wg.Go(work)
		}
		wg.Wait()
	} else {
		work()
	}
	c := Counts{instructions.Load(), loads.Load()}
	if f := failed.Load(); f != nil {
		return c, f
	}
	return c, nil
}

func (r *run) newBlock(threads int) *block {
	e := r.entry
	b := &block{run: r, shared: newShared(alignUp(e.Shared, 16) + r.launch.Shared)}
	for first := 0; first < threads; first += lanes {
		w := &warp{block: b, code: e.program.steps, first: first}
		w.r = make([]*vector, 0, len(e.program.constants)+e.program.vectors)
		slab := make([]vector, e.program.vectors)
		for i := range slab {
			w.r = append(w.r, &slab[i])
		}
		w.r = append(w.r, e.program.constants...)
		w.p = make([]uint32, e.preds)
		w.local, w.init = make([]byte, e.Local*lanes), make([]byte, e.Local*lanes)
		e.program.spoil(w)
		b.warps = append(b.warps, w)
	}
	return b
}
