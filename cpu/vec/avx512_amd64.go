//go:build !noasm

package vec

import "github.com/crease-ml/crease/internal/cpufeat"

// avx512 is the table of AVX-512F with BMI2.
var avx512 = Funcs{
	Level: cpufeat.AVX512,

	Add: binary(addAVX512), Sub: binary(subAVX512), Mul: binary(mulAVX512),
	Div: binary(divAVX512), Min: binary(minAVX512), Max: binary(maxAVX512),
	AddS: scalar(addSAVX512), SubS: scalar(subSAVX512), MulS: scalar(mulSAVX512),
	DivS: scalar(divSAVX512), MinS: scalar(minSAVX512), MaxS: scalar(maxSAVX512),
	RSubS: scalar(rsubSAVX512), RDivS: scalar(rdivSAVX512),

	Lt: binary(ltAVX512), Le: binary(leAVX512), Eq: binary(eqAVX512),
	Ne:  binary(neAVX512),
	LtS: scalar(ltSAVX512), LeS: scalar(leSAVX512), GtS: scalar(gtSAVX512),
	GeS: scalar(geSAVX512), EqS: scalar(eqSAVX512), NeS: scalar(neSAVX512),
	Where: ternary(whereAVX512),

	Neg: unary(negAVX512), Abs: unary(absAVX512), Sqrt: unary(sqrtAVX512),
	Rsqrt: unary(rsqrtAVX512), Recip: unary(recipAVX512), Floor: unary(floorAVX512),
	Ceil: unary(ceilAVX512), Round: unary(roundAVX512), Trunc: unary(truncAVX512),
	Sign: unary(signAVX512),
	Copy: copyGeneric, // the runtime's move is as fast

	Exp: unary(expAVX512), Exp2: unary(exp2AVX512), Log: unary(logAVX512),
	Log2: unary(log2AVX512), Tanh: unary(tanhAVX512), Erf: unary(erfAVX512),
	Sigmoid: unary(sigmoidAVX512), Gelu: unary(geluAVX512), GeluTanh: unary(geluTanhAVX512),
	Silu:  unary(siluAVX512),
	Expm1: generic.Expm1, Log1p: generic.Log1p, Sin: generic.Sin, Cos: generic.Cos,

	MaxVal: fold(maxValAVX512), MinVal: fold(minValAVX512),

	sum: fold(sumAVX512), dot: fold2(dotAVX512),
	sqDev: foldS(sqDevAVX512), sumExp: foldS(sumExpAVX512),
	expSub: scalar(expSubAVX512), norm: normalise(normAVX512), normAffine: normaliseAffine(normAffineAVX512),
	adam: adamStep(adamAVX512), sgd: sgdStep(sgdAVX512),
	momentum: velocityStep(momentumAVX512), nesterov: velocityStep(nesterovAVX512),
	chain: chained(chainAVX512),
}
