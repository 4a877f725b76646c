package arch

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

func TestPresets(t *testing.T) {
	for _, name := range Names {
		c, err := Preset(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// The stated peak is what arrays, cores and clock make.
		if made := 2 * float64(c.MACs()*c.ChipCores) * float64(c.Hertz); c.Peak > 0 && math.Abs(made/c.Peak-1) > 0.01 {
			t.Errorf("%s: stated peak %g, its arrays make %g", name, c.Peak, made)
		}
		if c.Cores > c.ChipCores {
			t.Errorf("%s: %d cores of a product, %d of the chip", name, c.Cores, c.ChipCores)
		}
	}
	// The accumulators of v1 hold two blocks of the rows at the ridge point.
	c, _ := Preset("v1")
	if ridge := float64(c.MACs()) * float64(c.Hertz) / float64(c.HBM.Bandwidth); c.AccRows != 2*int(math.Exp2(math.Ceil(math.Log2(ridge)))) {
		t.Errorf("v1: ridge %g, %d accumulator rows", ridge, c.AccRows)
	}
	if c.HBMRate() != (Rate{340, 7}) {
		t.Errorf("v1: %v bytes per cycle, want 340/7", c.HBMRate())
	}
}

func TestEveryConstantHasASource(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Sources() {
		seen[s.Preset] = true
		if s.From == "" {
			t.Errorf("%s: %s (%s) has no source", s.Preset, s.Constant, s.Value)
		}
	}
	for _, name := range Names {
		if !seen[name] {
			t.Errorf("%s has no constants", name)
		}
		_, from := presets[name]()
		for k := range from {
			known := false
			for _, c := range constants {
				known = known || c.name == k
			}
			if !known {
				t.Errorf("%s has a source of %q, which is no constant", name, k)
			}
		}
	}
}

func TestParse(t *testing.T) {
	c, err := Parse("", map[string]string{"rows": "128", "cols": "64", "dataflow": "os", "dtype": "int8", "ub": "24M", "bandwidth": "34G", "freq": "700M"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Rows != 128 || c.Cols != 64 || c.Dataflow != OS || c.Operand != dtype.I8 || c.Buffer != 24<<20 || c.HBM.Bandwidth != 34e9 || c.Hertz != 700e6 {
		t.Errorf("%+v", c)
	}
	if c, err = Parse("v4", nil); err != nil || c.Window == nil || c.Name != "v4" {
		t.Errorf("v4: %+v, %v", c, err)
	}
	if c, err = Parse("v4", map[string]string{"dataflow": "ws"}); err != nil || c.Window == nil {
		t.Errorf("an option that changes nothing takes the window's constants away: %v", err)
	}
	if c, err = Parse("v4", map[string]string{"bandwidth": "2T"}); err != nil || c.Window != nil || c.HBMRate().PerCycle() != 2e12/1050e6 {
		t.Errorf("v4 with another bandwidth: %+v, %v", c, err)
	}
	for _, bad := range []struct {
		preset string
		opts   map[string]string
		says   string
	}{
		{"v9", nil, "want v1, v2"},
		{"", nil, "rows is missing"},
		{"", map[string]string{"rows": "8"}, "cols is missing"},
		{"v1", map[string]string{"row": "8"}, `no option "row"`},
		{"v1", map[string]string{"rows": "0"}, "rows"},
		{"v1", map[string]string{"rows": "1e3"}, "rows"},
		{"v1", map[string]string{"cols": "99999999999999999999"}, "cols"},
		{"v1", map[string]string{"dataflow": "rs"}, "ws, os or is"},
		{"v1", map[string]string{"dtype": "f32"}, "int8 or bf16"},
		{"v1", map[string]string{"ub": "1T"}, "limit"},
		{"v1", map[string]string{"ub": "12"}, "multiple of 8"},
		{"v1", map[string]string{"ub": "-1"}, "whole number"},
		{"v1", map[string]string{"bandwidth": "NaN"}, "whole number"},
		{"v1", map[string]string{"bandwidth": "inf"}, "whole number"},
		{"v1", map[string]string{"bandwidth": "G"}, "whole number"},
		{"v1", map[string]string{"bandwidth": "3i"}, "such as 34G"},
		{"v1", map[string]string{"freq": "1"}, "1 kHz"},
	} {
		if _, err := Parse(bad.preset, bad.opts); err == nil || !strings.Contains(err.Error(), bad.says) {
			t.Errorf("%s %v: error %v, want %q", bad.preset, bad.opts, err, bad.says)
		}
	}
}

func TestQuantity(t *testing.T) {
	for in, want := range map[string]uint64{"1": 1, "34G": 34e9, "24Mi": 24 << 20, "1.5k": 1500, "2T": 2e12, "1e3": 1000} {
		if got, err := quantity(in, 1000); err != nil || got != want {
			t.Errorf("%s is %d, %v; want %d", in, got, err, want)
		}
	}
	if got, err := quantity("24M", 1024); err != nil || got != 24<<20 {
		t.Errorf("24M of memory is %d, %v", got, err)
	}
}

// Cycles of a rate are those of exact arithmetic.
func TestRate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20000 {
		rate := NewRate(1+r.Uint64N(1<<uint(1+r.IntN(45))), 1+r.Uint64N(1<<uint(1+r.IntN(40))))
		n := r.Uint64N(1 << uint(1+r.IntN(63)))
		x := new(big.Int).Mul(new(big.Int).SetUint64(n), new(big.Int).SetUint64(rate.Den))
		x.Add(x, new(big.Int).SetUint64(rate.Num-1)).Div(x, new(big.Int).SetUint64(rate.Num))
		want := int64(math.MaxInt64)
		if x.IsInt64() {
			want = x.Int64()
		}
		if got := rate.Cycles(n); got != want {
			t.Fatalf("%d bytes at %v: %d cycles, want %d", n, rate, got, want)
		}
	}
	if (Rate{}).Cycles(math.MaxUint64) != 0 || NewRate(0, 5).Limited() {
		t.Error("the zero rate limits")
	}
}

// FuzzParse checks that any options give a description that can be emulated, or an
// error of one line.
func FuzzParse(f *testing.F) {
	f.Add("v4", "freq=1G,ub=1M")
	f.Add("", "rows=128,cols=128,dataflow=ws,dtype=bf16")
	f.Add("edge", "bandwidth=1e30")
	f.Add("", "rows=-1,cols=")
	f.Fuzz(func(t *testing.T, preset, text string) {
		opts := map[string]string{}
		for part := range strings.SplitSeq(text, ",") {
			k, v, _ := strings.Cut(part, "=")
			opts[k] = v
		}
		c, err := Parse(preset, opts)
		if err != nil {
			if c != nil {
				t.Errorf("an error beside a description: %v", err)
			}
			if strings.Contains(strings.TrimSpace(err.Error()), "\n") && !strings.Contains(preset+text, "\n") {
				t.Errorf("an error of several lines: %q", err)
			}
			return
		}
		if err := c.Check(); err != nil {
			t.Errorf("%v was accepted: %v", opts, err)
		}
		if c.TileBytes() <= 0 || c.Latency(&c.HBM, true) < 0 {
			t.Errorf("%+v", c)
		}
	})
}
