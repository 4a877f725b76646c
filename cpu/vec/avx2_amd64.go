//go:build !noasm

package vec

import "github.com/crease-ml/crease/internal/cpufeat"

// avx2 is the table of AVX2 with FMA.
var avx2 = Funcs{
	Level: cpufeat.AVX2,

	Add: binary(addAVX2), Sub: binary(subAVX2), Mul: binary(mulAVX2),
	Div: binary(divAVX2), Min: binary(minAVX2), Max: binary(maxAVX2),
	AddS: scalar(addSAVX2), SubS: scalar(subSAVX2), MulS: scalar(mulSAVX2),
	DivS: scalar(divSAVX2), MinS: scalar(minSAVX2), MaxS: scalar(maxSAVX2),
	RSubS: scalar(rsubSAVX2), RDivS: scalar(rdivSAVX2),

	Lt: binary(ltAVX2), Le: binary(leAVX2), Eq: binary(eqAVX2),
	Ne:  binary(neAVX2),
	LtS: scalar(ltSAVX2), LeS: scalar(leSAVX2), GtS: scalar(gtSAVX2),
	GeS: scalar(geSAVX2), EqS: scalar(eqSAVX2), NeS: scalar(neSAVX2),
	Where: ternary(whereAVX2),

	Neg: unary(negAVX2), Abs: unary(absAVX2), Sqrt: unary(sqrtAVX2),
	Rsqrt: unary(rsqrtAVX2), Recip: unary(recipAVX2), Floor: unary(floorAVX2),
	Ceil: unary(ceilAVX2), Round: unary(roundAVX2), Trunc: unary(truncAVX2),
	Sign: unary(signAVX2),
	Copy: copyGeneric, // the runtime's move is as fast

	Exp: unary(expAVX2), Exp2: unary(exp2AVX2), Log: unary(logAVX2),
	Log2: unary(log2AVX2), Tanh: unary(tanhAVX2), Erf: unary(erfAVX2),
	Sigmoid: unary(sigmoidAVX2), Gelu: unary(geluAVX2), GeluTanh: unary(geluTanhAVX2),
	Silu:  unary(siluAVX2),
	Expm1: generic.Expm1, Log1p: generic.Log1p, Sin: generic.Sin, Cos: generic.Cos,

	MaxVal: fold(maxValAVX2), MinVal: fold(minValAVX2),

	sum: fold(sumAVX2), dot: fold2(dotAVX2),
	sqDev: foldS(sqDevAVX2), sumExp: foldS(sumExpAVX2),
	expSub: scalar(expSubAVX2), norm: normalise(normAVX2), normAffine: normaliseAffine(normAffineAVX2),
	adam: adamStep(adamAVX2), sgd: sgdStep(sgdAVX2),
	momentum: velocityStep(momentumAVX2), nesterov: velocityStep(nesterovAVX2),
	chain: chained(chainAVX2),
}
