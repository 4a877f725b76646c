package vec

import (
	"math"

	"github.com/crease-ml/crease/internal/cpufeat"
)

// generic is the plain Go table, the twin of every other.
var generic = Funcs{
	Level: cpufeat.Generic,

	Add: addGeneric, Sub: subGeneric, Mul: mulGeneric, Div: divGeneric,
	Min: minGeneric, Max: maxGeneric,
	AddS: addSGeneric, SubS: subSGeneric, MulS: mulSGeneric, DivS: divSGeneric,
	MinS: minSGeneric, MaxS: maxSGeneric, RSubS: rsubSGeneric, RDivS: rdivSGeneric,

	Lt: ltGeneric, Le: leGeneric, Eq: eqGeneric, Ne: neGeneric,
	LtS: ltSGeneric, LeS: leSGeneric, GtS: gtSGeneric, GeS: geSGeneric,
	EqS: eqSGeneric, NeS: neSGeneric,
	Where: whereGeneric,

	Neg: negGeneric, Abs: absGeneric, Sqrt: sqrtGeneric, Rsqrt: rsqrtGeneric,
	Recip: recipGeneric, Floor: floorGeneric, Ceil: ceilGeneric, Round: roundGeneric, Trunc: truncGeneric,
	Sign: signGeneric, Copy: copyGeneric,

	Exp: each(math.Exp), Exp2: each(math.Exp2), Expm1: each(math.Expm1),
	Log: each(math.Log), Log2: each(math.Log2), Log1p: each(math.Log1p),
	Sin: each(math.Sin), Cos: each(math.Cos), Tanh: each(math.Tanh),
	Erf: each(math.Erf), Sigmoid: each(sigmoid),
	Gelu: each(gelu), GeluTanh: each(geluTanh), Silu: each(silu),

	MaxVal: maxValGeneric, MinVal: minValGeneric,

	sum: sumGeneric, dot: dotGeneric, sqDev: sqDevGeneric, sumExp: sumExpGeneric,
	expSub: expSubGeneric, norm: normGeneric, normAffine: normAffineGeneric,
	adam: adamGeneric, sgd: sgdGeneric, momentum: momentumGeneric, nesterov: nesterovGeneric,
	chain: chainGeneric,
}
