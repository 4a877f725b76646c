package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// elementwise is a kernel whose i-th results depend on the i-th inputs only.
type elementwise struct {
	name    string
	doc     string                                                    // the loop body, in Go
	out, in []string                                                  // names of the slices written and read
	scalars []string                                                  // names of the scalar parameters
	coef    bool                                                      // takes a pointer c to a struct of float32
	unroll  int                                                       // vectors per turn of the main loop
	body    func(e *emitter, in, s []vec, coef func(i int) vec) []vec // values of out
}

// pointers lists the slices, those written first, each once.
func (k *elementwise) pointers() []string {
	names := slices.Clone(k.out)
	for _, s := range k.in {
		if !slices.Contains(names, s) {
			names = append(names, s)
		}
	}
	return names
}

// emit writes the function: a loop over several vectors, a loop over one, and a
// masked tail. All inputs of a vector are read before its results are written,
// so a result may be the same slice as an input.
func (k *elementwise) emit(e *emitter) {
	name := k.name + e.suffix
	sig := fmt.Sprintf("func(%s *float32, n int", strings.Join(k.pointers(), ", "))
	if k.scalars != nil {
		sig += fmt.Sprintf(", %s float32", strings.Join(k.scalars, ", "))
	}
	if k.coef {
		sig += ", c *float32"
	}
	TEXT(name, attr.NOSPLIT, sig+")")
	Doc(fmt.Sprintf("%s computes %s for 0 <= i < n.", name, k.doc))

	base := make(map[string]reg.Register)
	for _, p := range k.pointers() {
		base[p] = Load(Param(p), GP64())
	}
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	scalars := loadScalars(e, k.scalars)
	var coef func(i int) vec
	if k.coef {
		c := Load(Param("c"), GP64())
		coef = func(i int) vec { return e.broadcast(Mem{Base: c, Disp: 4 * i}) }
	}
	i := GP64()
	XORQ(i, i)
	at := func(p string, v int) Mem {
		return Mem{Base: base[p], Index: i, Scale: 4, Disp: 4 * e.lanes() * v}
	}
	run := func(v int, load func(Mem) vec, store func(vec, Mem)) {
		in := make([]vec, len(k.in))
		for j, p := range k.in {
			in[j] = load(at(p, v))
		}
		for j, r := range k.body(e, in, scalars, coef) {
			store(r, at(k.out[j], v))
		}
	}
	store := func(x vec, m Mem) { VMOVUPS(x, m) }

	rest := GP64()
	for _, vectors := range slices.Compact([]int{k.unroll, 1}) {
		loop, done := fmt.Sprintf("by%d", vectors), fmt.Sprintf("under%d", vectors)
		Label(loop)
		MOVQ(n, rest)
		SUBQ(i, rest)
		CMPQ(rest, U32(vectors*e.lanes()))
		JL(LabelRef(done))
		for v := range vectors {
			run(v, e.load, store)
		}
		ADDQ(U32(vectors*e.lanes()), i)
		JMP(LabelRef(loop))
		Label(done)
	}
	TESTQ(rest, rest)
	JZ(LabelRef("end"))
	mask := e.tailMasks(rest)(0)
	run(0,
		func(m Mem) vec { return e.loadMasked(m, mask) },
		func(x vec, m Mem) { e.storeMasked(x, m, mask) })
	Label("end")
	VZEROUPPER()
	RET()
}

// loadScalars broadcasts float32 parameters.
func loadScalars(e *emitter, names []string) []vec {
	s := make([]vec, len(names))
	for i, name := range names {
		p, err := Param(name).Resolve()
		if err != nil {
			panic(err)
		}
		s[i] = e.broadcast(p.Addr)
	}
	return s
}
