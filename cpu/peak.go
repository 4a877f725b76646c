package cpu

import (
	"sync"

	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/dtype"
)

// peaks are measured once per device and type.
type peaks struct {
	once32, once64 sync.Once
	f32, f64       float64
}

// PeakFlops measures the arithmetic limit of the device's kernels on its threads
// (hal.Peaker; see gemm.Peak for what is measured). It takes a few milliseconds
// once and is 0 for types without a kernel of their own.
func (d *device) PeakFlops(t dtype.Type) float64 {
	switch t {
	case dtype.F32:
		d.peaks.once32.Do(func() { d.peaks.f32 = gemm.Peak[float32](d.gemm) })
		return d.peaks.f32
	case dtype.F64:
		d.peaks.once64.Do(func() { d.peaks.f64 = gemm.Peak[float64](d.gemm) })
		return d.peaks.f64
	}
	return 0
}
