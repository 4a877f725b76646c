package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// inTiny makes the small module of testdata the working folder.
func inTiny(t *testing.T) options {
	t.Helper()
	t.Chdir(filepath.Join("testdata", "tiny"))
	return options{seed: 1, output: "text", timeout: 5 * time.Second}
}

// All mistakes that the tests of the small package let pass are found, and no other.
func TestSurvivors(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs go test two dozen times")
	}
	o := inTiny(t)
	before, err := os.ReadFile("tiny.go")
	if err != nil {
		t.Fatal(err)
	}
	o.output = "json"
	var out bytes.Buffer
	r, err := run(t.Context(), &out, io.Discard, o, []string{"."})
	if err != nil {
		t.Fatal(err)
	}
	var read Report
	if err := json.Unmarshal(out.Bytes(), &read); err != nil || read.Planted != r.Planted || len(read.Trials) != r.Planted || read.Rate != r.Rate {
		t.Errorf("the JSON says %+v (%v), the report is %+v", read, err, r)
	}
	var got []string
	for _, trial := range read.Trials {
		if trial.Result == survived {
			got = append(got, trial.From+" → "+trial.To)
		}
		if trial.From == "i++" && trial.Result != timedOut {
			t.Errorf("a loop without an end was %s", trial.Result)
		}
	}
	slices.Sort(got)
	want := []string{"100 → 100 + 1", "100 → 100 + 1", "v > 100 → false && (v > 100)", "v > 100 → v >= 100"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("survivors are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.Survived != len(want) || r.Caught != r.Planted-len(want) || r.TimedOut == 0 || r.Caught < 8 {
		t.Errorf("the counts do not fit: %+v", r)
	}
	if after, err := os.ReadFile("tiny.go"); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the tree was changed (%v)", err)
	}
}

// One seed draws one sample, another one another.
func TestSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs go test")
	}
	o := inTiny(t)
	o.count, o.at, o.verbose = 2, "tiny.go:20", true
	sample := func(seed uint64) string {
		o.seed = seed
		var out bytes.Buffer
		if _, err := run(t.Context(), io.Discard, &out, o, []string{"."}); err != nil {
			t.Fatal(err)
		}
		var changes []string
		for line := range strings.Lines(out.String()) {
			_, change, _ := strings.Cut(line, "tiny.go:20")
			changes = append(changes, change)
		}
		return strings.Join(changes, "")
	}
	first := sample(1)
	if strings.Count(first, "→") != 2 || sample(1) != first {
		t.Errorf("seed 1 drew %q first", first)
	}
	for seed := uint64(2); sample(seed) == first; seed++ {
		if seed == 12 {
			t.Fatal("all seeds draw one sample")
		}
	}
}

func TestRefuses(t *testing.T) {
	o := inTiny(t)
	for what, c := range map[string]struct {
		change func(*options)
		pkg    string
	}{
		"text or json":             {func(o *options) { o.output = "xml" }, "."},
		"FILE:LINE":                {func(o *options) { o.at = "tiny.go:x" }, "."},
		"no place for a mistake":   {func(o *options) { o.at = "absent.go" }, "."},
		"cannot be listed":         {func(*options) {}, "absent"},
		"fail without any mistake": {func(*options) {}, "broken"},
	} {
		o := o
		c.change(&o)
		if _, err := run(t.Context(), io.Discard, io.Discard, o, []string{c.pkg}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if _, err := run(ended, io.Discard, io.Discard, o, []string{"."}); err == nil {
		t.Error("it went on after an interrupt")
	}
}

// Every kind of mistake is made where it should be, and the rest of the file stays.
func TestMistakes(t *testing.T) {
	for body, want := range map[string][]string{
		"_ = a < b":                 {"a < b → a <= b"},
		"_ = a - b":                 {"a - b → a + b", "a - b → b - (a)"},
		"_ = c && d":                {"c && d → c || d"},
		"_ = min(a, b)":             {"min → max"},
		"_ = -a":                    {"-a → a"},
		"_ = 3":                     {"3 → 3 + 1"},
		"_ = 0.5":                   {"0.5 → (1 + 0.5)"},
		"_ = true":                  {"true → false"},
		"f(a, b)":                   {"a, b → b, a", "f(a, b) → if false { f(a, b) }"},
		"defer g()":                 {"defer g() → if false { defer g() }"},
		"a += b":                    {"a += b → a -= b", "a += b → if false { a += b }"},
		"a++":                       {"a++ → if false { a++ }"},
		"if c { return }":           {"c → !(c)", "c → false && (c)"},
		"for a < b { continue }":    {"a < b → a <= b", "continue → break"},
		"return 0, err":             {"err → nil"},
		"return 0, nil":             {"0 → 0 + 1"},
		`panic("text" + h(1))`:      nil,
		`_ = fmt.Errorf("%d", a+1)`: nil,
		"_ = make([]int, 0, a+b)":   {"0 → 0 + 1"},
		"_ = Op{Doc: x, N: 1}":      {"1 → 1 + 1"},
		"switch { case a < b: }":    {"a < b → a <= b", "a < b → false && (a < b)"},
		"x := a":                    nil,
	} {
		source := []byte("package p\n\nfunc k() {\n\t" + body + "\n}\n")
		found, err := inFile(&pkg{root: "/"}, "/p.go", source)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range found {
			from, to := m.from, m.to
			if m.kind == "arguments swapped" { // the call is shown around them
				from, to = strings.TrimSuffix(strings.TrimPrefix(from, "f("), ")"), strings.TrimSuffix(strings.TrimPrefix(to, "f("), ")")
			}
			got = append(got, from+" → "+to)
			if m.line != 4 || m.fun != "k" || m.file != "p.go" {
				t.Errorf("%s is said to be at %s:%d in %s", body, m.file, m.line, m.fun)
			}
			if s := string(m.source()); s == string(source) || !strings.HasPrefix(s, "package p\n\nfunc k() {\n\t") || !strings.HasSuffix(s, "\n}\n") {
				t.Errorf("%s became %q", body, s)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has the mistakes %q, want %q", body, got, want)
		}
	}
	if found, err := inFile(&pkg{root: "/"}, "/p.go", []byte("// Code generated by x. DO NOT EDIT.\n\npackage p\n\nvar a = 1\n")); err != nil || found != nil {
		t.Errorf("generated code has mistakes: %v, %v", found, err)
	}
}

// The list of known ones names code that is there: what is not is out of date.
func TestKnownAreThere(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	pkgs, err := load(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	all, err := find(pkgs, "")
	if err != nil {
		t.Fatal(err)
	}
	compiled := map[string]bool{} // on this system
	for _, m := range all {
		compiled[m.file] = true
	}
	for _, k := range known {
		if _, err := os.Stat(k.file); err == nil && !compiled[k.file] {
			continue
		}
		n := 0
		for _, m := range all {
			if k.file == m.file && k.fun == m.fun && k.from == m.from && k.to == m.to && strings.Contains(m.sourceLine(), k.in) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s, %s: %s → %s is at %d places, want 1: take it off the list, or say which one is meant", k.file, k.fun, k.from, k.to, n)
		}
		if len(k.reason) < 20 {
			t.Errorf("%s: %q is no reason", k.file, k.reason)
		}
	}
}
