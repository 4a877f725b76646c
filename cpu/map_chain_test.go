package cpu

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// randomExpression writes an expression of four operands, with some of its parts in it
// twice, so that results are kept beyond the next instruction.
func randomExpression(r *rand.Rand, depth int) string {
	if depth == 0 {
		if r.IntN(5) == 0 {
			return []string{"0", "1", "-0.5", "3"}[r.IntN(4)]
		}
		return fmt.Sprintf("x%d", r.IntN(4))
	}
	sub := func() string { return randomExpression(r, r.IntN(depth)) }
	switch r.IntN(8) {
	case 0, 1, 2:
		return fmt.Sprintf("(%s %s %s)", sub(), []string{"+", "-", "*", "/"}[r.IntN(4)], sub())
	case 3:
		return fmt.Sprintf("%s(%s, %s)", []string{"min", "max"}[r.IntN(2)], sub(), sub())
	case 4:
		return fmt.Sprintf("where(%s, %s, %s)", randomTruth(r, depth), sub(), sub())
	case 5:
		return fmt.Sprintf("%s(%s)", []string{"exp", "abs", "floor", "sqrt", "sign", "recip", "tanh"}[r.IntN(7)], sub())
	case 6:
		again := sub()
		return fmt.Sprintf("(%s * %s)", again, again)
	}
	again := sub()
	return fmt.Sprintf("((%s - %s) * %s)", again, sub(), again)
}

// randomTruth writes a condition.
func randomTruth(r *rand.Rand, depth int) string {
	if depth > 1 && r.IntN(3) == 0 {
		return fmt.Sprintf("(%s %s %s)", randomTruth(r, depth-1), []string{"&&", "||"}[r.IntN(2)], randomTruth(r, depth-1))
	}
	sub := func() string { return randomExpression(r, r.IntN(depth)) }
	return fmt.Sprintf("(%s %s %s)", sub(), []string{"<", "<=", ">", ">=", "==", "!="}[r.IntN(6)], sub())
}

// TestChainsGiveTheBitsOfTheirInstructions runs random expressions in chains and
// instruction by instruction, on every layout, past the caches and in place.
func TestChainsGiveTheBitsOfTheirInstructions(t *testing.T) {
	size := streamed
	defer func() { streamed = size }()
	for _, d := range devices(t) {
		r := newRand(uint64(d.level))
		for i := range 300 {
			text := randomExpression(r, 5)
			streamed = func() int { return [...]int{1, math.MaxInt}[i%2] }
			dims := [][]int{{1}, {7}, {63}, {1100}, {3, 5}, {37, 41}, {2, 1500}, {70_000}}[r.IntN(8)]
			checkChain(t, d, r, text, dims)
		}
	}
}

func checkChain(t *testing.T, d *device, r *rand.Rand, text string, dims []int) {
	t.Helper()
	e := expr.MustParse(text)
	prog, err := e.Program(mapRegs)
	if err != nil {
		return // an expression that the row of an op could not have either
	}
	c := &hal.Call{Op: "chain", Out: make([]hal.View, 1)}
	layouts := ""
	for range e.Inputs() {
		v, layout := chainOperand(t, d, r, dims)
		c.In, layouts = append(c.In, v), layouts+" "+layout
	}
	run := func(l lanes[float32], out hal.View) []byte {
		c.Out[0] = out
		plan := func(own *call) task { return newMapping(d, own, prog, nil, l) }
		s, err := d.NewStream()
		if err != nil {
			t.Fatal(err)
		}
		planned := launch(plan, c)
		if err := s.Launch(&planned, c.Operands(), nil); err != nil {
			t.Fatal(err)
		}
		return hostdev.Bytes(out.Buf)
	}
	single := d.float32Lanes()
	single.chain = nil
	spec := f32s(dims...)
	want := run(single, guarded(t, d, spec))
	got := run(d.float32Lanes(), guarded(t, d, spec))
	diff(t, fmt.Sprintf("%s: %s on %v,%s", d.level, text, dims, layouts), got, want)
	for i, v := range c.In {
		if v.Elements() == shape.MustElements(dims) && c.In[i].Dense() {
			diff(t, fmt.Sprintf("%s: %s on %v,%s in place of operand %d", d.level, text, dims, layouts, i), run(d.float32Lanes(), v), want)
			return
		}
	}
}

// diff compares elements, of which two NaNs are equal, and the guards around them.
func diff(t *testing.T, name string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	a, b := dtype.Slice[float32](got), dtype.Slice[float32](want)
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) && (a[i] == a[i] || b[i] == b[i]) {
			t.Fatalf("%s: element %d is %g (%#x), instruction by instruction %g (%#x)", name, i-guardBytes/4, a[i], math.Float32bits(a[i]), b[i], math.Float32bits(b[i]))
		}
	}
}

// chainOperand is a dense, reversed, spread or single operand of a call.
func chainOperand(t *testing.T, d *device, r *rand.Rand, dims []int) (hal.View, string) {
	t.Helper()
	layout := []string{"dense", "dense", "strided", "row", "single"}[r.IntN(5)]
	spec := f32s(dims...)
	switch layout {
	case "row":
		spec = f32s(dims[len(dims)-1])
	case "single":
		spec = f32s()
	}
	h := ops.NewHost(spec)
	values := dtype.Slice[float32](h.Data)
	special := []float32{0, float32(math.Copysign(0, -1)), 1, -1, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	for i := range values {
		values[i] = float32(r.NormFloat64())
		if r.IntN(4) == 0 {
			values[i] = special[r.IntN(len(special))]
		}
	}
	v := place(t, d, h, layout == "strided")
	strides, err := shape.BroadcastStrides(v.Shape, v.Strides, dims)
	if err != nil {
		t.Fatal(err)
	}
	v.Shape, v.Strides = dims, strides
	return v, layout
}
