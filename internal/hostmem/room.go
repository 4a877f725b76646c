package hostmem

import (
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// ErrNoMemory is found by errors.Is in what [Make] and [Alloc] refuse.
var ErrNoMemory = errors.New("the machine has not so much memory free")

// budget, when positive, stands for the memory that is free.
var budget atomic.Int64

// SetBudget makes the machine seem to have so many bytes free, until restore is called:
// for tests of what happens when there is little.
func SetBudget(bytes int) (restore func()) {
	old := budget.Swap(int64(bytes))
	return func() { budget.Store(old) }
}

// promised counts the bytes that were handed out and may not have been touched yet: the
// system counts a page when it is written to.
var promised atomic.Int64

// Promise tells that a driver has handed out so many bytes of the host's memory; a
// negative number gives them back. [Alloc] and Free do so by themselves.
func Promise(bytes int) { promised.Add(int64(bytes)) }

// Room returns how many more bytes can be used without driving the machine, or the
// control group of the process, out of memory. It is math.MaxInt where that is
// unknown. What other processes take meanwhile it does not know.
func Room() int {
	if b := budget.Load(); b > 0 {
		return int(b)
	}
	free, total, own := measure()
	if free < 0 {
		return math.MaxInt
	}
	// Pages that were promised and not yet written to are not in the system's count.
	untouched := max(int(promised.Load())-own, 0)
	spare := min(total/20, 1<<30) // for the system and for what we do not count
	return max(free-untouched-spare, 0)
}

// large is the size from which an allocation is looked at by itself; smaller ones are
// looked at when they add up to it.
const large = 32 << 20

var unseen atomic.Int64 // bytes since the last look

// Check returns an error for n bytes that the machine has no room for. Looking costs some
// ten microseconds, so small sizes pass until they add up.
func Check(n int) error {
	switch {
	case n < 0:
		return fmt.Errorf("%d bytes: %w", n, ErrNoMemory)
	case n < large && budget.Load() == 0 && unseen.Add(int64(n)) < large:
		return nil
	}
	unseen.Store(0)
	room := Room()
	if n <= room {
		return nil
	}
	collect() // garbage counts as used until it is collected
	if room = Room(); n <= room {
		return nil
	}
	return fmt.Errorf("%w: %d bytes are asked for, there is room for %d", ErrNoMemory, n, room)
}

var collecting sync.Mutex

func collect() {
	collecting.Lock()
	defer collecting.Unlock()
	debug.FreeOSMemory()
}

// Make returns n zero bytes on Go's heap, aligned for every element type, or an error
// where there is no room for them: Go itself would end the process.
func Make(n int) ([]byte, error) {
	if err := Check(n); err != nil {
		return nil, err
	}
	return words(n), nil
}
