package ptx

import (
	"fmt"
	"math/bits"
	"slices"
)

// block is the threads that share memory.
type block struct {
	run    *run
	at     [3]int // in the grid
	shared *shared
	warps  []*warp
}

// Fault is what a kernel did wrong.
type Fault struct {
	Kernel        string
	Block, Thread [3]int
	Line          int    // of the text
	Text          string // the instruction
	Reason        string
}

func (f *Fault) Error() string {
	return fmt.Sprintf("ptx: %s, block %v, thread %v: %s, at line %d: %s", f.Kernel, f.Block, f.Thread, f.Reason, f.Line, f.Text)
}

// fault stops the launch. The lane that did it is w.lane.
func (w *warp) fault(format string, args ...any) {
	b := w.block
	f := &Fault{Kernel: b.run.entry.Name, Block: b.at, Reason: fmt.Sprintf(format, args...)}
	t := w.thread(w.lane)
	size := b.run.launch.Block
	f.Thread = [3]int{t % size[0], t / size[0] % size[1], t / size[0] / size[1]}
	if n := len(w.frags); n > 0 && w.frags[n-1].pc < len(b.run.entry.code) {
		in := &b.run.entry.code[w.frags[n-1].pc]
		f.Line, f.Text = in.line, in.text
	}
	panic(f)
}

// start makes the block the one at a place of the grid.
func (b *block) start(at [3]int) {
	b.at = at
	b.shared.reset()
	threads := b.run.launch.Block[0] * b.run.launch.Block[1] * b.run.launch.Block[2]
	for i, w := range b.warps {
		n := min(threads-i*lanes, lanes)
		mask := uint32(1<<n - 1)
		if n == lanes {
			mask = ^uint32(0)
		}
		w.frags = append(w.frags[:0], fragment{0, mask})
		w.state, w.async, w.near = running, nil, [4]*Block{}
		clear(w.init)
		b.run.entry.program.fill(w)
	}
}

// finish runs the block to its end.
func (b *block) finish(reverse bool) {
	order := slices.Clone(b.warps)
	if reverse {
		slices.Reverse(order)
	}
	for {
		live := false
		for _, w := range order {
			if w.state == running {
				w.run()
			}
			live = live || w.state != ended
		}
		if !live {
			return
		}
		if b.release() {
			continue
		}
		for _, w := range order {
			if w.state != ended {
				w.stuck("the block waits for ever: no warp can go on")
			}
		}
	}
}

// stuck is a fault of the barrier that the warp waits at.
func (w *warp) stuck(reason string) {
	for i := range w.frags {
		w.frags[i].pc--
	}
	w.lane = bits.TrailingZeros32(w.live())
	w.fault("%s", reason)
}

// release lets warps go on whose barrier everybody has reached.
func (b *block) release() bool {
	moved := false
	for _, w := range b.warps {
		if w.state != atBarrier {
			continue
		}
		need, have := w.count, 0
		if need == 0 {
			need = b.run.launch.Block[0] * b.run.launch.Block[1] * b.run.launch.Block[2]
		}
		var gone *warp
		working := false
		for _, o := range b.warps {
			switch {
			case o.state == atBarrier && o.id == w.id:
				have += bits.OnesCount32(o.live())
				if w.count == 0 && o.live() != o.all() {
					gone = o
				}
			case o.state == ended && w.count == 0:
				gone = o
			case o.state != ended:
				working = true
			}
		}
		if have >= need {
			for _, o := range b.warps {
				if o.state == atBarrier && o.id == w.id {
					o.state = running
				}
			}
			b.shared.epoch++
			moved = true
			continue
		}
		if gone != nil && !working {
			w.stuck("a divergent barrier: threads of the block have ended and will not come")
		}
	}
	return moved
}

// all is the lanes that the warp began with.
func (w *warp) all() uint32 {
	l := w.block.run.launch.Block
	n := min(l[0]*l[1]*l[2]-w.first, lanes)
	if n == lanes {
		return ^uint32(0)
	}
	return 1<<n - 1
}
