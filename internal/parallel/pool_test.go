package parallel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/crease-ml/crease/internal/goid"
)

// checkFor fails unless each of n tasks runs exactly once.
func checkFor(t *testing.T, p *Pool, n int) {
	t.Helper()
	seen := make([]atomic.Int32, n)
	p.For(n, func(i int) { seen[i].Add(1) })
	for i := range seen {
		if got := seen[i].Load(); got != 1 {
			t.Fatalf("task %d of %d ran %d times", i, n, got)
		}
	}
}

func TestForRunsEachTaskOnce(t *testing.T) {
	for _, threads := range []int{-1, 1, 2, 3, 8} {
		p := New(threads)
		if want := max(threads, 1); p.Threads() != want {
			t.Errorf("Threads() = %d, want %d", p.Threads(), want)
		}
		for range 200 {
			for _, n := range []int{0, 1, 2, 3, 17} {
				checkFor(t, p, n)
			}
		}
		p.Close()
		checkFor(t, p, 5)
	}
	var none *Pool
	checkFor(t, none, 7)
	none.Close()
	if none.Threads() != 1 {
		t.Error("a nil pool has one thread")
	}
}

func TestForAfterParking(t *testing.T) {
	p := New(3)
	defer p.Close()
	for range 20 {
		checkFor(t, p, 6)
		time.Sleep(10 * spinTime)
	}
}

func TestWorkersTakePart(t *testing.T) {
	p := New(2)
	defer p.Close()
	var both sync.WaitGroup
	both.Add(2)
	// Each task waits for the other, so this ends only if two threads run them.
	p.For(2, func(int) { both.Done(); both.Wait() })
}

func TestNestedAndConcurrent(t *testing.T) {
	p := New(3)
	defer p.Close()
	var total atomic.Int64
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for range 100 {
				p.For(5, func(int) { p.For(3, func(int) { total.Add(1) }) })
			}
		})
	}
	callers.Wait()
	if total.Load() != 4*100*15 {
		t.Errorf("ran %d inner tasks, want %d", total.Load(), 4*100*15)
	}
}

func TestPanicReachesCaller(t *testing.T) {
	p := New(3)
	defer p.Close()
	for i := range 60 {
		func() {
			defer func() {
				if got := recover(); got != "task" {
					t.Errorf("recovered %v, want the task's value", got)
				}
			}()
			p.For(9, func(j int) {
				if j == i%9 {
					panic("task")
				}
			})
		}()
		checkFor(t, p, 9)
	}
}

// A panic of any thread reaches the caller, and no task begins after it. Task 0 and task 1
// are on two threads, since each waits for the other; one panics, and the other goes on
// as soon as the pool has taken note.
func TestPanicEndsTheCall(t *testing.T) {
	const n = 1000
	for _, byCaller := range []bool{true, false} {
		for range 20 {
			p := New(2)
			caller := goid.ID()
			var both sync.WaitGroup
			both.Add(2)
			var ran atomic.Int64
			func() {
				defer func() {
					if got := recover(); got != "task" {
						t.Errorf("recovered %v from a panic (of the caller: %v)", got, byCaller)
					}
				}()
				p.For(n, func(int) {
					if ran.Add(1) > 2 {
						return
					}
					both.Done()
					both.Wait()
					if (goid.ID() == caller) == byCaller {
						panic("task")
					}
					for start := time.Now(); p.next.Load() < n && time.Since(start) < 5*time.Second; {
						runtime.Gosched()
					}
				})
			}()
			if ran.Load() != 2 {
				t.Fatalf("%d tasks ran, 2 had begun at the panic (of the caller: %v)", ran.Load(), byCaller)
			}
			checkFor(t, p, 9)
			p.Close()
		}
	}
}

func TestGoexitInTask(t *testing.T) {
	p := New(3)
	defer p.Close()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.For(8, func(int) { runtime.Goexit() })
	}()
	<-ended
	checkFor(t, p, 8)
}

func TestSetThreads(t *testing.T) {
	p := New(1)
	defer p.Close()
	stop := make(chan struct{})
	var callers sync.WaitGroup
	callers.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				checkFor(t, p, 4)
			}
		}
	})
	for i := range 50 {
		p.SetThreads(1 + i%4)
		if p.Threads() != 1+i%4 {
			t.Errorf("Threads() = %d, want %d", p.Threads(), 1+i%4)
		}
	}
	close(stop)
	callers.Wait()
}

func TestForDoesNotAllocate(t *testing.T) {
	p := New(2)
	defer p.Close()
	var sum atomic.Int64
	f := func(i int) { sum.Add(int64(i)) }
	if n := testing.AllocsPerRun(100, func() { p.For(4, f) }); n != 0 {
		t.Errorf("For allocates %v times", n)
	}
}

func BenchmarkFor(b *testing.B) {
	p := New(2)
	defer p.Close()
	f := func(int) {}
	for b.Loop() {
		p.For(2, f)
	}
}

// Ranges covers 0..n once, in ranges that begin at multiples of the size.
func TestRanges(t *testing.T) {
	for _, threads := range []int{1, 3} {
		p := New(threads)
		defer p.Close()
		for _, n := range []int{-1, 0, 1, 4, 5, 8, 23} {
			for _, size := range []int{1, 4, 5, 100} {
				seen := make([]atomic.Int32, max(n, 0))
				p.Ranges(n, size, func(lo, hi int) {
					if lo%size != 0 || lo >= hi || hi != min(lo+size, n) {
						t.Errorf("%d threads cut %d by %d into %d to %d", threads, n, size, lo, hi)
						return
					}
					for i := lo; i < hi; i++ {
						seen[i].Add(1)
					}
				})
				for i := range seen {
					if got := seen[i].Load(); got != 1 {
						t.Errorf("%d threads: %d of %d by %d was visited %d times", threads, i, n, size, got)
					}
				}
			}
		}
		checkFor(t, p, 9)
	}
	(*Pool)(nil).Ranges(5, 2, func(lo, hi int) {
		if hi != min(lo+2, 5) {
			t.Errorf("a nil pool cut 5 by 2 into %d to %d", lo, hi)
		}
	})
	p := New(2)
	defer p.Close()
	f := func(lo, hi int) {}
	if n := testing.AllocsPerRun(100, func() { p.Ranges(8, 2, f) }); n != 0 {
		t.Errorf("Ranges allocates %v times", n)
	}
}

// A worker that wakes when the call is over stays out of the next one's preparation.
func TestNobodyEntersBetweenCalls(t *testing.T) {
	p := New(2)
	defer p.Close()
	for range 3 {
		if p.enter() {
			t.Fatal("the gate is open between calls")
		}
		checkFor(t, p, 4)
	}
}
