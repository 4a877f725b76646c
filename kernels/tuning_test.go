package kernels

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// registered is the kernels of a device with these capabilities.
func registered(t *testing.T, caps Caps) *hal.Registry {
	t.Helper()
	var r hal.Registry
	if err := Register(&r, caps); err != nil {
		t.Fatal(err)
	}
	return &r
}

// The user's table is over the one of the program, and its rows over those before.
func TestTuning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tuning.json")
	t.Setenv("CREASE_TUNING", path)
	gpu, cpu := Caps{Vendor: "Acme", Device: "Fast One"}, Caps{Vendor: "Acme", CPU: true}
	side, each, items := tune{"SIDE", 16}, tune{"EACH", 4}, itemsTune
	check := func(what string, caps Caps, kernel string, p tune, want int) {
		t.Helper()
		table, err := tunedFor(caps)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.of(kernel, p); got != want {
			t.Errorf("%s: %s of %s is %d, want %d", what, p.name, kernel, got, want)
		}
	}
	check("by default", gpu, "matmul", side, 16)
	check("by default", gpu, "matmul", each, 4)
	check("on a processor", cpu, "map", groupTune, 1)
	check("on a processor", cpu, "map", items, 1024)
	if first := registered(t, gpu).For("matmul")[0]; strings.HasPrefix(first.Name, "matmul_vector") {
		t.Error("vectors come first on a GPU")
	}
	if first := registered(t, cpu).For("matmul")[0]; first.Name != "matmul_vector_f32" {
		t.Errorf("%s comes first on a processor", first.Name)
	}
	own := `[{"vendor": "acme", "device": "fast one", "params": {"matmul": {"SIDE": 4}}},
		{"vendor": "acme", "device": "fast one", "params": {"matmul": {"SIDE": 8}}},
		{"processor": true, "params": {"map": {"ITEMS": 16}}}]`
	if err := os.WriteFile(path, []byte(own), 0o644); err != nil {
		t.Fatal(err)
	}
	check("with a row of its own", gpu, "matmul", side, 8)
	check("with a row of its own", gpu, "matmul", each, 4)
	check("with a row for processors", cpu, "map", groupTune, 1)
	check("with a row for processors", cpu, "map", items, 16)
	check("with a row for another device", cpu, "matmul", side, 16)
	t.Setenv("CREASE_TUNING", "off")
	check("without tables of the user", gpu, "matmul", side, 16)
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
		err := Register(&hal.Registry{}, Caps{})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.40q: %v, want %q", text, err, says)
		}
	}
	t.Setenv("CREASE_TUNING", dir)
	if err := Register(&hal.Registry{}, Caps{}); err == nil {
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
		r := registered(t, x.caps)
		if k := r.Find(c); (k != nil) != x.fits {
			t.Errorf("groups of %d, %d bytes: found %v, want %v", x.caps.MaxGroup, x.caps.Local, k != nil, x.fits)
		}
	}
}
