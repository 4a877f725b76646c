package dtype

import "testing"

func BenchmarkConvert(b *testing.B) {
	for _, pair := range [][2]Type{{F32, F16}, {F16, F32}, {F32, BF16}, {BF16, F32}, {F64, F16}, {F32, I8}, {F32, F8E4M3}, {I64, I32}} {
		b.Run(pair[0].String()+"-"+pair[1].String(), func(b *testing.B) {
			const n = 1 << 14
			src, dst := make([]byte, n*pair[0].Size()), make([]byte, n*pair[1].Size())
			for i := range n {
				Store(src, pair[0], i, float64(i-n/2)/64)
			}
			b.SetBytes(int64(len(src) + len(dst)))
			for b.Loop() {
				Convert(dst, pair[1], src, pair[0])
			}
		})
	}
}
