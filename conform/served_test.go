package conform

import (
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
)

// The table says what serves each row, in 80 columns, and adds up.
func TestServedTable(t *testing.T) {
	types := map[dtype.Type]hal.Support{}
	for _, dt := range dtype.All() {
		types[dt] = hal.Arithmetic
	}
	dev := hostdev.New(hal.Info{Name: "table", Kind: "table", DTypes: types})
	kernel := func(op, name string, dt dtype.Type, accepts func(*hal.Call) bool) {
		dev.Kernels().Add(&hal.Kernel{Key: hal.Key{Op: op, DType: dt, Layout: hal.Strided}, Name: name, Accepts: accepts,
			Run: func(hal.Stream, *hal.Call) error { return nil }})
	}
	flat := func(c *hal.Call) bool { return len(c.Out[0].Shape) < 2 }
	kernel("exp", "exp_flat", dtype.F32, flat)
	kernel("neg", "neg_of_any_shape_with_a_long_name", dtype.F32, nil)
	kernel("neg", "neg_flat", dtype.F32, flat) // never chosen: the other is as good and came first
	kernel("neg", "neg_i8", dtype.I8, nil)
	e, err := exec.On(dev)
	if err != nil {
		t.Fatal(err)
	}
	by := &served{}
	for _, op := range []*ops.Op{ops.Exp, ops.Neg, ops.Mean, ops.Reshape} {
		Selection{}.subjects(&recorder{}, dev, e, op, by.add)
	}
	want := []string{
		"ROW                 F32                          F64     F16 F8  INT     BOOL",
		"exp                 exp_flat*                    ref     ref     -       -",
		"neg                 neg_of_any_shape_with_a_lo.. ref     ref     kernel* -",
		"mean                lower                        lower   lower   -       -",
		"reshape             view                         view    view    view    view",
		"* some cases or types are served in another way",
		"4 rows: 2 kernels, 1 lowering, 1 view",
	}
	got := strings.Split(by.String(), "\n")
	for i := range max(len(want), len(got)) {
		g, w := "", ""
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w || len(g) > 80 {
			t.Errorf("line %d of %d columns is\n%s\nwant\n%s", i, len(g), g, w)
		}
	}
}
