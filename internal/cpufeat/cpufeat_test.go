package cpufeat

import (
	"slices"
	"strings"
	"testing"
)

func TestParseRoundTrip(t *testing.T) {
	for l := Generic; int(l) < len(names); l++ {
		got, err := Parse(" " + strings.ToUpper(l.String()) + "\n")
		if err != nil || got != l {
			t.Errorf("Parse(%q) = %v, %v", l, got, err)
		}
	}
	if _, err := Parse("sse2"); err == nil || !strings.Contains(err.Error(), "sse2") {
		t.Errorf("Parse(sse2): error %v does not name the value", err)
	}
}

func TestChoose(t *testing.T) {
	all := []Level{AVX2, AVX512}
	for _, tc := range []struct {
		detected []Level
		ceiling  string
		best     Level
		bad      bool
	}{
		{nil, "", Generic, false},
		{nil, "avx512", Generic, false}, // the cap never raises
		{all, "", AVX512, false},
		{all, "avx2", AVX2, false},
		{all, "generic", Generic, false},
		{all[:1], "avx512", AVX2, false},
		{all, "fast", AVX512, true},
	} {
		c := choose(tc.detected, tc.ceiling)
		if c.best != tc.best || (c.err != nil) != tc.bad || !c.has[Generic] {
			t.Errorf("choose(%v, %q) = %+v", tc.detected, tc.ceiling, c)
		}
		for l := range c.has {
			if c.has[l] && Level(l) > tc.best {
				t.Errorf("choose(%v, %q) allows %v", tc.detected, tc.ceiling, Level(l))
			}
		}
		if tc.bad && !strings.Contains(c.err.Error(), EnvMax) {
			t.Errorf("error %q does not name %s", c.err, EnvMax)
		}
	}
}

func TestBestIsAvailable(t *testing.T) {
	if !Available(Best()) || !Available(Generic) {
		t.Errorf("best %v unavailable", Best())
	}
	if Available(-1) || Available(Level(len(names))) {
		t.Error("an unknown level counts as available")
	}
	if Best() != Generic && !slices.Contains(detected, Best()) {
		t.Errorf("best %v was not detected: %v", Best(), detected)
	}
}

func TestMachine(t *testing.T) {
	if Model() == "" {
		t.Error("empty model")
	}
	for in, want := range map[string]int{"32K": 32 << 10, "2M": 2 << 20, "12": 12, "": 0, "x": 0, "-1K": 0} {
		if got := parseSize(in); got != want {
			t.Errorf("parseSize(%q) = %d, want %d", in, got, want)
		}
	}
}
