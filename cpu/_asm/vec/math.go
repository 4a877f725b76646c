package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

// The polynomials of exp, log and tanh are those of Moshier's Cephes library
// (expf.c, logf.c, log2f.c, tanhf.c), evaluated with fused multiply-add. Erf is
// after N. Juffa's erff (two intervals, the outer one 1 - exp(polynomial)).

const (
	signBit   = 1 << 31
	minNormal = 0x1p-126
)

func (e *emitter) abs(x vec) vec { return e.and(x, e.bitsOf(signBit-1)) }

// withSign is |magnitude| with the sign of x, for a magnitude of positive sign.
func (e *emitter) withSign(magnitude, x vec) vec {
	return e.or(magnitude, e.and(x, e.bitsOf(signBit)))
}

// expReduced is exp(r)·2ⁿ for |r| <= ln2/2 and an integer n in [-151, 128]. The
// power is multiplied in two halves, since 2ⁿ alone may not be a normal number.
func (e *emitter) expReduced(r, n vec) vec {
	q := e.poly(r,
		1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
		4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	p := e.add(e.fma(q, e.mul(r, r), r), e.c(1))

	k, upper, lower := e.vec(), e.vec(), e.vec()
	VCVTPS2DQ(n, k)
	VPSRAD(U8(1), k, upper)
	VPSUBD(upper, k, lower)
	for _, half := range []vec{upper, lower} {
		VPADDD(e.bitsOf(127), half, half)
		VPSLLD(U8(23), half, half)
		p = e.mul(p, half)
	}
	return p
}

// exp is eˣ. Outside the clamped range the result rounds to 0 or overflows to
// infinity by itself; a NaN passes the clamp because it is the second operand.
func (e *emitter) exp(x vec) vec {
	x = e.least(e.set(89), x)
	x = e.most(e.set(-104.5), x)
	n := e.round(nearest, e.mul(x, e.c(math.Log2E)))
	r := e.copy(x)
	VFNMADD231PS(e.c(0.693359375), n, r)
	VFNMADD231PS(e.c(-2.12194440e-4), n, r)
	return e.expReduced(r, n)
}

// exp2 is 2ˣ, exact at integers.
func (e *emitter) exp2(x vec) vec {
	x = e.least(e.set(128), x)
	x = e.most(e.set(-151), x)
	n := e.round(nearest, x)
	return e.expReduced(e.mul(e.sub(x, n), e.c(math.Ln2)), n)
}

// logParts splits a positive x into 2ᵏ·(1+f) with 1+f in [√½, √2), and gives the
// terms of log(1+f) = f - f²/2 + cubic.
func (e *emitter) logParts(x vec) (k, f, square, cubic vec) {
	// A denormal is scaled up first.
	tiny := e.set(minNormal)
	bias := e.sel(lt, x, tiny, e.set(-23), e.zero())
	x = e.sel(lt, x, tiny, e.mul(x, e.c(1<<23)), x)

	exponent, m := e.vec(), e.vec()
	VPSUBD(e.bitsOf(math.Float32bits(math.Sqrt2/2)), x, exponent)
	VPSRAD(U8(23), exponent, exponent)
	VPSLLD(U8(23), exponent, m)
	VPSUBD(m, x, m)
	k = e.vec()
	VCVTDQ2PS(exponent, k)
	k = e.add(k, bias)

	f = e.sub(m, e.c(1))
	square = e.mul(f, f)
	cubic = e.mul(e.mul(f, square), e.poly(f,
		7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1,
		-1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1,
		2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1))
	return k, f, square, cubic
}

// logSpecial replaces the logarithm where x is not a positive finite number.
func (e *emitter) logSpecial(x, log vec) vec {
	zero := e.zero()
	log = e.sel(lt, x, e.c(math.Inf(1)), log, x) // +Inf and NaN are themselves
	log = e.sel(lt, x, zero, e.set(math.NaN()), log)
	return e.sel(eq, x, zero, e.set(math.Inf(-1)), log)
}

func (e *emitter) log(x vec) vec {
	k, f, square, y := e.logParts(x)
	VFMADD231PS(e.c(-2.12194440e-4), k, y)
	VFMADD231PS(e.c(-0.5), square, y)
	y = e.add(f, y)
	VFMADD231PS(e.c(0.693359375), k, y)
	return e.logSpecial(x, y)
}

// log2 multiplies by log₂e = 1 + c in two parts, small terms first.
func (e *emitter) log2(x vec) vec {
	k, f, square, y := e.logParts(x)
	VFMADD231PS(e.c(-0.5), square, y)
	r := e.mul(y, e.c(math.Log2E-1))
	VFMADD231PS(e.c(math.Log2E-1), f, r)
	r = e.add(e.add(e.add(r, y), f), k)
	return e.logSpecial(x, r)
}

// tanh is an odd polynomial near 0 and 1 - 2/(exp(2|x|)+1) elsewhere.
func (e *emitter) tanh(x vec) vec {
	a := e.abs(x)
	denom := e.add(e.exp(e.add(a, a)), e.c(1))
	outer := e.withSign(e.sub(e.set(1), e.div(e.set(2), denom)), x)
	z := e.mul(x, x)
	p := e.poly(z,
		-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2,
		1.33314422036e-1, -3.33332819422e-1)
	inner := e.fma(e.mul(p, z), x, x)
	return e.sel(lt, a, e.c(0.625), inner, outer)
}

// sigmoid is exp(min(x,0)) / (1+exp(-|x|)), which neither overflows nor cancels.
func (e *emitter) sigmoid(x vec) vec {
	t := e.exp(e.or(x, e.bitsOf(signBit)))
	upper := e.sel(lt, x, e.zero(), t, e.set(1))
	return e.div(upper, e.add(t, e.c(1)))
}

func (e *emitter) erf(x vec) vec {
	// erf(4) is 1 in float32; beyond it the polynomial would turn.
	t := e.least(e.set(4), e.abs(x))
	z := e.mul(t, t)
	u := e.poly(t, -3.88396438e-3, 2.42546219e-2)
	r := e.fma(e.poly(t, -1.72853470e-5, 3.83197126e-4), z, u)
	for _, c := range []float64{-1.06777877e-1, -6.34846687e-1, -1.28717512e-1} {
		VFMADD213PS(e.c(c), t, r)
	}
	r = e.sub(e.mul(r, t), t)
	outer := e.withSign(e.sub(e.set(1), e.exp(r)), x)
	inner := e.fma(e.poly(z,
		-5.96761703e-4, 4.99119423e-3, -2.67681349e-2,
		1.12819925e-1, -3.76125336e-1, 1.28379166e-1), x, x)
	return e.sel(lt, t, e.c(0.927734375), inner, outer)
}

func (e *emitter) gelu(x vec) vec {
	half := e.mul(x, e.c(0.5))
	return e.mul(half, e.add(e.erf(e.mul(x, e.c(math.Sqrt2/2))), e.c(1)))
}

// geluTanh uses (1+tanh u)/2 = sigmoid(2u).
func (e *emitter) geluTanh(x vec) vec {
	slope := 2 * math.Sqrt(2/math.Pi)
	u := e.poly(e.mul(x, x), 0.044715*slope, slope)
	return e.mul(x, e.sigmoid(e.mul(x, u)))
}

func (e *emitter) silu(x vec) vec { return e.mul(x, e.sigmoid(x)) }

func transcendentalKernels() []*elementwise {
	return []*elementwise{
		unary("exp", "exp(a[i])", 1, (*emitter).exp),
		unary("exp2", "2**a[i]", 1, (*emitter).exp2),
		unary("log", "log(a[i])", 1, (*emitter).log),
		unary("log2", "log2(a[i])", 1, (*emitter).log2),
		unary("tanh", "tanh(a[i])", 1, (*emitter).tanh),
		unary("erf", "erf(a[i])", 1, (*emitter).erf),
		unary("sigmoid", "1 / (1 + exp(-a[i]))", 1, (*emitter).sigmoid),
		unary("gelu", "a[i] * (1 + erf(a[i]/sqrt2)) / 2", 1, (*emitter).gelu),
		unary("geluTanh", "a[i] * (1 + tanh(sqrt(2/pi)*(a[i]+0.044715*a[i]**3))) / 2", 1, (*emitter).geluTanh),
		unary("silu", "a[i] * sigmoid(a[i])", 1, (*emitter).silu),
	}
}
