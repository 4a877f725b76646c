package graph_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/ops"
)

// At debug level 3 every pass that runs has a line with its counts of nodes, and the
// program that is left is printed; at level 2 neither is.
func TestPassesAreShown(t *testing.T) {
	_, e := onCPU(t, "cpu@threads=1")
	var b strings.Builder
	defer debug.Redirect(&b)()
	for _, level := range []int{debug.Kernels, debug.Graphs} {
		b.Reset()
		defer debug.Set(debug.Set(level))
		g := graph.New(e)
		x := g.Input(f32(2, 3), "x")
		ops.Exp.Of(g, x) // dead
		y := ops.Mul.Of(g, x, g.Const(ops.Scalar(dtype.F32, 2)))
		passes, err := graph.ParsePasses("-fuse,-arena")
		if err != nil {
			t.Fatal(err)
		}
		program, err := g.CompileWith(graph.Options{Passes: &passes}, y)
		if err != nil {
			t.Fatal(err)
		}
		program.Close()
		for _, p := range graph.Passes() {
			line := regexp.MustCompile(`(?m)^graph +pass ` + p.Name + ` +(\d+) nodes -> +(\d+) +[0-9.]+.?s$`).FindStringSubmatch(b.String())
			if want := level == debug.Graphs && passes.On(p.Name); (line != nil) != want {
				t.Errorf("level %d: a line for pass %s: %v, want %v", level, p.Name, line != nil, want)
			}
			if line != nil && p.Name == "dead" && (line[1] != "4" || line[2] != "3") {
				t.Errorf("pass dead left %s of %s nodes, want 3 of 4", line[2], line[1])
			}
		}
		final := "graph      program for cpu@threads=1: 1 steps, "
		dump := "\n%0 = input x : f32[2 3]\n%2 = const 2 : f32[]\n%3 = mul(%0, %2) : f32[2 3]\nreturn %3\n"
		if got := strings.Contains(b.String(), final) && strings.HasSuffix(b.String(), dump); got != (level == debug.Graphs) {
			t.Errorf("level %d: the program is shown: %v", level, got)
		}
		if t.Failed() {
			t.Logf("printed\n%s", &b)
		}
	}
}
