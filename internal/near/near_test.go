package near

import (
	"slices"
	"testing"
)

func TestNames(t *testing.T) {
	known := []string{"matmul", "maxpool2d", "max", "mean", "softmax", "sum", "opencl", "cpu"}
	for name, want := range map[string][]string{
		"matmull": {"matmul"}, "mtamul": {"matmul"}, "MATMU": {"matmul"}, "sofmax": {"softmax"}, "maxpool": {"maxpool2d"},
		"cup": {"cpu"}, "quantum": nil, "": nil, "maen": {"mean"}, "openc1": {"opencl"}, "mux": {"max"},
	} {
		if got := closest(name, known); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
	if Hint("matmull", known) != ": did you mean matmul?" || Hint("quantum", known) != "" {
		t.Errorf("%q", Hint("matmull", known))
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "xabcy", 2}, {"kitten", "sitting", 3}} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != c.want {
			t.Errorf("%s to %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
