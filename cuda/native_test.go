package cuda

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/cuda/emulate"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// product runs a matrix product by a kernel of that name and compares it with sums in
// float64 of the same 16-bit numbers.
func product(t *testing.T, d hal.Device, kernel string, dt dtype.Type, xs, ys []int, xt, yt bool, off int) {
	t.Helper()
	view := func(dims []int, transposed bool) hal.View {
		v := hal.View{DType: dt, Shape: dims, Strides: shape.Strides(dims)}
		if n := len(dims); transposed {
			lain := shape.Clone(dims)
			lain[n-1], lain[n-2] = lain[n-2], lain[n-1]
			v.Strides = shape.Strides(lain)
			v.Strides[n-1], v.Strides[n-2] = v.Strides[n-2], v.Strides[n-1]
		}
		return v
	}
	x, y := view(xs, xt), view(ys, yt)
	zs := append(shape.Clone(xs[:len(xs)-1]), ys[len(ys)-1])
	call := &hal.Call{Op: ops.MatMul.Name, Attrs: nil, In: []hal.View{x, y}, Out: []hal.View{view(zs, false)}}
	var k *hal.Kernel
	for _, c := range d.Kernels().For(ops.MatMul.Name) {
		if c.Name == kernel && c.Takes(call) {
			k = c
		}
	}
	if k == nil {
		t.Fatalf("no kernel %s takes %v x %v", kernel, xs, ys)
	}
	s, err := d.NewStream()
	must(t, err)
	fill := func(v *hal.View) []float64 {
		n := v.Elements()
		raw, values := make([]byte, 2*(n+off)), make([]float64, n)
		for i := range n {
			dtype.Store(raw[2*off:], dt, i, rand.Float64()*2-1)
			values[i] = dtype.Load(raw[2*off:], dt, i)
		}
		b, err := d.Alloc(len(raw))
		must(t, err)
		must(t, s.Upload(b, 0, raw))
		v.Buf, v.Offset = b, off
		return values
	}
	xv, yv := fill(&call.In[0]), fill(&call.In[1])
	fill(&call.Out[0])
	must(t, k.Do(s, call))
	n := call.Out[0].Elements()
	got := make([]byte, 2*n)
	must(t, s.Download(got, call.Out[0].Buf, 2*off))
	must(t, s.Sync())
	M, N, K := zs[len(zs)-2], zs[len(zs)-1], xs[len(xs)-1]
	at := func(v hal.View, b, r, c int) int {
		i, r2 := 0, len(v.Shape)
		if r2 == 3 {
			i = b * v.Strides[0]
		}
		return i + r*v.Strides[r2-2] + c*v.Strides[r2-1]
	}
	for i := range n {
		b, m, c := i/(M*N), i/N%M, i%N
		want, size := 0.0, 0.0
		for l := range K {
			p := xv[at(call.In[0], b, m, l)] * yv[at(call.In[1], b, l, c)]
			want += p
			size += math.Abs(p)
		}
		tol := ops.Epsilon(dt)*math.Abs(want) + 1e-6*size
		if v := dtype.Load(got, dt, i); !(math.Abs(v-want) <= tol) {
			t.Fatalf("%s, %v x %v: element %d is %v, want %v", kernel, xs, ys, i, v, want)
		}
	}
	for _, v := range []hal.View{call.In[0], call.In[1], call.Out[0]} {
		v.Buf.Free()
	}
}

// The product by tensor cores is right for ragged sizes, both orders of the right factor,
// batches, and operands that do not lie on 16 bytes.
func TestTensorProduct(t *testing.T) {
	dev := conform.Open(t, tested())
	for _, dt := range []dtype.Type{dtype.BF16, dtype.F16} {
		for _, c := range []struct {
			x, y []int
			yt   bool
			off  int
		}{
			{[]int{64, 64}, []int{64, 64}, false, 0},
			{[]int{64, 32}, []int{32, 64}, true, 0},
			{[]int{70, 40}, []int{40, 90}, false, 0},
			{[]int{70, 40}, []int{40, 90}, true, 8},
			{[]int{65, 33}, []int{33, 129}, false, 3},
			{[]int{17, 100}, []int{100, 7}, true, 1},
			{[]int{3, 66, 24}, []int{3, 24, 72}, false, 0},
			{[]int{2, 5, 8}, []int{2, 8, 9}, true, 0},
		} {
			product(t, dev, "matmul_tensor_"+dt.String(), dt, c.x, c.y, false, c.yt, c.off)
		}
	}
}

// edited is a driver that changes the PTX it is given.
type edited struct {
	*emulate.Driver
	old, by string
	hits    int
}

func (e *edited) ModuleLoad(text []byte) (driver.Module, string, driver.Result) {
	e.hits += strings.Count(string(text), e.old)
	return e.Driver.ModuleLoad([]byte(strings.ReplaceAll(string(text), e.old, e.by)))
}

