package expr

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestParse gives the tree, written as nested calls, and the canonical text.
func TestParse(t *testing.T) {
	for _, c := range []struct{ in, tree, text string }{
		{"x0", "x0", "x0"},
		{" ( ( p9 ) ) ", "p9", "p9"},
		{"x0+x1*x2", "add(x0, mul(x1, x2))", "x0 + x1 * x2"},
		{"(x0+x1)*x2", "mul(add(x0, x1), x2)", "(x0 + x1) * x2"},
		{"x0-x1-x2", "sub(sub(x0, x1), x2)", "x0 - x1 - x2"},
		{"x0-(x1-x2)", "sub(x0, sub(x1, x2))", "x0 - (x1 - x2)"},
		{"x0/x1*x2%x3", "mod(mul(div(x0, x1), x2), x3)", "x0 / x1 * x2 % x3"},
		{"-x0*x1", "mul(neg(x0), x1)", "-x0 * x1"},
		{"-(x0*x1)", "neg(mul(x0, x1))", "-(x0 * x1)"},
		{"x0- -x1", "sub(x0, neg(x1))", "x0 - -x1"},
		{"--x0", "neg(neg(x0))", "--x0"},
		{"-1*x0", "mul(-1, x0)", "-1 * x0"},
		{"x0 -1", "sub(x0, 1)", "x0 - 1"},
		{"-(1)", "neg(1)", "-(1)"},
		{"--1", "neg(-1)", "-(-1)"},
		{"-inf", "-inf", "-inf"},
		{"-nan", "nan", "nan"},
		{"-0", "-0", "-0"},
		{".5e1 + 2E-3", "add(5, 0.002)", "5 + 0.002"},
		{"x0 < x1 && x1 < x2 || !x3", "or(and(lt(x0, x1), lt(x1, x2)), not(x3))", "x0 < x1 && x1 < x2 || !x3"},
		{"x0 && (x1 || x2)", "and(x0, or(x1, x2))", "x0 && (x1 || x2)"},
		{"x0 + 1 == x1", "eq(add(x0, 1), x1)", "x0 + 1 == x1"},
		{"(x0 == x1) != (x1 >= x2)", "ne(eq(x0, x1), ge(x1, x2))", "(x0 == x1) != (x1 >= x2)"},
		{"!(x0 <= x1)", "not(le(x0, x1))", "!(x0 <= x1)"},
		{"add(x0, 1)", "add(x0, 1)", "x0 + 1"},
		{"where(x0 > 0, x0, p0 * x0)", "where(gt(x0, 0), x0, mul(p0, x0))", "where(x0 > 0, x0, p0 * x0)"},
		{"float(x0>0)", "float(gt(x0, 0))", "float(x0 > 0)"},
		{"pow(max(x0,0),2)", "pow(max(x0, 0), 2)", "pow(max(x0, 0), 2)"},
	} {
		n, err := Parse(c.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", c.in, err)
			continue
		}
		if got := calls(n); got != c.tree {
			t.Errorf("Parse(%q) is the tree %s, want %s", c.in, got, c.tree)
		}
		if got := n.String(); got != c.text {
			t.Errorf("Parse(%q) prints as %q, want %q", c.in, got, c.text)
		}
	}
}

// calls writes a tree without operators.
func calls(n *Node) string {
	if len(n.Args) == 0 {
		return n.String()
	}
	var args []string
	for _, a := range n.Args {
		args = append(args, calls(a))
	}
	return n.Op + "(" + strings.Join(args, ", ") + ")"
}

