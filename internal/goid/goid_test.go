package goid

import (
	"runtime"
	"sync"
	"testing"
)

func TestIDTellsGoroutinesApart(t *testing.T) {
	const n = 64
	ids := make([]uintptr, n)
	var ready, wg sync.WaitGroup
	ready.Add(n)
	for i := range n {
		wg.Go(func() {
			ids[i] = ID()
			ready.Done()
			ready.Wait() // all alive at once
			runtime.Gosched()
			if again := ID(); again != ids[i] {
				t.Errorf("goroutine %d changed its ID from %#x to %#x", i, ids[i], again)
			}
		})
	}
	wg.Wait()
	seen := map[uintptr]bool{}
	for i, id := range ids {
		if id == 0 || seen[id] {
			t.Errorf("goroutine %d has ID %#x, zero or taken", i, id)
		}
		seen[id] = true
	}
}

func TestIDSurvivesStackGrowth(t *testing.T) {
	before := ID()
	var grow func(int) byte
	grow = func(n int) byte {
		var pad [1024]byte
		pad[n%1024] = byte(n)
		if n == 0 {
			return pad[0]
		}
		return grow(n-1) + pad[n%1024]
	}
	grow(2000)
	if after := ID(); after != before {
		t.Fatalf("ID was %#x, is %#x after the stack moved", before, after)
	}
}