// Mistakes in the pipeline of copies are found.
func TestPlantedInPipeline(t *testing.T) {
	for name, c := range map[string]struct{ old, by, says string }{
		"no wait":        {"cp.async.wait_group 1;", "", "before the asynchronous copy to it was waited for"},
		"waits too late": {"cp.async.wait_group 1;", "cp.async.wait_group 2;", "before the asynchronous copy to it was waited for"},
		"no barriers":    {"bar.sync 0;", "", "a race"},
		"no commit":      {"cp.async.commit_group;", "", "asynchronous copy"},
		"never waited":   {"cp.async.wait_group", "// ", ""},
		"misaligned":     {", 16;", ", 8;", "nobody has written"},
	} {
		t.Run(name, func(t *testing.T) {
			drv := &edited{Driver: emulate.New(1), old: c.old, by: c.by}
			d, err := openDriver(func() (driver.Driver, error) { return drv, nil }, 0, emulated, false)
			must(t, err)
			defer d.Close()
			call := &hal.Call{Op: ops.MatMul.Name}
			for range 3 {
				call.In = append(call.In, hal.View{DType: dtype.BF16, Shape: []int{128, 128}, Strides: []int{128, 1}})
			}
			call.Out, call.In = call.In[2:], call.In[:2]
			s, err := d.NewStream()
			must(t, err)
			for _, v := range []*hal.View{&call.In[0], &call.In[1], &call.Out[0]} {
				v.Buf, err = d.Alloc(2 * 128 * 128)
				must(t, err)
				must(t, s.Upload(v.Buf, 0, make([]byte, 2*128*128)))
			}
			for _, k := range d.Kernels().For(ops.MatMul.Name) {
				if k.Name == "matmul_tensor_bf16" {
					must(t, k.Do(s, call))
				}
			}
			err = s.Sync()
			if drv.hits == 0 || !errors.Is(err, hal.ErrDeviceLost) || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "matmul_tensor") {
				t.Errorf("%v, want %q (%d places changed)", err, c.says, drv.hits)
			}
		})
	}
}

// Attention by tensor cores, with lengths that fill no tile, shared keys and a mask of
// what comes later, is that of sums in float64 but for weights of 16 bits.
func TestTensorAttention(t *testing.T) {
	dev := conform.Open(t, tested())
	for _, c := range []struct {
		heads, kv, l, s, d, e int
		causal                bool
	}{
		{1, 1, 64, 32, 16, 16, false}, {2, 2, 70, 50, 32, 16, false}, {4, 2, 33, 65, 16, 48, false}, {2, 1, 65, 65, 64, 64, true}, {1, 1, 20, 90, 128, 128, true},
	} {
		for _, dt := range []dtype.Type{dtype.BF16, dtype.F16} {
			attend(t, dev, dt, c.heads, c.kv, c.l, c.s, c.d, c.e, c.causal)
		}
	}
}

func attend(t *testing.T, d hal.Device, dt dtype.Type, heads, kv, l, s, dim, e int, causal bool) {
	t.Helper()
	shapes := [][]int{{heads, l, dim}, {kv, s, dim}, {kv, s, e}, {heads, l, e}, {heads, l}}
	stream, err := d.NewStream()
	must(t, err)
	var views []hal.View
	var values [][]float64
	for _, dims := range shapes {
		v := hal.View{DType: dt, Shape: dims, Strides: shape.Strides(dims)}
		n := v.Elements()
		raw, list := make([]byte, 2*n), make([]float64, n)
		for i := range n {
			dtype.Store(raw, dt, i, rand.NormFloat64())
			list[i] = dtype.Load(raw, dt, i)
		}
		v.Buf, err = d.Alloc(len(raw))
		must(t, err)
		must(t, stream.Upload(v.Buf, 0, raw))
		views, values = append(views, v), append(values, list)
	}
	call := &hal.Call{Op: ops.Attention.Name, Attrs: ops.AttentionAttrs{Causal: causal}, In: views[:3], Out: views[3:]}
	name, found := "attention_tensor_"+dt.String(), false
	for _, k := range d.Kernels().For(ops.Attention.Name) {
		if k.Name == name && k.Takes(call) {
			found = true
			must(t, k.Do(stream, call))
		}
	}
	if !found {
		t.Fatalf("no kernel %s takes the call", name)
	}
	got := make([]byte, 2*heads*l*e)
	lse := make([]byte, 2*heads*l)
	must(t, stream.Download(got, views[3].Buf, 0))
	must(t, stream.Download(lse, views[4].Buf, 0))
	must(t, stream.Sync())
	for h := range heads {
		own := h / (heads / kv)
		for i := range l {
			var weights []float64
			total := 0.0
			for j := range s {
				dot := 0.0
				for c := range dim {
					dot += values[0][(h*l+i)*dim+c] * values[1][(own*s+j)*dim+c]
				}
				w := math.Exp(dot / math.Sqrt(float64(dim)))
				if causal && j > i+s-l {
					w = 0
				}
				weights, total = append(weights, w), total+w
			}
			if want, have := math.Log(total), dtype.Load(lse, dt, h*l+i); math.Abs(want-have) > 2*ops.Epsilon(dt)*math.Max(1, math.Abs(want)) {
				t.Fatalf("%s of %v: lse %d is %v, want %v", name, shapes, h*l+i, have, want)
			}
			for c := range e {
				want, size := 0.0, 0.0
				for j, w := range weights {
					want += w / total * values[2][(own*s+j)*e+c]
					size += w / total * math.Abs(values[2][(own*s+j)*e+c])
				}
				if have := dtype.Load(got, dt, (h*l+i)*e+c); !(math.Abs(have-want) <= 2*ops.Epsilon(dt)*size) {
					t.Fatalf("%s of %v: row %d of head %d is %v, want %v", name, shapes, i, h, have, want)
				}
			}
		}
	}
	for _, v := range views {
		v.Buf.Free()
	}
}