func TestParseError(t *testing.T) {
	for _, c := range []struct {
		in     string
		column int
		reason string
	}{
		{"", 1, "ends where an operand"},
		{"x0 +", 5, "ends where an operand"},
		{"x0 x1", 4, `unexpected "x1"`},
		{"2x0", 2, `unexpected "x0"`},
		{"1.2.3", 4, `unexpected ".3"`},
		{"(x0", 4, `close the "(" of column 1`},
		{"x0)", 3, `unexpected ")"`},
		{"* x0", 1, `unexpected "*"`},
		{"max(x0)", 7, "max takes 2"},
		{"exp(x0, x1)", 7, "exp takes 1"},
		{"exp x0", 5, "follow the function exp"},
		{"exp()", 5, `unexpected ")"`},
		{"1 + sgn(x0)", 5, `nothing called "sgn"`},
		{"x", 1, `nothing called "x"`},
		{"x0 + x10", 6, "no operand x10"},
		{"x0 < x1 < x2", 9, "do not chain"},
		{"x0 == x1 == x2", 10, "do not chain"},
		{"x0 = 1", 4, "write =="},
		{"x0 & x1", 4, "band(a, b)"},
		{"x0 | x1", 4, "bor(a, b)"},
		{"x0 ^ 2", 4, "pow(a, b)"},
		{"x0 # 2", 4, "unexpected character '#'"},
		{"x0 · 2", 4, "unexpected character '·'"},
		{"1e999", 1, "out of the range"},
		{"1e+", 1, "not a number"},
		{".", 1, "not a number"},
		{"1 + (x0 > 0)", 5, "convert it with float"},
		{"exp(x0 > 0 || x1)", 5, "convert it with float"},
		{"(x0 > 0) == 1", 10, "not one of each"},
		{"where(x0, x1 > 0, 1)", 1, "not one of each"},
		{strings.Repeat("(", 201) + "x0", 202, "nested deeper"},
		{strings.Repeat("-", 300) + "x0", 202, "nested deeper"},
		{"x0" + strings.Repeat("+x0", 300), 600, "more than 200 levels"},
		{strings.Repeat(" ", MaxLength+1), MaxLength + 1, "at most 65536"},
	} {
		n, err := Parse(c.in)
		var syntax *SyntaxError
		if n != nil || !errors.As(err, &syntax) {
			t.Errorf("Parse(%.40q) gives %v, %v, want a SyntaxError", c.in, n, err)
			continue
		}
		if syntax.Column != c.column || !strings.Contains(syntax.Reason, c.reason) {
			t.Errorf("Parse(%.40q): column %d: %s\nwant column %d and %q", c.in, syntax.Column, syntax.Reason, c.column, c.reason)
		}
		if len(err.Error()) > 400 {
			t.Errorf("Parse(%.40q): the message has %d bytes", c.in, len(err.Error()))
		}
	}
}

