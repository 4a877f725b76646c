//go:build (linux || darwin) && (amd64 || arm64)

package emulate_test

import (
	"strings"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/kernels/emulate"
	"github.com/crease-ml/crease/ops"
)

func device(t *testing.T, types ...dtype.Type) *emulate.Device {
	t.Helper()
	dev, err := emulate.New(types...)
	if err != nil {
		conform.Absent(t, "emulate", err)
	}
	t.Cleanup(func() { _ = dev.Close() })
	return dev
}

// TestConformance checks what has local memory and barriers, or indexes in its own
// way; maps differ by their expression alone, so some stand for all.
func TestConformance(t *testing.T) {
	dev := device(t, dtype.F32, dtype.U8)
	list := []*ops.Op{ops.Add, ops.Where}
	for _, op := range ops.All() {
		if op.Kind != ops.View && op.Expr == nil && (!testing.Short() || op.Kind == ops.Core) {
			list = append(list, op)
		}
	}
	conform.RunOps(t, dev, list...)
}

// TestAliases and the random programs fuse expressions of their own, each of which is
// compiled.
func TestAliases(t *testing.T) {
	dev := device(t, dtype.F32, dtype.Bool, dtype.U64)
	conform.Aliases(t, dev)
	conform.Programs(t, dev, 0, 8)
}

// TestContract checks the driver. Its streams run inline.
func TestContract(t *testing.T) {
	conform.Contract(t, conform.Driver{
		Open: func() (hal.Device, error) { return emulate.New(dtype.F32) },
		Small: func(bytes int) (hal.Device, error) {
			d, err := emulate.New(dtype.F32)
			if err == nil {
				d.Limit(bytes)
			}
			return d, err
		},
	})
}

// reversed writes a group's items in reverse order by way of local memory.
const reversed = `
	items[LID(0)] = GET(x, GID(0));
	BARRIER();
	SET(y, GID(0), items[GROUP0 - 1 - LID(0)]);
`

// run runs a body on 8 numbers in two groups of 4.
func run(t *testing.T, body string) ([]float32, error) {
	t.Helper()
	dev := device(t)
	p := kernels.TestProgram(kernels.CPlus, "reversed", body, 4)
	s, err := dev.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	var bufs []hal.Buffer
	for range 2 {
		b, err := dev.Alloc(8 * 4)
		if err != nil {
			t.Fatal(err)
		}
		bufs = append(bufs, b)
	}
	in := []float32{0, 1, 2, 3, 4, 5, 6, 7}
	if err := s.Upload(bufs[0], 0, dtype.Bytes(in)); err != nil {
		t.Fatal(err)
	}
	if err := s.(kernels.Launcher).Run(p, [3]int{2, 1, 1}, bufs, make([]byte, p.Values)); err != nil {
		return nil, err
	}
	out := make([]float32, 8)
	return out, s.Download(dtype.Bytes(out), bufs[1], 0)
}

// At debug level 4 the source of a program is printed when it is compiled.
func TestSourcesAreShown(t *testing.T) {
	var b strings.Builder
	defer debug.Redirect(&b)()
	defer debug.Set(debug.Set(debug.Sources))
	if _, err := run(t, reversed); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.Contains(s, "emulate    compiling reversed:\n") || !strings.Contains(s, "items[LID(0)] = GET(x, GID(0));") {
		t.Errorf("printed\n%s", s)
	}
}

func right(v []float32) bool {
	for i, want := range []float32{3, 2, 1, 0, 7, 6, 5, 4} {
		if v[i] != want {
			return false
		}
	}
	return true
}

// What the emulation is for: each planted mistake shows.
func TestPlantedMistakes(t *testing.T) {
	if v, err := run(t, reversed); err != nil || !right(v) {
		t.Fatalf("the kernel without a mistake gives %v (%v)", v, err)
	}
	if v, err := run(t, strings.Replace(reversed, "BARRIER();", "", 1)); err == nil && right(v) {
		t.Error("a missing barrier did not show")
	}
	for name, c := range map[string]struct{ body, says string }{
		"write beyond the buffer":   {strings.Replace(reversed, "SET(y, GID(0)", "SET(y, GID(0) + 1", 1), "buffer element 8 of 8"},
		"read before the buffer":    {strings.Replace(reversed, "GET(x, GID(0))", "GET(x, GID(0) - 1)", 1), "buffer element -1 of 8"},
		"beyond local memory":       {strings.Replace(reversed, "GROUP0 - 1", "GROUP0", 1), "local element 4 of 4"},
		"barrier that some reach":   {"if (LID(0) < 2) { BARRIER(); }" + reversed, ""},
		"barrier that one does not": {"if (LID(0) != 3) { BARRIER(); }\n SET(y, GID(0), 0);", "do not reach"},
	} {
		v, err := run(t, c.body)
		if c.says == "" { // two barriers meet: the values tell
			if err == nil && right(v) {
				t.Errorf("%s did not show", name)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
