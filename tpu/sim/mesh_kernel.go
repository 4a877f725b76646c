package sim

import (
	"unsafe"

	"github.com/crease-ml/crease/internal/cpufeat"
)

// meshKernel advances a block of rows×lanes elements by n cycles: see
// tpu/_asm/sim. Strides are in bytes.
type meshKernel func(n int, a *uint32, aStride int, w *uint32, wStride int, sums *uint32, sumStride int, in, out *uint32, ioStride int)

// waveKernel is the same while a wave of new weights passes: from its cycle i on,
// column c of row r has a weight of next if c+r <= lead+i.
type waveKernel func(n int, a *uint32, aStride int, w *uint32, wStride int, sums *uint32, sumStride int, in, out *uint32, ioStride int, next *uint32, lead int32)

// meshKernels are those of a level, by the logarithm of their rows.
type meshKernels struct {
	lanes, rows        int
	float, integer     []meshKernel
	floatWave, intWave []waveKernel
}

func meshKernelsOf(level cpufeat.Level) *meshKernels {
	if k := assembledMesh(level); k != nil && cpufeat.Available(level) {
		return k
	}
	return &plainMesh
}

var plainMesh = meshKernels{lanes: 8, rows: 8}

// run advances a block by n cycles, from its cycle i on.
func (k *meshKernels) run(float bool, b *block, a *uint32, i, n int, w, next *uint32, lead int32) {
	stride, flow := 4*b.stride, 4*k.lanes
	in, out := &b.in[i*k.lanes], &b.out[i*k.lanes]
	if k.float == nil {
		plainBlock(float, b.rows, k.lanes, n, a, 4*b.aStride, w, stride, &b.sums[0], in, out, next, lead)
		return
	}
	log := 0
	for 1<<log < b.rows {
		log++
	}
	if next == nil {
		f := k.integer
		if float {
			f = k.float
		}
		f[log](n, a, 4*b.aStride, w, stride, &b.sums[0], stride, in, out, flow)
		return
	}
	f := k.intWave
	if float {
		f = k.floatWave
	}
	f[log](n, a, 4*b.aStride, w, stride, &b.sums[0], stride, in, out, flow, next, lead)
}

// plainBlock is the plain Go twin of all kernels.
func plainBlock(float bool, rows, lanes, n int, a *uint32, aStride int, w *uint32, stride int, sums, in, out, next *uint32, lead int32) {
	at := func(p *uint32, row, col int) *uint32 {
		return (*uint32)(unsafe.Add(unsafe.Pointer(p), row*stride+4*col))
	}
	for i := range n {
		for r := rows - 1; r >= 0; r-- {
			for c := range lanes {
				weight := at(w, r, c)
				if next != nil && int32(c+r) <= lead+int32(i) {
					weight = at(next, r, c)
				}
				above := (*uint32)(unsafe.Add(unsafe.Pointer(in), 4*(i*lanes+c)))
				if r > 0 {
					above = at(sums, r-1, c)
				}
				x := (*uint32)(unsafe.Add(unsafe.Pointer(a), r*aStride+4*(c-i)))
				*at(sums, r, c) = element(float, *x, *weight, *above)
			}
		}
		for c := range lanes {
			*(*uint32)(unsafe.Add(unsafe.Pointer(out), 4*(i*lanes+c))) = *at(sums, rows-1, c)
		}
	}
}
