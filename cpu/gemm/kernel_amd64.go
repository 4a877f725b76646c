//go:build !noasm

package gemm

import "github.com/crease-ml/crease/internal/cpufeat"

//go:generate go -C ../_asm run ./gemm -out ../gemm/z_kernels_amd64.s -stubs ../gemm/z_kernels_amd64.go -pkg gemm

func assembled32(level cpufeat.Level) *kernelSet[float32] {
	switch level {
	case cpufeat.AVX2:
		return &avx2Float32
	case cpufeat.AVX512:
		return &avx512Float32
	}
	return nil
}

func assembled64(level cpufeat.Level) *kernelSet[float64] {
	switch level {
	case cpufeat.AVX2:
		return &avx2Float64
	case cpufeat.AVX512:
		return &avx512Float64
	}
	return nil
}

var avx2Float32 = kernelSet[float32]{
	mr: 6, nr: 16, lanes: 8, kc: 384, mc: 144,
	full: []microKernel[float32]{
		avx2F32Fullx1, avx2F32Fullx2, avx2F32Fullx3, avx2F32Fullx4, avx2F32Fullx5, avx2F32Fullx6,
	},
	wide: []microKernel[float32]{
		avx2F32Widex1, avx2F32Widex2, avx2F32Widex3, avx2F32Widex4, avx2F32Widex5, avx2F32Widex6,
	},
	narrow: []microKernel[float32]{
		avx2F32Narrowx1, avx2F32Narrowx2, avx2F32Narrowx3, avx2F32Narrowx4, avx2F32Narrowx5, avx2F32Narrowx6,
	},
}

var avx2Float64 = kernelSet[float64]{
	mr: 6, nr: 8, lanes: 4, kc: 256, mc: 72,
	full: []microKernel[float64]{
		avx2F64Fullx1, avx2F64Fullx2, avx2F64Fullx3, avx2F64Fullx4, avx2F64Fullx5, avx2F64Fullx6,
	},
	wide: []microKernel[float64]{
		avx2F64Widex1, avx2F64Widex2, avx2F64Widex3, avx2F64Widex4, avx2F64Widex5, avx2F64Widex6,
	},
	narrow: []microKernel[float64]{
		avx2F64Narrowx1, avx2F64Narrowx2, avx2F64Narrowx3, avx2F64Narrowx4, avx2F64Narrowx5, avx2F64Narrowx6,
	},
}

var avx512Float32 = kernelSet[float32]{
	mr: 12, nr: 32, lanes: 16, kc: 256, mc: 144,
	full: []microKernel[float32]{
		avx512F32Fullx1, avx512F32Fullx2, avx512F32Fullx3, avx512F32Fullx4, avx512F32Fullx5, avx512F32Fullx6,
		avx512F32Fullx7, avx512F32Fullx8, avx512F32Fullx9, avx512F32Fullx10, avx512F32Fullx11, avx512F32Fullx12,
	},
	wide: []microKernel[float32]{
		avx512F32Widex1, avx512F32Widex2, avx512F32Widex3, avx512F32Widex4, avx512F32Widex5, avx512F32Widex6,
		avx512F32Widex7, avx512F32Widex8, avx512F32Widex9, avx512F32Widex10, avx512F32Widex11, avx512F32Widex12,
	},
	narrow: []microKernel[float32]{
		avx512F32Narrowx1, avx512F32Narrowx2, avx512F32Narrowx3, avx512F32Narrowx4, avx512F32Narrowx5, avx512F32Narrowx6,
		avx512F32Narrowx7, avx512F32Narrowx8, avx512F32Narrowx9, avx512F32Narrowx10, avx512F32Narrowx11, avx512F32Narrowx12,
	},
}

var avx512Float64 = kernelSet[float64]{
	mr: 12, nr: 16, lanes: 8, kc: 256, mc: 72,
	full: []microKernel[float64]{
		avx512F64Fullx1, avx512F64Fullx2, avx512F64Fullx3, avx512F64Fullx4, avx512F64Fullx5, avx512F64Fullx6,
		avx512F64Fullx7, avx512F64Fullx8, avx512F64Fullx9, avx512F64Fullx10, avx512F64Fullx11, avx512F64Fullx12,
	},
	wide: []microKernel[float64]{
		avx512F64Widex1, avx512F64Widex2, avx512F64Widex3, avx512F64Widex4, avx512F64Widex5, avx512F64Widex6,
		avx512F64Widex7, avx512F64Widex8, avx512F64Widex9, avx512F64Widex10, avx512F64Widex11, avx512F64Widex12,
	},
	narrow: []microKernel[float64]{
		avx512F64Narrowx1, avx512F64Narrowx2, avx512F64Narrowx3, avx512F64Narrowx4, avx512F64Narrowx5, avx512F64Narrowx6,
		avx512F64Narrowx7, avx512F64Narrowx8, avx512F64Narrowx9, avx512F64Narrowx10, avx512F64Narrowx11, avx512F64Narrowx12,
	},
}
