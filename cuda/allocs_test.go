package cuda

import (
	"testing"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/cuda/emulate"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// idle is a driver whose launches do nothing.
type idle struct{ *emulate.Driver }

func (idle) Launch(driver.Function, [3]uint32, [3]uint32, uint32, driver.Stream, []unsafe.Pointer) driver.Result {
	return driver.Success
}

// launches returns how many allocations of Go's a launch costs on a device.
func launches(t *testing.T, d *Device) float64 {
	t.Helper()
	p := kernels.TestProgram(kernels.CUDA, "nothing", "\tif (LID(0) < 1) SET(y, 0, GET(x, 0));\n", 32)
	s, err := d.NewStream()
	must(t, err)
	x, err := d.Alloc(128)
	must(t, err)
	defer x.Free()
	values, buffers := make([]byte, p.Values), []hal.Buffer{x, x}
	run := func() { must(t, s.(*stream).Run(p, [3]int{1, 1, 1}, buffers, values)) }
	run() // compiles
	return testing.AllocsPerRun(100, run)
}

// A launch allocates nothing.
func TestLaunchAllocatesNothing(t *testing.T) {
	d, err := openDriver(func() (driver.Driver, error) { return idle{emulate.New(1)}, nil }, 0, emulated, false)
	must(t, err)
	defer d.Close()
	if n := launches(t, d); n != 0 {
		t.Errorf("a launch allocates %v times", n)
	}
}
