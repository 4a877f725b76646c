//go:build !noasm

package num

import (
	"golang.org/x/sys/cpu"

	"github.com/crease-ml/crease/internal/cpufeat"
)

//go:generate go -C ../_asm run ./num -out ../num/z_kernels_amd64.s -stubs ../num/z_kernels_amd64.go -pkg num

var (
	avx2 = kernels{
		mr: 6, nr: 16, f32: f32AVX2, s16: s16AVX2,
		lanes: 16, widenBF16: widenBF16AVX2, widenS8: widenS8AVX2, widenU8: widenU8AVX2,
	}
	avx512 = kernels{
		mr: 12, nr: 32, f32: f32AVX512, s16: s16AVX512,
		lanes: 32, widenBF16: widenBF16AVX512, widenS8: widenS8AVX512, widenU8: widenU8AVX512,
	}
	avx512vnni = func() kernels {
		k := avx512
		k.u8s8, k.flip8, k.flipLanes = u8s8AVX512, flip8AVX512, 64
		return k
	}()
)

func assembled(level cpufeat.Level) *kernels {
	switch level {
	case cpufeat.AVX2:
		return &avx2
	case cpufeat.AVX512:
		if cpu.X86.HasAVX512VNNI {
			return &avx512vnni
		}
		return &avx512
	}
	return nil
}
