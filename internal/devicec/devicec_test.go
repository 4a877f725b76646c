package devicec_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease/internal/devicec"
	"github.com/crease-ml/crease/internal/ptx"
)

// runText compiles a kernel k(const double *x, double *y, Values V) and runs it on one
// thread for every element of x. V.n is the number of elements.
func runText(t *testing.T, text string, x []float64) []float64 {
	t.Helper()
	p, err := devicec.Compile(text, devicec.Target{PTX: 70, SM: 80})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	mod, err := ptx.Parse(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	var mem ptx.Memory
	in, out := mem.Alloc(8*len(x)), mem.Alloc(8*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint64(in.Data[8*i:], math.Float64bits(v))
	}
	mem.Written(in.Base, 8*len(x))
	v := binary.LittleEndian.AppendUint64(nil, in.Base)
	v = binary.LittleEndian.AppendUint64(v, out.Base)
	v = binary.LittleEndian.AppendUint32(v, uint32(len(x)))
	v = binary.LittleEndian.AppendUint32(v, 3)
	if _, err := mod.Entries["k"].Run(&mem, ptx.Launch{Grid: [3]int{(len(x) + 63) / 64, 1, 1}, Block: [3]int{64, 1, 1}, Values: v}); err != nil {
		t.Fatalf("%v\n%s", err, p)
	}
	y := make([]float64, len(x))
	for i := range y {
		y[i] = math.Float64frombits(binary.LittleEndian.Uint64(out.Data[8*i:]))
	}
	return y
}

const around = `
typedef unsigned char uchar;
typedef unsigned int uint;
typedef unsigned long long ulong;
#define long long long
typedef struct { int n; int step; } Values;
%s
extern "C" __global__ void __launch_bounds__(64) k(const double *x, double *y, Values V) {
	int i = (int)(blockIdx.x * blockDim.x + threadIdx.x);
	if (i >= V.n) return;
	double a = x[i];
	%s
}
`

// Bodies and what they compute of a, in Go. They put their result in y[i].
func TestPrograms(t *testing.T) {
	for body, want := range map[string]func(a float64) float64{
		"y[i] = a * 2 + 1;": func(a float64) float64 { return a*2 + 1 },
		"int n = (int)a, s = 0; for (int k = 0; k < n; k++) { if (k % 3 == 1) continue; if (k > 40) break; s += k; } y[i] = s;": func(a float64) float64 {
			s := 0
			for k := 0; k < int(a); k++ {
				if k%3 == 1 {
					continue
				}
				if k > 40 {
					break
				}
				s += k
			}
			return float64(s)
		},
		"double v[2][4]; for (int r = 0; r < 2; r++) for (int c = 0; c < 4; c++) v[r][c] = a * (r * 4 + c); y[i] = v[1][2] - v[0][3];": func(a float64) float64 { return a*6 - a*3 },
		"int v[8]; for (int c = 0; c < 8; c++) v[c] = c * c; y[i] = v[(int)a & 7];":                                                    func(a float64) float64 { c := int(a) & 7; return float64(c * c) },
		"int n = (int)a; switch (n % 5) { case 0: y[i] = 10; return; case 1: case 2: n += 100; case 3: n += 1000; break; default: n = -n; } y[i] = n;": func(a float64) float64 {
			n := int(a)
			switch n % 5 {
			case 0:
				return 10
			case 1, 2:
				return float64(n + 1100)
			case 3:
				return float64(n + 1000)
			}
			return float64(-n)
		},
		"int n = (int)a, at = n++; y[i] = at * 1000 + n + (n > 5 && at < 20 ? V.step : -1);": func(a float64) float64 {
			at := int(a)
			n, more := at+1, -1
			if n > 5 && at < 20 {
				more = 3
			}
			return float64(at*1000 + n + more)
		},
		"uint u = (uint)(int)a * 2654435761u; y[i] = (double)(u >> 7 ^ u << 3);":          func(a float64) float64 { u := uint32(int32(a)) * 2654435761; return float64(u>>7 ^ u<<3) },
		"long l = -(long)a << 33; y[i] = (double)(l / 7 % 1000) + (uchar)300;":            func(a float64) float64 { l := -int64(a) << 33; return float64(l/7%1000) + 44 },
		"y[i] = twice(a) + twice(twice(1.0)) + SQUARE(V.step + 1) + PASTE(tw, ice)(0.5);": func(a float64) float64 { return 2*a + 4 + 16 + 1 },
		"float f = (float)a / 3; int n = 0; while (f > 1) { f *= 0.5f; n++; } do n += 10; while (n < 15); y[i] = n + f;": func(a float64) float64 {
			f, n := float32(a)/3, 0
			for f > 1 {
				f *= 0.5
				n++
			}
			for {
				if n += 10; n >= 15 {
					break
				}
			}
			return float64(float32(n) + f)
		},
		"double s = 0; for (int r = 0; r < 4 && r < (int)a; r++) { double q[4]; q[r] = r + a; s += q[r]; } y[i] = s;": func(a float64) float64 {
			s := 0.0
			for r := 0; r < 4 && r < int(a); r++ {
				s += float64(r) + a
			}
			return s
		},
		"int b = (a > 5) | ((a < 2) & (a == a)); y[i] = b + !b * 10 + ~b;":                                   func(a float64) float64 { b := btoi(a > 5 || a < 2); return float64(b + (1-b)*10 + ^b) },
		"y[i] = min((int)a, 7) + max(3, V.step - 2) + __umulhi((uint)a, 1u << 31) + copysign(1.0, -a);":      func(a float64) float64 { return float64(min(int(a), 7)+3+int(uint32(a)>>1)) - 1 },
		"y[i] = a > 8 ? half_of(a) : a < 3 ? x[0] : sqrt(a);":                                                func(a float64) float64 { return math.NaN() },
		"__shared__ int part[64]; part[threadIdx.x] = (int)a; y[i] = part[threadIdx.x] + part[threadIdx.x];": func(a float64) float64 { return float64(2 * int(a)) },
	} {
		x := make([]float64, 90)
		for i := range x {
			x[i] = math.Trunc(rand.Float64() * 64)
		}
		helpers := "#define SQUARE(v) ((v) * (v))\n#define PASTE(a, b) a##b\nstatic __device__ double twice(double v) { return v + v; }\n" +
			"static __device__ double half_of(double v) { if (v > 30) return v / 2; v = v * 0.5; return v; }\n"
		got := runText(t, fmt.Sprintf(around, helpers, body), x)
		for i, a := range x {
			w := want(a)
			if math.IsNaN(w) { // needs x[0]
				switch {
				case a > 8:
					w = a / 2
				case a < 3:
					w = x[0]
				default:
					w = math.Sqrt(a)
				}
			}
			if got[i] != w {
				t.Errorf("%s\nof %v is %v, want %v", body, a, got[i], w)
				break
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// away is how many units in the last place two numbers differ.
func away(got, want float64, single bool) float64 {
	if got == want || got != got && want != want {
		return 0
	}
	ulp := math.Nextafter(math.Abs(want), math.Inf(1)) - math.Abs(want)
	if single {
		w := float32(math.Abs(want))
		ulp = float64(math.Nextafter32(w, math.MaxFloat32) - w)
	}
	return math.Abs(got-want) / ulp
}

// Oracles where Go's own functions are off by many units: near 1, and for subnormals.
func log2(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return log2(x*0x1p100) - 100
	}
	if x > 0.5 && x < 2 {
		return math.Log(x) / math.Ln2
	}
	return math.Log2(x)
}

func log(x float64) float64 {
	if x > 0 && x < 0x1p-1022 {
		return log2(x) * math.Ln2
	}
	return math.Log(x)
}

func log10(x float64) float64 { return log(x) / math.Ln10 }

func asin(x float64) float64 { return math.Atan2(x, math.Sqrt((1-x)*(1+x))) }

func acos(x float64) float64 { return 2 * math.Atan2(math.Sqrt(1-x), math.Sqrt(1+x)) }

// The library is compared with Go's math, which is good to about a unit. Sines of very
// large numbers are compared by their distance: Go's lose digits near 0.
func TestMathematics(t *testing.T) {
	inf, loose := math.Inf(1), 3.5
	for _, c := range []struct {
		name   string
		f      func(float64) float64
		lo, hi float64
		ulps   float64 // in doubles
	}{
		{"exp", math.Exp, -745, 710, 2}, {"exp2", math.Exp2, -1070, 1024, 3}, {"expm1", math.Expm1, -30, 30, 3},
		{"log", log, 0, 1e6, 2}, {"log2", log2, 0, 1e6, 3}, {"log10", log10, 0, 1e6, 4}, {"log1p", math.Log1p, -0.99, 10, 4},
		{"sin", math.Sin, -1e5, 1e5, 2}, {"cos", math.Cos, -100, 100, 2}, {"sin", math.Sin, -1e300, 1e300, loose}, {"tan", math.Tan, -20, 20, 4},
		{"asin", asin, -1, 1, 4}, {"acos", acos, -1, 1, 4}, {"atan", math.Atan, -50, 50, 3},
		{"sinh", math.Sinh, -30, 30, 4}, {"cosh", math.Cosh, -30, 30, 4}, {"tanh", math.Tanh, -20, 20, 4}, {"erf", math.Erf, -6, 6, 3},
	} {
		x := []float64{0, math.Copysign(0, -1), inf, -inf, math.NaN(), 1, -1, 5e-324, 1e-310, -1e-20, 1e-9}
		for range 500 {
			x = append(x, c.lo+rand.Float64()*(c.hi-c.lo), rand.NormFloat64()*0.3)
		}
		for i, got := range runText(t, fmt.Sprintf(around, "", "y[i] = "+c.name+"(a);"), x) {
			want := c.f(x[i])
			least := 1e-320
			if c.ulps == loose {
				least = 5e-16
			}
			if e := away(got, want, false); e > c.ulps && math.Abs(got-want) > least || (got != got) != (want != want) {
				t.Errorf("%s(%v) is %v, want %v: %.1f units", c.name, x[i], got, want, e)
				break
			}
		}
		for i, got := range runText(t, fmt.Sprintf(around, "", "y[i] = "+c.name+"((float)a);"), x) {
			want := c.f(float64(float32(x[i])))
			if e := away(got, want, true); e > 2.5 && math.Abs(got-want) > 1e-44 || (got != got) != (want != want) {
				if math.Abs(want) > math.MaxFloat32 && math.IsInf(got, 0) {
					continue
				}
				t.Errorf("%s of floats (%v) is %v, want %v: %.1f units", c.name, float32(x[i]), got, want, e)
				break
			}
		}
	}
}

func TestMathematicsOfTwo(t *testing.T) {
	inf, nan := math.Inf(1), math.NaN()
	special := []float64{0, math.Copysign(0, -1), 1, -1, 2, -2, 0.5, -0.5, 3, inf, -inf, nan, 1e300, -1e300, 1e-310}
	// Go's powers are off by some units; a whole one is a product that is rounded at the end.
	pow := func(a, b float64) float64 {
		if n := math.Abs(b); n == math.Trunc(n) && n < 100 && n > 0 && !math.IsInf(a, 0) && a == a && a != 0 {
			p := new(big.Float).SetPrec(300).SetInt64(1)
			for range int(n) {
				p.Mul(p, big.NewFloat(a))
			}
			if b < 0 {
				p.Quo(new(big.Float).SetPrec(300).SetInt64(1), p)
			}
			v, _ := p.Float64()
			return v
		}
		return math.Pow(a, b)
	}
	for name, f := range map[string]func(a, b float64) float64{"pow": pow, "atan2": math.Atan2, "fmod": math.Mod} {
		var x, other []float64
		for _, a := range special {
			for _, b := range special {
				x, other = append(x, a), append(other, b)
			}
		}
		for range 1000 {
			a, b := rand.NormFloat64()*10, rand.NormFloat64()*5
			if name == "pow" {
				b = float64(rand.IntN(160) - 80)
			}
			x, other = append(x, a), append(other, b)
		}
		// The second operand comes behind the first.
		got := runText(t, fmt.Sprintf(around, "", "if (i < V.n / 2) y[i] = "+name+"(a, x[i + V.n / 2]); else y[i] = 0;"), append(append([]float64{}, x...), other...))
		bad := 0
		for i, a := range x {
			want := f(a, other[i])
			if e := away(got[i], want, false); e > 4 && math.Abs(got[i]-want) > 1e-320 || (got[i] != got[i]) != (want != want) || math.Signbit(got[i]) != math.Signbit(want) && want == want {
				if bad++; bad < 8 {
					t.Errorf("%s(%v, %v) is %v, want %v: %.1f units", name, a, other[i], got[i], want, e)
				}
			}
		}
	}
}

// What is outside of the dialect is an error with its line, never a panic.
func TestRefuses(t *testing.T) {
	for body, says := range map[string]string{
		"y[i] = b;":                             "not declared",
		"y[i] = vload4(0, x);":                  "no function",
		"x[i] = x;":                             "pointer",
		"y[i] = a":                              "expected",
		"V.n = 3;":                              "cannot be changed",
		"float16 v;":                            "not declared",
		"int q[0];":                             "length of an array",
		"goto out;":                             "not declared",
		"break;":                                "outside of a loop",
		"y[i] = a % 2;":                         "on floats",
		"__shared__ int s;":                     "only arrays",
		"y[i] = forever(1);":                    "calls itself",
		"y[i] = \"text\";":                      "expression",
		"int v[4]; y[i] = v;":                   "no scalar",
		"y[i] = fma(a, a);":                     "takes 3",
		"for (;;) {":                            "does not end",
		"y[i] = V.absent;":                      "no field",
		"case 3: y[i] = a;":                     "outside of a switch",
		"y[i] = a; @":                           "expression",
		strings.Repeat("(", 50) + "a = 1;":      "",
		"y[i] = 99999999999999999999999999999;": "no number",
	} {
		_, err := devicec.Compile(fmt.Sprintf(around, "static __device__ int forever(int v) { return forever(v); }", body), devicec.Target{PTX: 70, SM: 80})
		if err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), "line ") {
			t.Errorf("%q: %v, want %q", body, err, says)
		}
	}
	for _, text := range []string{"", "int", "#if", "#if 1", "#define", "#define f(", "#else", "/*", "\"", "#include <x>", "struct", "typedef struct {"} {
		if _, err := devicec.Compile(text, devicec.Target{}); err == nil {
			t.Errorf("%q compiled", text)
		}
	}
}

// A register tile stays in registers, and an array that is indexed by what is not known
// goes to memory.
func TestArraysInRegisters(t *testing.T) {
	inner := "double v[16]; for (int k = 0; k < 16; k++) v[k] = a * k; double s = 0; for (int k = 0; k < 16; k++) s += v[k]; y[i] = s;"
	p, err := devicec.Compile(fmt.Sprintf(around, "", inner), devicec.Target{PTX: 70, SM: 80})
	if err != nil || strings.Contains(p, ".local") {
		t.Errorf("%v\n%s", err, p)
	}
	p, err = devicec.Compile(fmt.Sprintf(around, "", strings.Replace(inner, "v[k];", "v[k & V.n];", 1)), devicec.Target{PTX: 70, SM: 80})
	if err != nil || !strings.Contains(p, "ld.local.f64") {
		t.Errorf("%v\n%s", err, p)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(fmt.Sprintf(around, "", "y[i] = a;"))
	f.Add("#define F(x) x##x\nextern \"C\" __global__ void k(double *y) { y[0] = F(1); }")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 4096 {
			_, _ = devicec.Compile(text, devicec.Target{PTX: 70, SM: 80})
		}
	})
}
