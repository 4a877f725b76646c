package expr

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// run executes a program on one element.
func (p *Program) run(t *testing.T, x, params []float64) float64 {
	t.Helper()
	regs := make([]float64, p.Regs)
	for i := range regs {
		regs[i] = math.Inf(-1) // a stale value
	}
	for _, in := range p.Instrs {
		var v [3]float64
		for k, a := range in.Args {
			switch a.Kind {
			case Reg:
				v[k] = regs[a.Index]
			case Input:
				v[k] = x[a.Index]
			case Param:
				v[k] = params[a.Index]
			case Const:
				v[k] = a.Value
			}
		}
		if in.Op == OpCopy {
			regs[in.Dst] = v[0]
			continue
		}
		f := byName[in.Op]
		for k, a := range in.Args {
			if (a.Kind == None) != (k >= f.Arity) {
				t.Fatalf("%s has operands %v", in.Op, in.Args)
			}
		}
		regs[in.Dst] = f.float(v[0], v[1], v[2])
	}
	return regs[p.Out]
}

func TestProgramIsEval(t *testing.T) {
	g := generator{Rand: rand.New(rand.NewPCG(5, 6))}
	values := samples(8, 30)
	for i := range 3000 {
		n := g.value(1+i%8, i%4 == 0)
		if i%3 == 0 { // shared nodes
			n = MustParse("x0 * x1 + x0").Substitute(map[int]*Node{0: n, 1: g.number(3)})
		}
		prog, err := n.Program(64)
		if err != nil {
			t.Fatalf("%s: %v", n, err)
		}
		for range 6 {
			x := []float64{values[g.IntN(len(values))], values[g.IntN(len(values))], values[g.IntN(len(values))]}
			p := []float64{values[g.IntN(len(values))], g.NormFloat64()}
			if got, want := prog.run(t, x, p), Eval(n, x, p); !sameFloat(got, want) {
				t.Fatalf("%s at %g, %g: the program gives %g, Eval %g\n%+v", n, x, p, got, want, prog)
			}
		}
	}
}

func TestProgramSize(t *testing.T) {
	for _, c := range []struct {
		s            string
		instrs, regs int
	}{
		{"x0", 1, 1},
		{"3", 1, 1},
		{"max(x0, 0)", 1, 1},
		{"x0 * (0.5 * erf(x0 * 0.7071067811865476) + 0.5)", 5, 1},
		{"where(x0 > 0, x0, p0 * x0)", 3, 2},
		{"(x0 + x1) * (x0 + x1)", 2, 1},
		{"(x0 + x1) * (x1 + x0)", 2, 1},
		{"(x0 - x1) * (x1 - x0)", 3, 2},
		{"exp(x0) / (exp(x0) + exp(x1))", 4, 2},
		{"x0 + 0 - (x0 + -0)", 3, 2},
		{"nan * x0 + nan * x0", 2, 1},
		// Computing the deeper side first needs one register fewer.
		{"exp(x0) + (exp(x1) + (exp(x2) + (exp(x3) + exp(x4))))", 9, 2},
		{"((x0+x1)*(x2+x3)) + ((x4+x5)*(x6+x7))", 7, 3},
	} {
		prog, err := MustParse(c.s).Program(c.regs)
		if err != nil {
			t.Errorf("%s: %v", c.s, err)
			continue
		}
		if len(prog.Instrs) != c.instrs || prog.Regs != c.regs {
			t.Errorf("%s takes %d instructions and %d registers, want %d and %d", c.s, len(prog.Instrs), prog.Regs, c.instrs, c.regs)
		}
		if _, err := MustParse(c.s).Program(c.regs - 1); err == nil || !strings.Contains(err.Error(), "split the expression") {
			t.Errorf("%s with a register too few: %v", c.s, err)
		}
	}
}

func TestProgramUniform(t *testing.T) {
	prog, err := MustParse("exp(p0) * x0 + sqrt(2)").Program(4)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range prog.Instrs {
		if want := in.Op == "exp" || in.Op == "sqrt"; in.Uniform != want {
			t.Errorf("%s: Uniform is %t", in.Op, in.Uniform)
		}
	}
}

// TestProgramShared compiles a graph whose paths are too many to follow.
func TestProgramShared(t *testing.T) {
	n, double := MustParse("x0"), MustParse("x0 + x0")
	for range 100 {
		n = double.Substitute(map[int]*Node{0: n})
	}
	prog, err := n.Program(1)
	if err != nil {
		t.Fatal(err)
	}
	if got := prog.run(t, []float64{1}, nil); len(prog.Instrs) != 100 || got != 0x1p100 {
		t.Errorf("doubling 100 times takes %d instructions and gives %g", len(prog.Instrs), got)
	}
}
