package cuda

import (
	"encoding/binary"
	"errors"
	"testing"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/cuda/emulate"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// between is a driver that does something before every launch.
type between struct {
	*emulate.Driver
	do func()
}

func (b *between) Launch(f driver.Function, grid, block [3]uint32, shared uint32, s driver.Stream, params []unsafe.Pointer) driver.Result {
	b.do()
	return b.Driver.Launch(f, grid, block, shared, s, params)
}

// A wait on another stream, just before a launch is queued, does not take the fault of that
// launch away from whoever waits for it.
func TestFaultAfterAnotherWait(t *testing.T) {
	drv := &between{emulate.New(1), func() {}}
	d, err := openDriver(func() (driver.Driver, error) { return drv, nil }, 0, emulated, false)
	must(t, err)
	defer d.Close()
	s, err := d.NewStream()
	must(t, err)
	other, err := d.NewStream()
	must(t, err)
	view := func(dt dtype.Type, n int) hal.View {
		b, err := d.Alloc(n * dt.Size())
		must(t, err)
		must(t, s.Upload(b, 0, make([]byte, n*dt.Size())))
		return hal.View{DType: dt, Shape: []int{n}, Strides: []int{1}, Buf: b}
	}
	idx := view(dtype.I64, 8)
	must(t, s.Upload(idx.Buf, 24, binary.LittleEndian.AppendUint64(nil, 5)))
	call := &hal.Call{Op: ops.Gather.Name, Attrs: ops.GatherAttrs{}, In: []hal.View{view(dtype.F32, 5), idx}, Out: []hal.View{view(dtype.F32, 8)}}
	var k *hal.Kernel
	for c := range d.Kernels().Candidates(call) {
		k = c
		break
	}
	waits := 0
	drv.do = func() {
		waits++
		must(t, other.Sync())
	}
	for range 2 {
		must(t, k.Do(s, call))
		var wrong *ops.AttrError
		if err := s.Sync(); !errors.As(err, &wrong) {
			t.Errorf("the index 5 of 5 elements: %v", err)
		}
		must(t, s.Sync()) // once, and nothing is poisoned
	}
	if waits == 0 {
		t.Error("nobody waited in between")
	}
}
