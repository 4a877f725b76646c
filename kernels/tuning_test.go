package kernels

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// registered is the kernels of a device with these capabilities.
func registered(t *testing.T, caps Caps) *hal.Registry {
	t.Helper()
	var r hal.Registry
	if _, err := Register(&r, caps); err != nil {
		t.Fatal(err)
	}
	return &r
}

// The user's table is over the one of the program, and its rows over those before.
func TestTuning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tuning.json")
	t.Setenv("CREASE_TUNING", path)
	gpu, cpu := Caps{Vendor: "Acme", Device: "Fast One"}, Caps{Vendor: "Acme", CPU: true}
	side, each, items := tune{name: "SIDE", value: 16}, tune{name: "EACH", value: 4}, itemsTune
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
		strings.Repeat(" ", 2<<20):         "more than the limit",
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Register(&hal.Registry{}, Caps{})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%.40q: %v, want %q", text, err, says)
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
		r := registered(t, x.caps)
		if k := r.Find(c); (k != nil) != x.fits {
			t.Errorf("groups of %d, %d bytes: found %v, want %v", x.caps.MaxGroup, x.caps.Local, k != nil, x.fits)
		}
	}
}

// A table that was saved says what was found, for this device alone, and keeps what
// else was in it.
func TestSaveTuning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "tuning.json")
	t.Setenv("CREASE_TUNING", path)
	caps, other := Caps{Vendor: "acme", Device: "Fast One"}, Caps{Vendor: "acme", Device: "Slow One"}
	l, err := Register(&hal.Registry{}, caps)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []Params{{"SIDE": 8, "EACH": 2}, {"SIDE": 32}} {
		if err := SaveTuning(path, l.Row(), "matmul", p); err != nil {
			t.Fatal(err)
		}
	}
	if err := SaveTuning(path, l.Row(), "linear", Params{prefer: 3}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		caps       Caps
		side, each int
	}{{caps, 32, 2}, {other, 16, 4}} {
		l, err := Register(&hal.Registry{}, c.caps)
		if err != nil {
			t.Fatal(err)
		}
		u := l.Tunables(ops.MatMul, dtype.F32)[0]
		if got := inForce(u); u.Name != "matmul" || got["SIDE"] != c.side || got["EACH"] != c.each {
			t.Errorf("%s: %s %v", c.caps.Device, u.Name, got)
		}
	}
	if first := registered(t, caps).For("linear")[0]; first.Priority != hal.Portable+3 {
		t.Errorf("the rank of %s is %d", first.Name, first.Priority-hal.Portable)
	}
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("[{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := SaveTuning(bad, l.Row(), "matmul", Params{"SIDE": 8}); err == nil {
		t.Error("a table that cannot be read was written over")
	}
}

func inForce(u *Tunable) Params {
	p := Params{}
	for _, q := range u.Params {
		p[q.Name] = q.Value
	}
	return p
}

// Every value that is worth trying makes a kernel, under the name it has in the
// registry, and leaves the library as it was.
func TestTunables(t *testing.T) {
	t.Setenv("CREASE_TUNING", "off")
	caps := Caps{MaxGroup: 1024, Local: 1 << 15, CPU: true}
	var r hal.Registry
	l, err := Register(&r, caps)
	if err != nil {
		t.Fatal(err)
	}
	v := func(n ...int) hal.View {
		return hal.View{DType: dtype.F32, Shape: n, Strides: []int{n[1], 1}}
	}
	c := &hal.Call{Op: "matmul", In: []hal.View{v(4, 4), v(4, 4)}, Out: []hal.View{v(4, 4)}}
	first := r.Find(c)
	names := map[string]bool{}
	for _, u := range l.Tunables(ops.MatMul, dtype.F32) {
		names[u.Name] = true
		for _, p := range u.Params {
			if len(p.Among) < 2 {
				t.Errorf("%s: %s has nothing to try", u.Name, p.Name)
			}
			for _, value := range p.Among {
				if k := u.With(Params{p.Name: value}); k.Name != u.Kernel || !k.Takes(c) {
					t.Errorf("%s with %s %d is %s, or does not take the call", u.Name, p.Name, value, k.Name)
				}
			}
		}
		if k := u.With(u.Preferred(first)); k.Priority != first.Priority+1 {
			t.Errorf("%s, preferred to %d, ranks at %d", u.Name, first.Priority, k.Priority)
		}
	}
	if len(names) != 2 || !names["matmul"] || !names["matmul_vector"] {
		t.Errorf("kernels for matmul: %v", names)
	}
	if u := l.Tunables(ops.MatMul, dtype.F32)[0]; u.With(Params{"SIDE": 64}).Takes(c) {
		t.Error("groups of 4096 items fit")
	}
	if got := r.Find(c); got != first {
		t.Error("the registry changed")
	}
	if list := l.Tunables(ops.Relu, dtype.F32); len(list) != 1 || list[0].Name != mapTable || list[0].Kernel != r.For("relu")[0].Name && len(r.For("relu")) == 1 {
		t.Errorf("kernels for relu: %v", list)
	}
}

// A table that is accepted keeps its meaning when it is written and read again, and has
// no value that a kernel could not take.
func FuzzParseTuning(f *testing.F) {
	f.Add([]byte(`[{"vendor":"amd","params":{"matmul":{"SIDE":16,"PREFER":-2}}}]`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, err := parseTuning(b)
		if err != nil {
			return
		}
		for _, r := range rows {
			for kernel, params := range r.Params {
				for name, v := range params {
					if name != prefer && (v < 1 || v > paramLimit) {
						t.Errorf("%s: %s is %d", kernel, name, v)
					}
				}
			}
		}
		text, err := json.Marshal(rows)
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseTuning(text)
		if err != nil {
			t.Fatalf("%s was written and cannot be read: %v", text, err)
		}
		if second, _ := json.Marshal(again); string(second) != string(text) {
			t.Errorf("%s became %s", text, second)
		}
	})
}
