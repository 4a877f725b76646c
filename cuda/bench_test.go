package cuda

import (
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// BenchmarkInterpreter is a product of two 128x128 matrices on the emulated device, and
// how many instructions of threads the interpreter does in a second.
func BenchmarkInterpreter(b *testing.B) {
	d, drv, err := emulatedDevice(1)
	must(b, err)
	defer d.Close()
	call := &hal.Call{Op: ops.MatMul.Name}
	for range 3 {
		call.In = append(call.In, hal.View{DType: dtype.F32, Shape: []int{128, 128}, Strides: []int{128, 1}})
	}
	call.Out, call.In = call.In[2:], call.In[:2]
	s, err := d.NewStream()
	must(b, err)
	for _, v := range []*hal.View{&call.In[0], &call.In[1], &call.Out[0]} {
		v.Buf, err = d.Alloc(4 * 128 * 128)
		must(b, err)
		must(b, s.Upload(v.Buf, 0, make([]byte, 4*128*128)))
	}
	var k *hal.Kernel
	for c := range d.Kernels().Candidates(call) {
		k = c
		break
	}
	before := drv.Counts().Instructions
	for b.Loop() {
		must(b, k.Do(s, call))
		must(b, s.Sync())
	}
	b.ReportMetric(float64(drv.Counts().Instructions-before)*32/1e6/b.Elapsed().Seconds(), "M-instructions/s")
}
