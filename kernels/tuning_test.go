package kernels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// registered is the kernels of a device with these capabilities.
func registered(t *testing.T, caps Caps) (*Library, *hal.Registry) {
	t.Helper()
	var r hal.Registry
	l, err := Register(&r, caps)
	if err != nil {
		t.Fatal(err)
	}
	return l, &r
}

func params(t *testing.T, l *Library, op *ops.Op, name string) Params {
	t.Helper()
	for _, u := range l.Tunables(op, dtype.F32) {
		if u.Name == name {
			return u.Params
		}
	}
	t.Fatalf("%s has no kernel %s to tune", op.Name, name)
	return nil
}

// The user's table is over the one of the program, single devices over kinds, and
// what is set over both.
func TestTuning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "tuning.json")
	t.Setenv("CREASE_TUNING", path)
	gpu, cpu := Caps{Vendor: "Acme", Device: "Fast One", MaxGroup: 1024, Local: 1 << 15}, Caps{Vendor: "Acme", CPU: true, MaxGroup: 1024, Local: 1 << 15}
	l, r := registered(t, gpu)
	if p := params(t, l, ops.MatMul, "matmul"); p["SIDE"] != 16 || p["EACH"] != 4 {
		t.Errorf("defaults are %v", p)
	}
	if first := r.For("matmul")[0]; strings.HasPrefix(first.Name, "matmul_vector") {
		t.Error("vectors come first on a GPU")
	}
	on, r := registered(t, cpu)
	if p := params(t, on, ops.Add, "map"); p["GROUP"] != 1 || p["ITEMS"] != 1024 {
		t.Errorf("on a processor maps have %v", p)
	}
	if first := r.For("matmul")[0]; first.Name != "matmul_vector_f32" {
		t.Errorf("%s comes first on a processor", first.Name)
	}
	row := l.Device()
	for _, side := range []int{4, 8} {
		if err := SaveTuning(path, row, "matmul", Params{"SIDE": side}); err != nil {
			t.Fatal(err)
		}
	}
	if err := SaveTuning(path, Tuning{Processor: true}, "map", Params{"ITEMS": 16}); err != nil {
		t.Fatal(err)
	}
	l, _ = registered(t, gpu)
	if p := params(t, l, ops.MatMul, "matmul"); p["SIDE"] != 8 || p["EACH"] != 4 {
		t.Errorf("with a table of its own the device has %v", p)
	}
	on, _ = registered(t, cpu)
	if p := params(t, on, ops.Add, "map"); p["GROUP"] != 1 || p["ITEMS"] != 16 {
		t.Errorf("with a table of its own a processor has %v", p)
	}
	if p := params(t, on, ops.MatMul, "matmul"); p["SIDE"] != 16 {
		t.Errorf("a row for another device gave %v", p)
	}
	l.Set("matmul", Params{"DEPTH": 32})
	if p := params(t, l, ops.MatMul, "matmul"); p["SIDE"] != 8 || p["DEPTH"] != 32 {
		t.Errorf("set, they are %v", p)
	}
	t.Setenv("CREASE_TUNING", "off")
	l, _ = registered(t, gpu)
	if p := params(t, l, ops.MatMul, "matmul"); p["SIDE"] != 16 {
		t.Errorf("without tables of the user they are %v", p)
	}
}

func TestTuningRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "tuning.json")
	t.Setenv("CREASE_TUNING", path)
	for text, says := range map[string]string{
		"":                                 "EOF",
		"{}":                               "cannot unmarshal",
		`[{"colour": "red"}]`:              "unknown field",
		`[{"params": {"k": {"N": 0}}}]`:    "N is 0, want 1 to",
		`[{"params": {"k": {"N": 5000}}}]`: "N is 5000, want 1 to",
		strings.Repeat(" ", 2<<20):         "no file of at most",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Register(&hal.Registry{}, Caps{})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.40q: %v, want %q", text, err, says)
		}
		if err := SaveTuning(path, Tuning{}, "k", Params{"N": 1}); err == nil {
			t.Errorf("%.40q was overwritten", text)
		}
	}
	t.Setenv("CREASE_TUNING", dir)
	if _, err := Register(&hal.Registry{}, Caps{}); err == nil {
		t.Error("a folder was read as a table")
	}
}

// A group that the device has no room for is not accepted.
func TestKernelsThatDoNotFit(t *testing.T) {
	t.Setenv("CREASE_TUNING", "off")
	v := func(n ...int) hal.View {
		return hal.View{DType: dtype.F32, Shape: n, Strides: []int{n[1], 1}}
	}
	c := &hal.Call{Op: "matmul", In: []hal.View{v(4, 4), v(4, 4)}, Out: []hal.View{v(4, 4)}}
	for _, x := range []struct {
		caps Caps
		fits bool
	}{
		{Caps{MaxGroup: 1024, Local: 1 << 15, Dialect: CUDA}, true},
		{Caps{MaxGroup: 64, Local: 1 << 15, Dialect: CUDA}, false},
		{Caps{MaxGroup: 1024, Local: 4096, Dialect: CUDA}, false},
	} {
		_, r := registered(t, x.caps)
		if k := r.Find(c); (k != nil) != x.fits {
			t.Errorf("groups of %d, %d bytes: found %v, want %v", x.caps.MaxGroup, x.caps.Local, k != nil, x.fits)
		}
	}
}
