package hal_test

import (
	"errors"
	"math"
	"sync"
	"testing"

	"github.com/crease-ml/crease/hal"
)

// heap hands out numbered blocks, at most limit bytes of them.
type heap struct {
	mu                   sync.Mutex
	limit, used, made    int
	sizes                map[int]int
	news, drops, refused int
}

func (h *heap) pool() *hal.Pool[int] {
	h.sizes = map[int]int{}
	return &hal.Pool[int]{New: h.get, Drop: h.drop}
}

func (h *heap) get(n int) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limit > 0 && h.used+n > h.limit {
		h.refused++
		return 0, hal.ErrOutOfMemory
	}
	h.news++
	h.made++
	h.used += n
	h.sizes[h.made] = n
	return h.made, nil
}

func (h *heap) drop(b int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drops++
	h.used -= h.sizes[b]
	delete(h.sizes, b)
}

func TestPoolReusesBlocksOfAClass(t *testing.T) {
	h := &heap{}
	p := h.pool()
	a, size, err := p.Get(1000)
	if err != nil || size < 1000 || size > 1000*9/8+64 {
		t.Fatalf("a block of %d bytes for 1000 (%v)", size, err)
	}
	p.Put(a, size)
	b, again, err := p.Get(990)
	if err != nil || b != a || again != size {
		t.Errorf("the block %d was not reused: got %d (%v)", a, b, err)
	}
	c, _, err := p.Get(990)
	if err != nil || c == a {
		t.Errorf("block %d is handed out twice (%v)", a, err)
	}
	s := p.Stats()
	if s.InUse != 2*size || s.HighWater != 2*size || s.Cached != 0 || s.Buffers != 2 || s.Allocs != 2 {
		t.Errorf("statistics %+v", s)
	}
	p.Put(b, size)
	p.Put(c, size)
	if s := p.Stats(); s.InUse != 0 || s.Cached != 2*size || s.Buffers != 0 || s.HighWater != 2*size {
		t.Errorf("statistics after giving back %+v", s)
	}
	p.Flush()
	if s := p.Stats(); s.Cached != 0 || h.drops != 2 || h.used != 0 {
		t.Errorf("after a flush %+v, %d bytes held", s, h.used)
	}
}

func TestPoolWastesAnEighthAtMost(t *testing.T) {
	p := (&heap{}).pool()
	for n := 1; n < 1<<24; n += 1 + n/7 {
		_, size, err := p.Get(n)
		if err != nil || size < n || n > 1024 && float64(size) > float64(n)*1.125 {
			t.Errorf("%d bytes for %d (%v)", size, n, err)
		}
	}
	for _, n := range []int{-1, math.MinInt, math.MaxInt} {
		if _, _, err := p.Get(n); err == nil {
			t.Errorf("%d bytes were allocated", n)
		}
	}
}

func TestPoolFlushesAndRetries(t *testing.T) {
	h := &heap{limit: 10000}
	p := h.pool()
	a, size, err := p.Get(6000)
	if err != nil {
		t.Fatal(err)
	}
	p.Put(a, size) // cached: in the way of a block of another class
	b, bsize, err := p.Get(9000)
	if err != nil || h.refused != 1 || h.drops != 1 {
		t.Fatalf("no flush before giving up: %v, %d refusals, %d drops", err, h.refused, h.drops)
	}
	if _, _, err := p.Get(9000); !errors.Is(err, hal.ErrOutOfMemory) {
		t.Errorf("memory that is not there: %v", err)
	}
	p.Put(b, bsize)
	if s := p.Stats(); s.InUse != 0 || s.Buffers != 0 {
		t.Errorf("a failed request was counted: %+v", s)
	}
}

func TestPoolKeepsItsLimit(t *testing.T) {
	h := &heap{}
	p := h.pool()
	p.Limit = 4096
	a, size, err := p.Get(4096)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Get(1); !errors.Is(err, hal.ErrOutOfMemory) {
		t.Errorf("over the limit: %v", err)
	}
	p.Put(a, size)
	if _, _, err := p.Get(1); err != nil || p.Stats().Cached != 0 {
		t.Errorf("cached blocks count against the limit and were kept: %v", err)
	}
}

func TestPoolIsSafeForConcurrentUse(t *testing.T) {
	h := &heap{}
	p := h.pool()
	var owner sync.Map // a block belongs to one at a time
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				b, size, err := p.Get(256 * (1 + (i+g)%5))
				if err != nil {
					t.Error(err)
					return
				}
				if _, taken := owner.LoadOrStore(b, g); taken {
					t.Errorf("block %d has two owners", b)
				}
				owner.Delete(b)
				p.Put(b, size)
				if i%100 == 0 {
					p.Flush()
				}
			}
		})
	}
	wg.Wait()
	if s := p.Stats(); s.InUse != 0 || s.Buffers != 0 {
		t.Errorf("statistics %+v", s)
	}
}
