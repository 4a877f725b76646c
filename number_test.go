package crease_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/conform/fixture"
	"github.com/crease-ml/crease/dtype"
	_ "github.com/crease-ml/crease/opencl"
	"github.com/crease-ml/crease/ops"
)

// everywhere runs a test on the processor at its best and in plain Go, and on OpenCL.
func everywhere(t *testing.T, f func(t *testing.T, on crease.Option)) {
	for _, name := range []string{"cpu", "cpu/generic", "opencl"} {
		t.Run(name, func(t *testing.T) {
			d, err := crease.Wrap(conform.Open(t, name))
			if err != nil {
				t.Fatal(err)
			}
			f(t, crease.On(d))
		})
	}
}

// tensorOf makes a tensor of an array that another framework wrote.
func tensorOf(t *testing.T, a fixture.Array, on crease.Option) *crease.Tensor {
	t.Helper()
	return crease.FromHost(a.Host(t), on)
}

// sameBits fails unless a tensor is an array to the bit; NaN is NaN.
func sameBits(t *testing.T, name string, got *crease.Tensor, want fixture.Array) {
	t.Helper()
	h := got.Host()
	if h.DType != want.DType(t) || !slices.Equal(h.Shape, want.Shape) {
		t.Errorf("%s is %s, want %s%v", name, h.Spec, want.Type, want.Shape)
		return
	}
	if !h.DType.IsFloat() {
		if !bytes.Equal(h.Data, want.Bytes(t)) {
			t.Errorf("%s is %v, want %v", name, got, want.Values)
		}
		return
	}
	for i, w := range want.Floats(t) {
		if g := h.At(i); !(math.IsNaN(g) && math.IsNaN(w)) && math.Float64bits(g) != math.Float64bits(w) {
			t.Errorf("%s: element %d is %v, want %v", name, i, g, w)
		}
	}
}

// misused fails unless f panics with an *ops.AttrError.
func misused(t *testing.T, name string, f func()) {
	t.Helper()
	var bad *ops.AttrError
	if err := crease.Try(f); !errors.As(err, &bad) {
		t.Errorf("%s gives %v, want an AttrError", name, err)
	}
}

// A tensor and a number: PyTorch's result wherever it agrees with the rule, that a number
// which is not whole makes integers float32 and one out of their range is refused.
func TestScalars(t *testing.T) {
	cases := fixture.Load(t, "testdata/torch/scalars.json")
	everywhere(t, func(t *testing.T, on crease.Option) {
		compared, refused := 0, 0
		for _, c := range cases {
			v, err := strconv.ParseFloat(c.Args["c"].(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			x := tensorOf(t, c.In[0], on)
			apply := map[string]func(float64) *crease.Tensor{"add": x.AddScalar, "mul": x.MulScalar, "pow": x.PowScalar}[c.Op]
			if of := x.DType(); of.IsInt() && v == math.Trunc(v) && ops.NotHeld(of, v) != "" && !math.IsInf(v, 0) {
				misused(t, c.Name, func() { apply(v) })
				refused++
				continue
			}
			if c.Error != "" {
				t.Errorf("%s: PyTorch gives an error, %s", c.Name, c.Error)
				continue
			}
			var got *crease.Tensor
			eager := crease.Try(func() { got = apply(v) })
			if eager != nil {
				t.Errorf("%s: %v", c.Name, eager)
				continue
			}
			compared++
			if c.Op == "pow" {
				near(t, c.Name, got.Floats(), c.Out[0].Floats(t))
				continue
			}
			sameBits(t, c.Name, got, c.Out[0])
			f := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
				y := in[0]
				return []*crease.Tensor{map[string]func(float64) *crease.Tensor{"add": y.AddScalar, "mul": y.MulScalar}[c.Op](v)}
			})
			sameBits(t, "compiled "+c.Name, f.Call(x)[0], c.Out[0])
			f.Free()
		}
		if compared < 200 || refused < 20 {
			t.Errorf("%d calls compared and %d refused: the fixture has changed", compared, refused)
		}
	})
}

// A float64 does not tell integers beyond 2^53 apart.
func TestLongScalarsAreTensors(t *testing.T) {
	x := crease.From([]int64{1}, nil)
	misused(t, "adding 2^53", func() { x.AddScalar(1 << 53) })
	misused(t, "multiplying by 2^62", func() { x.MulScalar(1 << 62) })
	misused(t, "adding 2^63", func() { x.AddScalar(1 << 63) })
	misused(t, "a whole power", func() { crease.Arange(0, 3, 1, crease.As(dtype.U8)).PowScalar(256) })
	if got := crease.Data[int64](x.Add(crease.Scalar(1<<62+1, crease.As(dtype.I64)))); got[0] != 1<<62+2 {
		t.Errorf("1 + (2^62+1) is %d", got[0])
	}
	if got := x.AddScalar(1<<53 - 1).String(); got != "[9007199254740992]" {
		t.Errorf("1 + (2^53-1) is %s", got)
	}
}

