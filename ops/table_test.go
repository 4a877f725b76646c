package ops

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

// draw makes a case's inputs, the same on every run.
func draw(c Case, t dtype.Type) []Host {
	r := rand.New(rand.NewPCG(1, 2))
	in := make([]Host, len(c.In))
	for i, a := range c.In {
		in[i] = a.Make(t, r)
	}
	return in
}

func valuesOf(hosts []Host) []Value {
	out := make([]Value, len(hosts))
	for i, h := range hosts {
		out[i] = &HostValue{h}
	}
	return out
}

// eachCase runs f on every case of every row with every wanted element type
// that the case allows.
func eachCase(t *testing.T, want []dtype.Type, f func(t *testing.T, op *Op, c Case, in []Host)) {
	for _, op := range All() {
		for _, c := range op.Cases {
			for _, et := range c.TypesIn(op) {
				// A row defined on no float takes its one type instead.
				if slices.Contains(want, et) || !slices.ContainsFunc(c.TypesIn(op), dtype.Type.IsFloat) {
					t.Run(fmt.Sprintf("%s/%s/%s", op.Name, c.Name, et), func(t *testing.T) { f(t, op, c, draw(c, et)) })
				}
			}
		}
	}
}

// wantClose compares within a row's tolerance.
func wantClose(t *testing.T, op *Op, c Case, in []Spec, what string, got, want Host) {
	t.Helper()
	if !got.Spec.Equal(want.Spec) {
		t.Fatalf("%s is %s, want %s", what, got.Spec, want.Spec)
	}
	scale := 0.0
	for _, v := range want.Float64s() {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			scale = max(scale, math.Abs(v))
		}
	}
	for i := range want.Elements() {
		g, w := got.At(i), want.At(i)
		if g == w || math.IsNaN(g) && math.IsNaN(w) {
			continue
		}
		if bound := op.Tol.Bound(hal.Info{}, want.DType, c.Attrs, in, w, scale); !(math.Abs(g-w) <= bound) {
			t.Fatalf("%s[%d] = %v, want %v within %.3g (off by %.3g)", what, i, g, w, bound, math.Abs(g-w))
		}
	}
}

// The variable that holds a row has the name that the row gives, for generated code
// names it; and no two rows ask for one method.
func TestNamesInGo(t *testing.T) {
	declared := map[string]bool{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, s := range g.Specs {
					v := s.(*ast.ValueSpec)
					if star, ok := v.Type.(*ast.StarExpr); ok && star.X.(*ast.Ident).Name == "Op" {
						for _, name := range v.Names {
							declared[name.Name] = true
						}
					}
				}
			}
		}
	}
	methods := map[string]string{}
	for _, op := range All() {
		if !declared[op.GoName] {
			t.Errorf("%s says that its variable is %s, and there is none or another row has it", op.Name, op.GoName)
		}
		delete(declared, op.GoName)
		if m := op.MethodName(); m != "" && methods[m] != "" {
			t.Errorf("%s and %s both are method %s", op.Name, methods[m], m)
		} else {
			methods[m] = op.Name
		}
		// By convention gradients that a rule calls are named so, and what the compiler makes.
		if op.Internal != (strings.Contains(op.Name, "_grad") || strings.HasSuffix(op.Name, "_act")) {
			t.Errorf("%s is internal: %v", op.Name, op.Internal)
		}
	}
	if len(declared) > 0 {
		t.Errorf("variables without a row: %v", declared)
	}
}

// The probes are of every family that training spends its time in, and few enough for a
// look at a device to be quick.
func TestProbes(t *testing.T) {
	families, composites, n := map[Family]bool{}, 0, 0
	for _, op := range All() {
		if op.Probe {
			n++
			families[op.Family] = true
			if op.Kind == Composite {
				composites++
			}
		}
	}
	if !families[Map] || !families[Reduce] || !families[MatMulFamily] || composites < 3 || n > 12 {
		t.Errorf("%d probes, %d of them composites, of families %v", n, composites, families)
	}
}

