package cuda

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
)

const emulated = "cuda@emulate"

// tested is the device of the suite: the emulated one, or a GPU that CREASE_CUDA_TEST
// names.
func tested() string {
	if name := os.Getenv("CREASE_CUDA_TEST"); name != "" {
		return name
	}
	return emulated
}

// TestConformance runs every row in float32, and those that are not elementwise in a type
// of another class; with CREASE_CONFORM=all, or on a GPU, every row in every type.
func TestConformance(t *testing.T) {
	dev := conform.Open(t, tested())
	if os.Getenv("CREASE_CONFORM") == "all" || tested() != emulated {
		conform.Run(t, dev)
		return
	}
	maps, others := []*ops.Op{ops.Add, ops.Where, ops.Exp, ops.Sin, ops.Pow, ops.Erf}, []*ops.Op{}
	for _, op := range ops.All() {
		switch {
		case op.Expr == nil:
			others = append(others, op)
		case !testing.Short():
			maps = append(maps, op)
		}
	}
	conform.Selection{Ops: maps, Types: []dtype.Type{dtype.F32, dtype.Bool}}.Run(t, dev)
	conform.Selection{Ops: others, Types: []dtype.Type{dtype.F32}}.Run(t, dev)
	conform.Selection{Ops: others, Types: []dtype.Type{dtype.F16}}.Kernels(t, dev)
}

// The emulated device has small tiles by the tuning table. GPUs have those of the texts.
func TestLargeTiles(t *testing.T) {
	table := filepath.Join(t.TempDir(), "tuning.json")
	must(t, os.WriteFile(table, []byte(`[{"device": "ptx interpreter", "params": {"*": {"SIDE": 16, "EACH": 4, "DEPTH": 16}}}]`), 0o600))
	t.Setenv("CREASE_TUNING", table)
	d, _, err := emulatedDevice(5)
	must(t, err)
	conform.Selection{Ops: []*ops.Op{ops.MatMul, ops.Linear, ops.Conv2d}, Types: []dtype.Type{dtype.F32, dtype.BF16}}.Kernels(t, d)
	must(t, d.Close())
}

// Random programs do the same compiled as eagerly.
func TestPrograms(t *testing.T) {
	n := 40
	if os.Getenv("CREASE_CONFORM") == "all" {
		n = 1000
	}
	conform.Programs(t, conform.Open(t, tested()), 0, n)
}

func TestAliases(t *testing.T) { conform.Aliases(t, conform.Open(t, tested())) }

// Every row has a kernel for float32, so that nothing runs slowly without notice.
func TestKernelsAreThere(t *testing.T) {
	dev := conform.Open(t, tested())
	for _, op := range ops.All() {
		if op.Kind == ops.Core && len(conform.Missing(dev, op)) > 0 {
			t.Errorf("%s has no kernel for %v", op.Name, conform.Missing(dev, op))
		}
	}
}

// Kernels with a mistake are found, and the error says which thread did what.
func TestPlantedMistakes(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"right":    {"\titems[LID(0)] = GET(x, LID(0));\n\tBARRIER();\n\tSET(y, LID(0), items[GROUP0 - 1 - LID(0)]);\n", ""},
		"barrier":  {"\titems[LID(0)] = GET(x, LID(0));\n\tSET(y, LID(0), items[GROUP0 - 1 - LID(0)]);\n", "nobody has written"},
		"race":     {"\titems[LID(0)] = 1;\n\tBARRIER();\n\titems[LID(0)] += items[(LID(0) + 1) % GROUP0];\n\tSET(y, LID(0), items[LID(0)]);\n", "a race"},
		"diverges": {"\tif (LID(0) < 40) BARRIER();\n\tSET(y, LID(0), 1);\n", "divergent barrier"},
		"bounds":   {"\tSET(y, LID(0) + 256, GET(x, LID(0)));\n", "of a block of"},
		"unread":   {"\tSET(y, LID(0), GET(x, 64 + LID(0)));\n", "nobody has written"},
	} {
		t.Run(name, func(t *testing.T) {
			d, drv, err := emulatedDevice(1)
			must(t, err)
			x, err := d.Alloc(1024)
			must(t, err)
			y, err := d.Alloc(1024)
			must(t, err)
			s, err := d.NewStream()
			must(t, err)
			must(t, s.Upload(x, 0, make([]byte, 256)))
			p := kernels.TestProgram(kernels.CUDA, "planted", c.body, 64)
			must(t, s.(*stream).Run(p, [3]int{1, 1, 1}, []hal.Buffer{x, y}, make([]byte, p.Values)))
			err = s.Sync()
			if c.says == "" {
				must(t, err)
			} else if err == nil || !errors.Is(err, hal.ErrDeviceLost) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "planted") {
				t.Errorf("%v, want %q", err, c.says)
			}
			x.Free()
			y.Free()
			if err := d.Close(); (err != nil) != (c.says != "") {
				t.Error(err)
			}
			if left := drv.Live(); left != "" {
				t.Errorf("left after Close: %s", left)
			}
		})
	}
}
