package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// foldLanes is the number of partial results, as in package vec's lanes.
const foldLanes = 64

// fold is a kernel that reduces slices to one value.
type fold struct {
	name     string
	doc      string
	in       []string
	scalars  []string
	identity float64
	term     func(e *emitter, in, s []vec) vec
	combine  func(e *emitter, a, b vec) vec
}

// emit writes the function. Element i is combined into lane i mod 64, whatever
// the width, and the lanes are combined upper half with lower.
func (k *fold) emit(e *emitter) {
	name := k.name + e.suffix
	sig := fmt.Sprintf("func(%s *float32, n int", strings.Join(k.in, ", "))
	if k.scalars != nil {
		sig += fmt.Sprintf(", %s float32", strings.Join(k.scalars, ", "))
	}
	TEXT(name, attr.NOSPLIT, sig+") float32")
	Doc(fmt.Sprintf("%s returns the %s over 0 <= i < n.", name, k.doc))

	base := make(map[string]reg.Register)
	for _, p := range k.in {
		base[p] = Load(Param(p), GP64())
	}
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	scalars := loadScalars(e, k.scalars)
	acc := make([]vec, foldLanes/e.lanes())
	for j := range acc {
		acc[j] = e.set(k.identity)
	}
	term := func(j int, load func(Mem) vec) vec {
		in := make([]vec, len(k.in))
		for x, p := range k.in {
			in[x] = load(Mem{Base: base[p], Disp: 4 * e.lanes() * j})
		}
		return k.term(e, in, scalars)
	}
	into := func(j int, x vec) { VMOVAPS(k.combine(e, acc[j], x), acc[j]) }

	Label("loop")
	CMPQ(n, U32(foldLanes))
	JL(LabelRef("tail"))
	for j := range acc {
		into(j, term(j, e.load))
	}
	for _, p := range k.in {
		ADDQ(U32(4*foldLanes), base[p])
	}
	SUBQ(U32(foldLanes), n)
	JMP(LabelRef("loop"))

	Label("tail")
	TESTQ(n, n)
	JZ(LabelRef("lanes"))
	masks := e.tailMasks(n)
	for j := range acc {
		if j > 0 {
			CMPQ(n, U32(j*e.lanes()))
			JLE(LabelRef("lanes"))
		}
		mask := masks(j)
		t := term(j, func(m Mem) vec { return e.loadMasked(m, mask) })
		into(j, e.choose(mask, t, e.set(k.identity)))
	}

	Label("lanes")
	for h := len(acc) / 2; h > 0; h /= 2 {
		for j := range h {
			into(j, acc[j+h])
		}
	}
	total := k.across(e, acc[0])
	VZEROUPPER() // keeps the lowest 128 bits, and goes before the SSE store
	Store(total, ReturnIndex(0))
	RET()
}

// across combines the lanes of one vector into its lowest.
func (k *fold) across(e *emitter, x vec) reg.Register {
	if e.bits == 512 {
		upper := YMM()
		VEXTRACTF64X4(U8(1), x, upper)
		e = e.narrow()
		x = k.combine(e, x.AsY().(vec), upper)
	}
	upper := XMM()
	VEXTRACTF128(U8(1), x, upper)
	e = e.narrow()
	x = k.combine(e, x.AsX().(vec), upper)
	pair := XMM()
	VMOVHLPS(x, x, pair)
	x = k.combine(e, x, pair)
	odd := XMM()
	VMOVSHDUP(x, odd)
	return k.combine(e, x, odd)
}

func plus(e *emitter, a, b vec) vec { return e.add(a, b) }

func foldKernels() []*fold {
	return []*fold{
		{
			name: "sum", doc: "sum of a[i]", in: []string{"a"}, combine: plus,
			term: func(e *emitter, in, s []vec) vec { return in[0] },
		},
		{
			name: "dot", doc: "sum of a[i]*b[i]", in: []string{"a", "b"}, combine: plus,
			term: func(e *emitter, in, s []vec) vec { return e.mul(in[0], in[1]) },
		},
		{
			name: "sqDev", doc: "sum of (a[i]-mean)*(a[i]-mean)", in: []string{"a"},
			scalars: []string{"mean"}, combine: plus,
			term: func(e *emitter, in, s []vec) vec {
				d := e.sub(in[0], s[0])
				return e.mul(d, d)
			},
		},
		{
			name: "sumExp", doc: "sum of exp(a[i]-s)", in: []string{"a"},
			scalars: []string{"s"}, combine: plus,
			term: func(e *emitter, in, s []vec) vec { return e.exp(e.sub(in[0], s[0])) },
		},
		{
			name: "maxVal", doc: "maximum of a[i], NaN if there is one", in: []string{"a"},
			identity: math.Inf(-1),
			term:     func(e *emitter, in, s []vec) vec { return in[0] },
			combine:  func(e *emitter, a, b vec) vec { return e.max(a, b) },
		},
		{
			name: "minVal", doc: "minimum of a[i], NaN if there is one", in: []string{"a"},
			identity: math.Inf(1),
			term:     func(e *emitter, in, s []vec) vec { return in[0] },
			combine:  func(e *emitter, a, b vec) vec { return e.min(a, b) },
		},
	}
}