func TestCasesPassTheirShapeRule(t *testing.T) {
	eachCase(t, Stored, func(t *testing.T, op *Op, c Case, in []Host) {
		for i, v := range (Interpreter{}).Apply(op, c.Attrs, valuesOf(in)...) {
			if h := v.(*HostValue).Host; len(h.Data) != h.Bytes() {
				t.Errorf("output %d holds %d bytes, its spec %s has %d", i, len(h.Data), h.Spec, h.Bytes())
			}
		}
	})
}

func TestLoweringsMatchReferences(t *testing.T) {
	eachCase(t, []dtype.Type{dtype.F64, dtype.F32}, func(t *testing.T, op *Op, c Case, in []Host) {
		if op.Lower == nil {
			t.Skip("is no composite")
		}
		b, values := Interpreter{}, valuesOf(in)
		want := b.Apply(op, c.Attrs, values...)
		got := op.Lower(b, c.Attrs, values)
		if len(got) != len(want) {
			t.Fatalf("the lowering has %d results, the reference %d", len(got), len(want))
		}
		for i := range want {
			wantClose(t, op, c, SpecsOf(values), fmt.Sprintf("output %d", i), got[i].(*HostValue).Host, want[i].(*HostValue).Host)
		}
	})
}

// TestGradientsMatchDifferences compares the gradient rule of every row with
// central differences of a weighted sum of its outputs.
func TestGradientsMatchDifferences(t *testing.T) {
	const step, tolerance = 1e-6, 1e-5
	eachCase(t, []dtype.Type{dtype.F64}, func(t *testing.T, op *Op, c Case, in []Host) {
		if op.Grad == nil || c.NoGradCheck || !slices.Contains(c.TypesIn(op), dtype.F64) {
			t.Skip("has no gradient to check")
		}
		b := Interpreter{}
		out := b.Apply(op, c.Attrs, valuesOf(in)...)
		r := rand.New(rand.NewPCG(3, 4))
		g := &GradCall{B: b, Op: op, Attrs: c.Attrs, D: make([]Value, len(out)), Needs: make([]bool, len(in))}
		for i, v := range out {
			if v.Spec().DType == dtype.F64 {
				g.D[i] = &HostValue{Arg{Shape: v.Spec().Shape, Lo: 0.5, Hi: 1.5}.Make(dtype.F64, r)}
			}
			g.Out = append(g.Out, savedOrAbsent(v, op.Saves.HasOut(i)))
		}
		for i, h := range in {
			g.Needs[i] = h.DType == dtype.F64
			g.In = append(g.In, savedOrAbsent(&HostValue{h}, op.Saves.HasIn(i)))
		}
		if !slices.Contains(g.Needs, true) || !slices.ContainsFunc(g.D, func(v Value) bool { return v != nil }) {
			t.Skip("maps no float to a float")
		}
		loss := func() (sum float64) {
			for i, v := range b.Apply(op, c.Attrs, valuesOf(in)...) {
				if g.D[i] != nil {
					for k := range v.Spec().Elements() {
						sum += v.(*HostValue).Host.At(k) * g.D[i].(*HostValue).Host.At(k)
					}
				}
			}
			return sum
		}
		grads := op.Grad(g)
		if len(grads) != len(in) {
			t.Fatalf("the rule returned %d gradients for %d inputs", len(grads), len(in))
		}
		for i, h := range in {
			if !g.Needs[i] {
				continue
			}
			if grads[i] == nil || !grads[i].Spec().Equal(h.Spec) {
				t.Fatalf("the gradient of input %d is %v, want %s", i, grads[i], h.Spec)
			}
			for k := range h.Elements() {
				v := h.At(k)
				h.Set(k, v+step)
				up := loss()
				h.Set(k, v-step)
				want := (up - loss()) / (2 * step)
				h.Set(k, v)
				if got := grads[i].(*HostValue).Host.At(k); !(math.Abs(got-want) <= tolerance*(1+math.Abs(want))) {
					t.Fatalf("gradient %d[%d] = %v, differences give %v", i, k, got, want)
				}
			}
		}
	})
}

func savedOrAbsent(v Value, saved bool) Value {
	if saved {
		return v
	}
	return &Absent{S: v.Spec(), What: "a value outside Saves", Op: &Op{Name: "the row"}}
}