func TestParseLimits(t *testing.T) {
	for _, s := range []string{
		strings.Repeat("(", MaxDepth) + "x0" + strings.Repeat(")", MaxDepth),
		strings.Repeat("-", MaxDepth-1) + "x0",
		strings.Repeat("-", MaxDepth-1) + "(1)",
		"x0" + strings.Repeat(" + x0", MaxDepth-1),
		strings.Repeat("exp(", MaxDepth-1) + "x0" + strings.Repeat(")", MaxDepth-1),
		strings.Repeat(" ", MaxLength-2) + "x0",
	} {
		n, err := Parse(s)
		if err != nil {
			t.Errorf("at the limit: %v", err)
			continue
		}
		if again, err := Parse(n.String()); err != nil || !equal(n, again) {
			t.Errorf("%.40q does not survive printing: %v", s, err)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	g := generator{Rand: rand.New(rand.NewPCG(1, 2))}
	for i := range 4000 {
		n := g.value(1+i%7, i%3 == 0)
		s := n.String()
		again, err := Parse(s)
		if err != nil {
			t.Fatalf("%s: %v", calls(n), err)
		}
		if !equal(n, again) {
			t.Fatalf("%q came back as %s, it was %s", s, calls(again), calls(n))
		}
		if r := again.String(); r != s {
			t.Fatalf("%q printed again is %q", s, r)
		}
	}
}

func TestWalkCountsSubstitute(t *testing.T) {
	n := MustParse("max(x0, p1) * x2")
	if n.Inputs() != 3 || n.Params() != 2 {
		t.Errorf("%s has %d inputs and %d attributes, want 3 and 2", n, n.Inputs(), n.Params())
	}
	if one := MustParse("1"); one.Inputs() != 0 || one.Params() != 0 {
		t.Errorf("1 has inputs or attributes")
	}
	var order []string
	n.Walk(func(n *Node) { order = append(order, n.Op) })
	if want := []string{"x", "p", "max", "x", "mul"}; !slices.Equal(order, want) {
		t.Errorf("walked %v, want %v", order, want)
	}
	swapped := MustParse("x0 - x1").Substitute(map[int]*Node{0: MustParse("x1"), 1: MustParse("x0 * 2")})
	if got := swapped.String(); got != "x1 - x0 * 2" {
		t.Errorf("substituted %q", got)
	}
	kept := n.Substitute(map[int]*Node{2: MustParse("x0")})
	if kept.Args[0] != n.Args[0] || n.String() != "max(x0, p1) * x2" {
		t.Errorf("Substitute copied an unchanged part or changed its receiver")
	}
	if n.Substitute(map[int]*Node{7: n}) != n {
		t.Errorf("Substitute of an absent input copied the tree")
	}
}

func TestCheck(t *testing.T) {
	x := &Node{Op: OpInput}
	for _, c := range []struct {
		n    *Node
		want string
	}{
		{nil, "nil node"},
		{&Node{Op: "exp", Args: []*Node{nil}}, "nil node"},
		{&Node{Op: "nope"}, `no function "nope"`},
		{&Node{Op: "max", Args: []*Node{x}}, "has 1 operands, it must have 2"},
		{&Node{Op: OpConst, Args: []*Node{x}}, "has 1 operands, it must have 0"},
		{&Node{Op: OpInput, Index: -1}, "from 0 to 9"},
		{&Node{Op: OpParam, Index: 10}, "from 0 to 9"},
	} {
		if err := c.n.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Check gives %v, want %q", err, c.want)
		}
		if _, err := c.n.Program(9); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Program gives %v, want %q", err, c.want)
		}
	}
	for s, want := range map[string]string{
		"max(x0, -inf) % 3": "", "x0 * 0.5": "0.5 is not a whole number", "sqrt(x0) + 1": "sqrt is not defined on integers", "nan": "nan is not",
	} {
		if err := MustParse(s).CheckInt(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("CheckInt of %s gives %v, want %q", s, err, want)
		}
	}
}

func TestFunctions(t *testing.T) {
	names := map[string]bool{}
	for _, f := range Functions() {
		if names[f.Name] || f.Doc == "" || f.Arity < 1 || f.Arity > 3 {
			t.Errorf("bad row %+v", f)
		}
		names[f.Name] = true
		args := []string{"x0", "x1", "x2"}[:f.Arity]
		n, err := Parse(f.Name + "(" + strings.Join(args, ",") + ")")
		if err != nil || n.Op != f.Name {
			t.Errorf("%s: %v", f.Name, err)
			continue
		}
		if err := n.CheckInt(); (err == nil) != f.Int {
			t.Errorf("%s: Int is %t and CheckInt gives %v", f.Name, f.Int, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"x0 + 1", "where(x0 > 0, x0, p0 * x0)", "-(-1)", "!x0 && x1 != nan", "((x0)", "1e+", "a\xffb", "--inf%2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Column < 1 || syntax.Column > len(s)+1 || fmt.Sprint(err) == "" {
				t.Fatalf("Parse(%q): %#v", s, err)
			}
			return
		}
		if err := n.Check(); err != nil {
			t.Fatalf("Parse(%q): %v", s, err)
		}
		text := n.String()
		again, err := Parse(text)
		// Canonical text spells out numbers and can exceed the length limit.
		if err != nil && len(text) <= MaxLength || err == nil && !equal(n, again) {
			t.Fatalf("Parse(%q) prints as %q, which gives %v, %v", s, text, again, err)
		}
		if _, err := n.Program(MaxDepth + 1); err != nil {
			t.Fatalf("Program of %q: %v", s, err)
		}
	})
}
