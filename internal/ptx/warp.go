package ptx

import "math/bits"

const lanes = 32

// vector is a register of all lanes of a warp.
type vector = [lanes]uint64

type state uint8

const (
	running state = iota
	atBarrier
	ended
)

// fragment is the lanes of a warp that are at one place.
type fragment struct {
	pc   int
	mask uint32
}

// warp is 32 threads that go together.
type warp struct {
	block *block
	code  []step
	r     []*vector // registers, then constants
	p     []uint32  // predicates, a bit a lane
	first int       // the thread of lane 0
	frags []fragment
	state state
	id    int // of the barrier it waits at
	count int // threads that the barrier is for; 0: all of the block
	local []byte
	init  []byte // of local
	near  [4]*Block
	lane  int // that does something, for faults
	steps int64
	loads int64
	async *lateness
}

// step is an instruction ready to run.
type step struct {
	run   func(w *warp, m uint32)
	flow  flow
	guard int // a predicate, -1: none
	not   bool
	to    int
	table []int
	reg   int // of brx
	id    int
	count int
}

type flow uint8

const (
	straight flow = iota
	branch
	switched
	exit
	barrier
)

// reschedule orders the fragments by address, last first, and joins those at one place.
func (w *warp) reschedule() {
	f := w.frags
	for i := 1; i < len(f); i++ {
		for k := i; k > 0 && f[k].pc > f[k-1].pc; k-- {
			f[k], f[k-1] = f[k-1], f[k]
		}
	}
	n := 0
	for _, x := range f {
		switch {
		case x.mask == 0:
		case n > 0 && f[n-1].pc == x.pc:
			f[n-1].mask |= x.mask
		default:
			f[n] = x
			n++
		}
	}
	w.frags = f[:n]
}

// live is the lanes that have not ended.
func (w *warp) live() uint32 {
	m := uint32(0)
	for _, f := range w.frags {
		m |= f.mask
	}
	return m
}

// maxSteps of a warp between two events is more than any test needs: what goes on is a
// loop that does not end.
const maxSteps = 1 << 33

// run goes on until the warp waits or has ended.
func (w *warp) run() {
	w.state = running
	for w.state == running {
		w.reschedule()
		n := len(w.frags)
		if n == 0 {
			w.state = ended
			return
		}
		if w.steps > maxSteps {
			w.fault("a thread goes on for more than %d instructions", int64(maxSteps))
		}
		f := &w.frags[n-1]
		limit := len(w.code)
		if n > 1 {
			limit = w.frags[n-2].pc
		}
		if f.pc >= len(w.code) {
			f.mask = 0 // the end of the text
			continue
		}
		w.together(f, limit)
	}
}

// together runs the lanes of a fragment until they part, or meet those at limit.
func (w *warp) together(f *fragment, limit int) {
	pc, mask := f.pc, f.mask
	for pc < limit {
		in := &w.code[pc]
		m := mask
		if in.guard >= 0 {
			g := w.p[in.guard]
			if in.not {
				g = ^g
			}
			m &= g
		}
		w.steps++
		f.pc = pc
		if in.flow == straight {
			if m != 0 {
				in.run(w, m)
			}
			pc++
			continue
		}
		if w.control(in, f, m) {
			return
		}
		pc = f.pc
	}
	f.pc = pc
}

// control runs an instruction that decides where lanes go. It is true where the
// fragments are not what they were.
func (w *warp) control(in *step, f *fragment, m uint32) bool {
	switch in.flow {
	case branch:
		if m == f.mask {
			f.pc = in.to
			return w.steps > maxSteps || len(w.frags) > 1
		}
		f.pc++
		if m != 0 {
			f.mask &^= m
			w.frags = append(w.frags, fragment{in.to, m})
			return true
		}
		return len(w.frags) > 1
	case switched:
		left := f.mask &^ m
		pc := f.pc
		f.pc, f.mask = pc+1, left
		for i := range lanes {
			if m>>i&1 != 0 {
				k := w.r[in.reg][i]
				if k >= uint64(len(in.table)) {
					w.lane = i
					w.fault("a switch to %d of %d", k, len(in.table))
				}
				w.frags = append(w.frags, fragment{in.table[k], 1 << i})
			}
		}
		return true
	case exit:
		w.unwaited(m)
		f.pc++
		f.mask &^= m
		return true
	}
	// A barrier.
	if m == 0 {
		f.pc++
		return len(w.frags) > 1
	}
	if m != w.live() {
		w.lane = bits.TrailingZeros32(m)
		w.fault("a divergent barrier: %d of the %d threads of the warp are here, and others went on", bits.OnesCount32(m), bits.OnesCount32(w.live()))
	}
	f.pc++
	w.state, w.id, w.count = atBarrier, in.id, in.count
	return true
}

// thread is the number of the lane's thread in the block.
func (w *warp) thread(lane int) int { return w.first + lane }
