//go:build !noasm

package vec

import (
	"unsafe"

	"github.com/crease-ml/crease/internal/cpufeat"
)

//go:generate go run -C ../_asm ./vec -level avx2 -out ../vec/z_avx2_amd64.s -stubs ../vec/z_avx2_amd64.go -pkg vec
//go:generate go run -C ../_asm ./vec -level avx512 -out ../vec/z_avx512_amd64.s -stubs ../vec/z_avx512_amd64.go -pkg vec

// assembled returns the table of a level, nil if it has none.
func assembled(level cpufeat.Level) *Funcs {
	switch level {
	case cpufeat.AVX2:
		return &avx2
	case cpufeat.AVX512:
		return &avx512
	}
	return nil
}

// The functions below put a Go signature around an assembly kernel. They check
// the lengths, since a kernel trusts n.

func unary(kernel func(dst, a *float32, n int)) Unary {
	return func(dst, a []float32) {
		n := len(dst)
		kernel(ptr(dst), ptr(a[:n]), n)
	}
}

func binary(kernel func(dst, a, b *float32, n int)) Binary {
	return func(dst, a, b []float32) {
		n := len(dst)
		kernel(ptr(dst), ptr(a[:n]), ptr(b[:n]), n)
	}
}

func scalar(kernel func(dst, a *float32, n int, s float32)) Scalar {
	return func(dst, a []float32, s float32) {
		n := len(dst)
		kernel(ptr(dst), ptr(a[:n]), n, s)
	}
}

func ternary(kernel func(dst, a, b, c *float32, n int)) Ternary {
	return func(dst, a, b, c []float32) {
		n := len(dst)
		kernel(ptr(dst), ptr(a[:n]), ptr(b[:n]), ptr(c[:n]), n)
	}
}

func fold(kernel func(a *float32, n int) float32) Fold {
	return func(a []float32) float32 { return kernel(ptr(a), len(a)) }
}

func foldS(kernel func(a *float32, n int, s float32) float32) func([]float32, float32) float32 {
	return func(a []float32, s float32) float32 { return kernel(ptr(a), len(a), s) }
}

func fold2(kernel func(a, b *float32, n int) float32) func(a, b []float32) float32 {
	return func(a, b []float32) float32 {
		n := len(a)
		return kernel(ptr(a), ptr(b[:n]), n)
	}
}

func normalise(kernel func(dst, a *float32, n int, mean, rstd float32)) func(dst, a []float32, mean, rstd float32) {
	return func(dst, a []float32, mean, rstd float32) {
		n := len(dst)
		kernel(ptr(dst), ptr(a[:n]), n, mean, rstd)
	}
}

func normaliseAffine(kernel func(dst, a, gamma, beta *float32, n int, mean, rstd float32)) func(dst, a, gamma, beta []float32, mean, rstd float32) {
	return func(dst, a, gamma, beta []float32, mean, rstd float32) {
		n := len(dst)
		kernel(ptr(dst), ptr(a[:n]), ptr(gamma[:n]), ptr(beta[:n]), n, mean, rstd)
	}
}

func adamStep(kernel func(p, m, v, grad *float32, n int, c *float32)) func(p, m, v, g []float32, c *AdamCoef) {
	return func(p, m, v, g []float32, c *AdamCoef) {
		n := len(p)
		kernel(ptr(p), ptr(m[:n]), ptr(v[:n]), ptr(g[:n]), n, &c.keep)
	}
}

func sgdStep(kernel func(p, grad *float32, n int, c *float32)) func(p, g []float32, c *SGDCoef) {
	return func(p, g []float32, c *SGDCoef) {
		n := len(p)
		kernel(ptr(p), ptr(g[:n]), n, &c.l2)
	}
}

func velocityStep(kernel func(p, buf, grad *float32, n int, c *float32)) func(p, buf, g []float32, c *SGDCoef) {
	return func(p, buf, g []float32, c *SGDCoef) {
		n := len(p)
		kernel(ptr(p), ptr(buf[:n]), ptr(g[:n]), n, &c.l2)
	}
}

// chained is given links that Chain has checked. The layout of a Link is known to the
// generator.
func chained(kernel func(links *byte, n int)) func([]Link, int) {
	return func(links []Link, n int) { kernel((*byte)(unsafe.Pointer(unsafe.SliceData(links))), n) }
}

var _ = [1]struct{}{}[unsafe.Offsetof(Link{}.Mem)|unsafe.Offsetof(Link{}.Number)^24|unsafe.Offsetof(Link{}.Op)^28|unsafe.Sizeof(Link{})^32]

func ptr(a []float32) *float32 { return unsafe.SliceData(a) }
