package ops

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

// ramp is an array of small distinct numbers.
func ramp(t *testing.T, start, step float64, dims ...int) Host {
	t.Helper()
	h := NewHost(Spec{dtype.F64, dims})
	for i := range h.Elements() {
		h.Set(i, start+step*float64(i))
	}
	return h
}

// refOf runs a row's shape rule and reference.
func refOf(t *testing.T, op *Op, attrs any, in ...Host) []Host {
	t.Helper()
	outs, err := op.Specs(attrs, hostSpecs(in))
	if err != nil {
		t.Fatal(err)
	}
	out := make([]Host, len(outs))
	for i, s := range outs {
		out[i] = NewHost(s)
	}
	op.Ref(attrs, in, out)
	return out
}

func wantValues(t *testing.T, what string, got Host, want ...float64) {
	t.Helper()
	if got.Elements() != len(want) {
		t.Fatalf("%s has %d elements, want %d", what, got.Elements(), len(want))
	}
	for i, w := range want {
		if g := got.At(i); math.Abs(g-w) > 1e-12*(1+math.Abs(w)) {
			t.Errorf("%s[%d] = %.15g, want %.15g", what, i, g, w)
		}
	}
}

// TestConv2dByPaddedMatrix compares the reference, which skips taps outside
// of the input, with sums over an input that is padded for real.
func TestConv2dByPaddedMatrix(t *testing.T) {
	for _, g := range convGeometries {
		t.Run(g.name, func(t *testing.T) {
			x, w := ramp(t, -1, 0.37, g.x...), ramp(t, 2, -0.21, g.w...)
			bias := ramp(t, 5, 1, g.w[0])
			y := refOf(t, Conv2d, g.a, x, w, bias)[0]
			ph, pw := g.x[2]+g.a.Pad[0]+g.a.Pad[1], g.x[3]+g.a.Pad[2]+g.a.Pad[3]
			padded := make([]float64, g.x[0]*g.x[1]*ph*pw)
			for i := range x.Elements() {
				col, row, plane := i%g.x[3], i/g.x[3]%g.x[2], i/(g.x[3]*g.x[2])
				padded[(plane*ph+row+g.a.Pad[0])*pw+col+g.a.Pad[2]] = x.At(i)
			}
			want := []float64{}
			for n := range g.x[0] {
				for o := range g.w[0] {
					first := o * g.a.Groups / g.w[0] * g.w[1]
					for top := 0; top+g.a.Dilation[0]*(g.w[2]-1) < ph; top += g.a.Stride[0] {
						for left := 0; left+g.a.Dilation[1]*(g.w[3]-1) < pw; left += g.a.Stride[1] {
							sum := bias.At(o)
							for k := range taps(g.w) {
								c, kh, kw := k/(g.w[2]*g.w[3]), k/g.w[3]%g.w[2], k%g.w[3]
								row, col := top+kh*g.a.Dilation[0], left+kw*g.a.Dilation[1]
								sum += w.At(o*taps(g.w)+k) * padded[((n*g.x[1]+first+c)*ph+row)*pw+col]
							}
							want = append(want, sum)
						}
					}
				}
			}
			wantValues(t, "y", y, want...)
		})
	}
}

// TestConv2dTransposes checks <d, conv(x, w)> = <grad_input(d, w), x> =
// <grad_weight(d, x), w>, which defines both transposes.
func TestConv2dTransposes(t *testing.T) {
	dot := func(a, b Host) (sum float64) {
		for i := range a.Elements() {
			sum += a.At(i) * b.At(i)
		}
		return sum
	}
	for _, g := range convGeometries {
		x, w := ramp(t, -1, 0.37, g.x...), ramp(t, 2, -0.21, g.w...)
		y := refOf(t, Conv2d, g.a, x, w)[0]
		d := ramp(t, 0.3, -0.11, y.Shape...)
		want := dot(d, y)
		dx := refOf(t, Conv2dGradInput, ConvGradAttrs{g.a, g.x}, d, w)[0]
		dw := refOf(t, Conv2dGradWeight, ConvWeightAttrs{g.a, g.w}, d, x)[0]
		for name, got := range map[string]float64{"input": dot(dx, x), "weight": dot(dw, w)} {
			if math.Abs(got-want) > 1e-10*(1+math.Abs(want)) {
				t.Errorf("%s: gradient for the %s: inner product %g, want %g", g.name, name, got, want)
			}
		}
	}
}

func TestConv2dRefuses(t *testing.T) {
	ok := ConvAttrs{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}
	x, w := []int{1, 2, 4, 4}, []int{2, 2, 3, 3}
	for _, c := range []struct {
		name string
		with func(a *ConvAttrs)
		x, w []int
		rule string
	}{
		{"stride", func(a *ConvAttrs) { a.Stride[1] = 0 }, x, w, "horizontal stride is 0"},
		{"dilation", func(a *ConvAttrs) { a.Dilation[0] = -1 }, x, w, "vertical dilation is -1"},
		{"negative-pad", func(a *ConvAttrs) { a.Pad[3] = -1 }, x, w, "padding"},
		{"huge-pad", func(a *ConvAttrs) { a.Pad[0] = math.MaxInt }, x, w, "padding"},
		{"groups", func(a *ConvAttrs) { a.Groups = 0 }, x, w, "groups is 0"},
		{"channels", func(a *ConvAttrs) { a.Groups = 2 }, x, w, "multiples of groups"},
		{"window", func(a *ConvAttrs) {}, x, []int{2, 2, 5, 1}, "spans 5 elements"},
		{"rank", func(a *ConvAttrs) {}, []int{2, 4, 4}, w, "rank 4"},
	} {
		a := ok
		c.with(&a)
		_, err := Conv2d.Specs(a, []Spec{{dtype.F32, c.x}, {dtype.F32, c.w}})
		if err == nil || !strings.Contains(err.Error(), c.rule) {
			t.Errorf("%s: error %v does not say %q", c.name, err, c.rule)
		}
	}
	_, err := Conv2d.Specs(ok, []Spec{{dtype.F32, x}, {dtype.F64, w}})
	if typed := new(DTypeError); !errors.As(err, &typed) {
		t.Errorf("mixed types: %v, want a DTypeError", err)
	}
	_, err = Conv2dGradInput.Specs(ConvGradAttrs{ok, []int{1, 2, 9, 9}}, []Spec{{dtype.F32, []int{1, 2, 2, 2}}, {dtype.F32, w}})
	if typed := new(ShapeError); !errors.As(err, &typed) {
		t.Errorf("gradient of another shape: %v, want a ShapeError", err)
	}
}
