package kernels

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Every file parses, and every core op has a kernel for each of its types.
func TestEveryCoreOpHasAKernel(t *testing.T) {
	for _, d := range []Dialect{OpenCL, CUDA, CPlus} {
		var r hal.Registry
		if _, err := Register(&r, Caps{Dialect: d, F64: true}); err != nil {
			t.Fatal(err)
		}
		for _, op := range ops.All() {
			for _, dt := range op.Types {
				found := false
				for _, k := range r.For(op.Name) {
					found = found || k.Key.DType == dt || k.Key.DType == dtype.Invalid
				}
				if op.Kind == ops.Core && !found {
					t.Errorf("%v: %s has no kernel for %v", d, op.Name, dt)
				}
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const head = "//crease:kernel k\n//crease:types f32\n//crease:in x T\n//crease:group 1\n//crease:grid 1\n"
	for src, says := range map[string]string{
		"//crease:op sum":                               "before the first",
		"//crease:kernel k\n//crease:types f31":         "no class of types",
		"//crease:kernel k\n//crease:colour red":        "no such directive",
		"//crease:kernel k\n//crease:in x":              "a name and a type",
		"//crease:kernel k\n//crease:let n":             "NAME = EXPRESSION",
		"//crease:kernel k\n//crease:let n = 1 +":       "expected operand",
		"//crease:kernel k\n//crease:let n = f(1)":      `no function "f"`,
		"//crease:kernel k\n//crease:let n = func(){}":  "not part of the language",
		"//crease:kernel k\n//crease:like other":        "no kernel of that name",
		"//crease:kernel k\n//crease:local real x":      "TYPE NAME[LENGTH]",
		"//crease:kernel k\n//crease:tune N = much":     "NAME = NUMBER",
		"//crease:kernel k\n//crease:tune N = 1 of 2 0": "no value to try",
		"//crease:kernel k\n//crease:val char n = 1":    "want int, long, real",
		head: "no body",
		strings.Replace(head, "x T", "x f31", 1) + "y;": "has the type",
	} {
		if _, err := parseText("test.k", src); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", src, err, says)
		}
	}
}

// Kernels are told apart by name, and one goes on with another that is there.
func TestLinkRefuses(t *testing.T) {
	const kernel = "//crease:kernel k\n//crease:types f32\n//crease:in x T\n//crease:group 1\n//crease:grid 1\n"
	for src, says := range map[string]string{
		kernel + "y;\n" + kernel + "y;":         "two kernels are named k",
		kernel + "//crease:next other\n" + "y;": "no kernel other",
	} {
		if _, err := parseFiles(fstest.MapFS{"test.k": {Data: []byte(src)}}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", src, err, says)
		}
	}
}

func TestHostExpressions(t *testing.T) {
	x := hal.View{DType: dtype.F32, Shape: []int{4, 3, 5}, Strides: []int{15, 5, 1}}
	e := &env{call: &hal.Call{Attrs: ops.PoolAttrs{Stride: [2]int{2, 3}}, In: []hal.View{x}}, vars: map[string]any{"x": &x, "none": view(nil), "n": 7}}
	for src, want := range map[string]any{
		"dim(x, -1)": 5, "count(x)": 60, "rank(x)": 3, "prod(x, 1, 3)": 15, "axis(-1, x)": 2, "ceil(n, 2)": 4,
		"stride[1] * 2 + 1": 7, "n % 4": 3, "7 / 0": 0, "n > 5 && n != 8": 1, "!n": 0, "-n": -7, "1.0 / 4": 0.25,
		`pick(n == 7, "a", "b") == "a"`: 1, "min(n, 3)": 3, "has(none)": 0, "dense(x)": 1, "F32 == 2": truth(int(dtype.F32) == 2),
		"len(kept_n(x, shape(x)))": nil, "0 && dim(x, 9)": 0, "round(2.6)": 3,
	} {
		f, err := compileHost(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		if v, err := f(e); want == nil && err == nil || want != nil && (err != nil || v != want) {
			t.Errorf("%s is %v (%v), want %v", src, v, err, want)
		}
	}
}

// The guide shows a kernel as it is.
func TestContributingShowsAKernel(t *testing.T) {
	guide, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(guide), "```c\n")
	shown, _, _ = strings.Cut(shown, "```")
	pool, err := os.ReadFile("pool.k")
	if err != nil {
		t.Fatal(err)
	}
	if shown == "" || !strings.Contains(string(pool), shown) {
		t.Error("CONTRIBUTING.md does not show a kernel of kernels/pool.k as it is")
	}
}

func FuzzParseText(f *testing.F) {
	b, err := os.ReadFile("reduce.k")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(b))
	f.Add("//crease:kernel k\n//crease:let n = dim(x, 1)[2]\n")
	f.Fuzz(func(_ *testing.T, src string) { _, _ = parseText("fuzz.k", src) })
}
