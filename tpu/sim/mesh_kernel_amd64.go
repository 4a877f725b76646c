//go:build !noasm

package sim

import "github.com/crease-ml/crease/internal/cpufeat"

//go:generate go -C ../_asm run ./sim -out ../sim/z_mesh_amd64.s -stubs ../sim/z_mesh_amd64.go -pkg sim

var (
	avx2Mesh = meshKernels{
		lanes: 8, rows: 4,
		float:     []meshKernel{meshFloatAVX2x1, meshFloatAVX2x2, meshFloatAVX2x4},
		integer:   []meshKernel{meshIntAVX2x1, meshIntAVX2x2, meshIntAVX2x4},
		floatWave: []waveKernel{meshFloatSwitchAVX2x1, meshFloatSwitchAVX2x2, meshFloatSwitchAVX2x4},
		intWave:   []waveKernel{meshIntSwitchAVX2x1, meshIntSwitchAVX2x2, meshIntSwitchAVX2x4},
	}
	avx512Mesh = meshKernels{
		lanes: 16, rows: 8,
		float:     []meshKernel{meshFloatAVX512x1, meshFloatAVX512x2, meshFloatAVX512x4, meshFloatAVX512x8},
		integer:   []meshKernel{meshIntAVX512x1, meshIntAVX512x2, meshIntAVX512x4, meshIntAVX512x8},
		floatWave: []waveKernel{meshFloatSwitchAVX512x1, meshFloatSwitchAVX512x2, meshFloatSwitchAVX512x4, meshFloatSwitchAVX512x8},
		intWave:   []waveKernel{meshIntSwitchAVX512x1, meshIntSwitchAVX512x2, meshIntSwitchAVX512x4, meshIntSwitchAVX512x8},
	}
)

func assembledMesh(level cpufeat.Level) *meshKernels {
	switch level {
	case cpufeat.AVX2:
		return &avx2Mesh
	case cpufeat.AVX512:
		return &avx512Mesh
	}
	return nil
}
