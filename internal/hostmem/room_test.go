package hostmem

import (
	"errors"
	"math"
	"runtime"
	"testing"
	"unsafe"
)

func TestRoom(t *testing.T) {
	if runtime.GOOS != "linux" {
		if Room() != math.MaxInt {
			t.Error("the memory of this system is unknown")
		}
		return
	}
	room := Room()
	if room <= 0 || room > Total() {
		t.Errorf("room for %d bytes in a machine of %d", room, Total())
	}
	Promise(room / 2) // what is handed out and not touched counts
	after := Room()
	Promise(-room / 2)
	if after > room*3/4 {
		t.Errorf("room for %d, and for %d after half was promised", room, after)
	}
}

func TestMake(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 1000, large + 1} {
		b, err := Make(n)
		if err != nil || len(b) != n {
			t.Fatalf("%d bytes: %d, %v", n, len(b), err)
		}
		if n > 0 && uintptr(unsafe.Pointer(&b[0]))%8 != 0 {
			t.Errorf("%d bytes are not aligned", n)
		}
	}
	for _, n := range []int{-1, math.MaxInt, 1 << 50} {
		if runtime.GOOS != "linux" && n > 0 {
			continue
		}
		if _, err := Make(n); !errors.Is(err, ErrNoMemory) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if _, err := Alloc(n); !errors.Is(err, ErrNoMemory) {
			t.Errorf("%d bytes: Alloc: %v", n, err)
		}
	}
	restore := SetBudget(1000)
	_, small := Make(1000)
	_, big := Make(1001)
	restore()
	if small != nil || !errors.Is(big, ErrNoMemory) {
		t.Errorf("with a budget of 1000: %v, %v", small, big)
	}
	if _, err := Make(1001); err != nil {
		t.Error(err)
	}
}

// Small allocations are looked at when they add up.
func TestSmallOnesAddUp(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing is known of this system's memory")
	}
	Promise(1 << 50)
	defer Promise(-1 << 50)
	for i := range 2 * large >> 20 {
		if Check(1<<20) != nil {
			return
		}
		if i > large>>20 {
			break
		}
	}
	t.Errorf("%d bytes in small pieces were granted without a look", 2*large)
}
