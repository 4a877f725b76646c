package vec

import (
	"bufio"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestAccuracy compares the transcendental functions with float64 on random
// values of every magnitude and of the range where they vary.
func TestAccuracy(t *testing.T) {
	n := 1 << 20
	if testing.Short() {
		n = 1 << 16
	}
	cases := []struct {
		name  string
		limit uint64 // units in the last place
		f     func(float64) float64
		scale float64
	}{
		{"Exp", 1, math.Exp, 40}, {"Exp2", 1, math.Exp2, 60},
		{"Log", 1, math.Log, 1}, {"Log2", 1, math.Log2, 1},
		{"Tanh", 1, math.Tanh, 2}, {"Erf", 1, math.Erf, 1.5},
		{"Sigmoid", 2, sigmoid, 20},
	}
	a, got := make([]float32, n), make([]float32, n)
	for _, c := range cases {
		rng := rand.New(rand.NewPCG(3, 5))
		for i := range a {
			if i%2 == 0 {
				a[i] = math.Float32frombits(rng.Uint32())
			} else {
				a[i] = float32(1 + c.scale*rng.NormFloat64())
			}
		}
		want := make([]float32, n)
		for i, x := range a {
			want[i] = float32(c.f(float64(x)))
		}
		t.Run(c.name, func(t *testing.T) {
			eachLevel(t, func(t *testing.T, fn *Funcs) {
				primitives[Unary](fn)[c.name](got, a)
				var worst uint64
				var at int
				for i := range got {
					if d := ulps(got[i], want[i]); d > worst {
						worst, at = d, i
					}
				}
				t.Logf("at most %d ulp", worst)
				if worst > c.limit {
					t.Errorf("%s(%g) = %g, want %g: %d ulp, limit %d", c.name, a[at], got[at], want[at], worst, c.limit)
				}
			})
		})
	}
}

// TestNumPyTables runs NumPy's validation sets, each row alone and at every
// lane of a vector with a tail. CREASE_FIXTURES is the folder that holds umath.
func TestNumPyTables(t *testing.T) {
	dir := os.Getenv("CREASE_FIXTURES")
	if dir == "" {
		t.Skip("CREASE_FIXTURES is not set: no umath tables")
	}
	for name, file := range map[string]string{
		"Exp": "exp", "Exp2": "exp2", "Expm1": "expm1", "Log": "log", "Log2": "log2",
		"Log1p": "log1p", "Sin": "sin", "Cos": "cos", "Tanh": "tanh",
	} {
		rows := readTable(t, filepath.Join(dir, "umath", "umath-validation-set-"+file+".csv"))
		t.Run(name, func(t *testing.T) {
			eachLevel(t, func(t *testing.T, fn *Funcs) {
				checkTable(t, name, primitives[Unary](fn)[name], rows)
			})
		})
	}
}

func checkTable(t *testing.T, name string, f Unary, rows []tableRow) {
	in, out := make([]float32, 37), make([]float32, 37)
	for _, r := range rows {
		f(out[:1], []float32{r.in})
		alone := out[0]
		if d := ulps(alone, r.out); d > r.ulp {
			t.Errorf("%s(%g) = %g, want %g: %d ulp, limit %d", name, r.in, alone, r.out, d, r.ulp)
		}
		for i := range in {
			in[i] = 0.75
		}
		for i := range in {
			in[i] = r.in
			f(out, in)
			in[i] = 0.75
			if !same(out[i], alone) {
				t.Fatalf("%s(%g) = %g at element %d, but %g alone", name, r.in, out[i], i, alone)
			}
		}
	}
}

type tableRow struct {
	in, out float32
	ulp     uint64
}

// readTable reads the float32 rows of a NumPy validation set.
func readTable(t *testing.T, path string) []tableRow {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []tableRow
	for s := bufio.NewScanner(f); s.Scan(); {
		fields := strings.Split(s.Text(), ",")
		if fields[0] != "np.float32" {
			continue
		}
		var v [3]uint64
		for i := range v {
			if v[i], err = strconv.ParseUint(strings.TrimSpace(fields[i+1]), 0, 32); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		rows = append(rows, tableRow{math.Float32frombits(uint32(v[0])), math.Float32frombits(uint32(v[1])), v[2]})
	}
	if len(rows) == 0 {
		t.Fatalf("%s holds no float32 rows", path)
	}
	return rows
}