// Mixed element types meet where PyTorch has them meet.
func TestPromotionIsPyTorchs(t *testing.T) {
	compared := 0
	for _, c := range fixture.Load(t, "testdata/torch/promote.json") {
		if c.Error != "" {
			continue // PyTorch has no rule
		}
		got, err := dtype.Promote(c.In[0].DType(t), c.In[1].DType(t))
		if err != nil || got != c.Out[0].DType(t) {
			t.Errorf("%s meet in %v (%v), want %s", c.Name, got, err, c.Out[0].Type)
		}
		compared++
	}
	if compared < 100 {
		t.Errorf("%d pairs were compared", compared)
	}
}

func TestRangesAndFills(t *testing.T) {
	numbers := func(c fixture.Case) (floats []float64, ints []int64) {
		for _, a := range c.Args["args"].([]any) {
			f, err := strconv.ParseFloat(a.(string), 64)
			if err != nil {
				t.Fatal(err)
			}
			floats = append(floats, f)
			if i, err := strconv.ParseInt(a.(string), 10, 64); err == nil {
				ints = append(ints, i)
			}
		}
		return floats, ints
	}
	cases := fixture.Load(t, "testdata/torch/ranges.json")
	everywhere(t, func(t *testing.T, on crease.Option) {
		for _, c := range cases {
			of, err := dtype.Parse(c.Args["dtype"].(string))
			if err != nil {
				t.Fatal(err)
			}
			v, whole := numbers(c)
			as := crease.As(of)
			var got *crease.Tensor
			err = crease.Try(func() {
				switch {
				case c.Op == "arange" && len(whole) == 3:
					got = crease.Arange(whole[0], whole[1], whole[2], as, on)
				case c.Op == "arange":
					got = crease.Arange(v[0], v[1], v[2], as, on)
				case c.Op == "linspace":
					got = crease.Linspace(v[0], v[1], int(v[2]), as, on)
				case len(whole) == 1:
					got = crease.Full([]int{3}, whole[0], as, on)
				default:
					got = crease.Full([]int{3}, v[0], as, on)
				}
			})
			switch {
			case c.Error != "" && err == nil:
				t.Errorf("%s gives %v, and PyTorch an error: %s", c.Name, got, c.Error)
			case c.Error != "":
			case err != nil:
				t.Errorf("%s: %v", c.Name, err)
			case of == dtype.F64:
				near(t, c.Name, got.Floats(), c.Out[0].Floats(t))
				if w := c.Out[0].Floats(t); c.Op == "linspace" && got.Floats()[len(w)-1] != w[len(w)-1] {
					t.Errorf("%s ends at %v", c.Name, got.Floats()[len(w)-1])
				}
			default:
				sameBits(t, c.Name, got, c.Out[0])
			}
		}
		big := crease.Full([]int{3}, uint64(math.MaxUint64-1), crease.As(dtype.U64), on)
		padded := crease.From([]int64{1}, nil, on).PadInt([]int{1}, []int{1}, math.MinInt64+1)
		for _, c := range []struct {
			name string
			got  *crease.Tensor
			want string
		}{
			{"the largest but one", big, "[18446744073709551614 18446744073709551614 18446744073709551614]"},
			{"long padding", padded, "[-9223372036854775807                    1 -9223372036854775807]"},
			{"u64 beyond i64", crease.Arange(uint64(1<<63+1), 1<<63+4, 1, crease.As(dtype.U64), on), "[9223372036854775809 9223372036854775810 9223372036854775811]"},
			{"a huge span", crease.Linspace(-1.5e308, 1.5e308, 3, crease.As(dtype.F64), on), "[-1.5e+308   0.0e+00  1.5e+308]"},
			{"iota of u8", crease.Apply(ops.Iota, ops.IotaAttrs{DType: dtype.U8, Shape: []int{259}})[0].Narrow(0, 254, 5), "[254 255   0   1   2]"},
		} {
			if got := c.got.String(); got != c.want {
				t.Errorf("%s is %s, want %s", c.name, got, c.want)
			}
		}
		bytes := crease.Zeros([]int{2}, crease.As(dtype.U8), on)
		misused(t, "padding u8 with 256", func() { bytes.Pad([]int{1}, []int{0}, 256) })
		misused(t, "padding u8 with a half", func() { bytes.Pad([]int{1}, []int{0}, 0.5) })
		misused(t, "padding u8 with -1", func() { bytes.PadInt([]int{1}, []int{0}, -1) })
		misused(t, "half a byte", func() { crease.Full([]int{1}, 0.5, crease.As(dtype.U8), on) })
		misused(t, "-1 as u64", func() { crease.Full([]int{1}, int64(-1), crease.As(dtype.U64), on) })
		misused(t, "2^64-1 as i64", func() { crease.Scalar(uint64(math.MaxUint64), crease.As(dtype.I64), on) })
		misused(t, "an arange of halves", func() { crease.Arange(0, 2, 0.5, crease.As(dtype.I32), on) })
		misused(t, "an endless arange", func() { crease.Arange(0, math.Inf(1), 1, on) })
		misused(t, "an arange of NaN", func() { crease.Arange(math.NaN(), 1, 1, on) })
		misused(t, "an arange without step", func() { crease.Arange(0, 1, 0, on) })
		misused(t, "too long an arange", func() { crease.Arange(math.MinInt64, math.MaxInt64, 1, crease.As(dtype.I64), on) })
		misused(t, "linspace of u8 to 300", func() { crease.Linspace(0, 300, 4, crease.As(dtype.U8), on) })
	})
}
