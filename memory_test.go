package crease_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"

	_ "github.com/crease-ml/crease/opencl"
)

// huge is more elements than any machine has room for.
const huge = 1 << 40

// compiled calls a function of one tensor as a graph.
func compiled(f func(*crease.Tensor) *crease.Tensor, x *crease.Tensor) {
	crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{f(in[0])} }).Call(x)
}

// everyDevice opens the devices that are here.
func everyDevice(t *testing.T) (list []*crease.Device) {
	t.Helper()
	for _, name := range []string{"cpu", "cpu/generic", "opencl"} {
		d, err := crease.Open(name)
		if err != nil {
			t.Logf("%s is not here: %v", name, err)
			continue
		}
		list = append(list, d)
	}
	return list
}

// Requests beyond the machine's memory are errors that Try catches, on every device and
// in every way of asking; none ends the process or takes long.
func TestBeyondMemory(t *testing.T) {
	defer hostmem.SetBudget(1 << 30)() // whatever the machine has
	for _, d := range everyDevice(t) {
		on := crease.On(d)
		for name, f := range map[string]func(view *crease.Tensor){
			"zeros":      func(*crease.Tensor) { crease.Zeros([]int{huge}, on) },
			"full":       func(*crease.Tensor) { crease.Full([]int{1 << 20, 1 << 20}, 7, on) },
			"rand":       func(*crease.Tensor) { crease.Rand([]int{huge}, on) },
			"randn":      func(*crease.Tensor) { crease.Randn([]int{huge}, on) },
			"eye":        func(*crease.Tensor) { crease.Eye(1<<20, on) },
			"arange":     func(*crease.Tensor) { crease.Arange(0.0, 1<<32, 1, on, crease.As(dtype.F64)) },
			"linspace":   func(*crease.Tensor) { crease.Linspace(0, 1, 1<<50, on) },
			"host":       func(v *crease.Tensor) { v.Host() },
			"floats":     func(v *crease.Tensor) { v.Floats() },
			"data":       func(v *crease.Tensor) { crease.Data[float32](v) },
			"copy":       func(v *crease.Tensor) { v.Copy() },
			"neg":        func(v *crease.Tensor) { v.Neg() },
			"add":        func(v *crease.Tensor) { v.Add(v) },
			"cast":       func(v *crease.Tensor) { v.Cast(dtype.F64) },
			"cast half":  func(v *crease.Tensor) { v.Cast(dtype.BF16) },
			"where":      func(v *crease.Tensor) { crease.Where(v.Gt(v), v, v) },
			"concat":     func(v *crease.Tensor) { crease.Concat(0, v, v) },
			"softmax":    func(v *crease.Tensor) { v.Softmax(0) },
			"reshape":    func(v *crease.Tensor) { v.Reshape(1<<20, 1<<20).Neg() },
			"matmul":     func(v *crease.Tensor) { v.Reshape(huge, 1).MatMul(crease.Ones([]int{1, 2}, on)) },
			"outer":      func(v *crease.Tensor) { v.Narrow(0, 0, 1<<20).Reshape(1<<20, 1).Mul(v.Narrow(0, 0, 1<<20)) },
			"mask":       func(v *crease.Tensor) { v.Eq(v) },
			"half float": func(*crease.Tensor) { crease.Ones([]int{1}, on, crease.As(dtype.F16)).Expand(huge).Exp() },
			"integers":   func(*crease.Tensor) { crease.Ones([]int{1}, on, crease.As(dtype.I64)).Expand(huge).Neg() },
			"small type": func(*crease.Tensor) {
				crease.Ones([]int{1}, on, crease.As(dtype.U8)).Expand(huge).Add(crease.Ones([]int{1}, on, crease.As(dtype.U8)))
			},
			"assign":    func(v *crease.Tensor) { crease.Zeros([]int{huge}, on).Assign(v) },
			"from host": func(*crease.Tensor) { crease.FromHost(ops.NewHost(ops.Spec{DType: dtype.F32, Shape: []int{huge}}), on) },
			"take": func(v *crease.Tensor) {
				crease.Ones([]int{4}, on).Take(0, crease.Zeros([]int{1}, on, crease.As(dtype.I64)).Expand(huge))
			},
			"one hot": func(*crease.Tensor) { crease.Zeros([]int{1}, on, crease.As(dtype.I64)).Expand(huge).OneHot(1 << 10) },
			"gradient": func(*crease.Tensor) {
				crease.Ones([]int{1}, on, crease.RequireGrad()).Expand(huge).Exp().Sum().Backward()
			},
			"compiled": func(v *crease.Tensor) { compiled(func(x *crease.Tensor) *crease.Tensor { return x.Exp().Neg() }, v) },
		} {
			done := make(chan error, 1)
			go func() {
				done <- crease.Try(func() {
					crease.Tidy(func() []*crease.Tensor {
						f(crease.Ones([]int{1}, on).Expand(huge))
						return nil
					})
				})
			}()
			select {
			case err := <-done:
				var attr *ops.AttrError
				var size *ops.ShapeError // of more bytes than any buffer has
				if !errors.Is(err, hal.ErrOutOfMemory) && !errors.As(err, &attr) && !errors.As(err, &size) {
					t.Errorf("%s on %s: %v", name, d, err)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s on %s takes long", name, d)
			}
		}
		// Nothing is broken by all that.
		if got := crease.Ones([]int{3}, on).Sum().Item(); got != 3 {
			t.Errorf("%s: the sum of three ones is %v", d, got)
		}
	}
}

// Printing reads the corners of what is large: a view of a trillion elements, and a matrix
// for which there is no memory on the host.
func TestPrintReadsCorners(t *testing.T) {
	for _, d := range everyDevice(t) {
		on := crease.On(d)
		if got := crease.Full([]int{1}, 7, on).Expand(huge).String(); got != "[7. 7. 7. ... 7. 7. 7.]" {
			t.Errorf("%s: %s", d, got)
		}
		wide := crease.Full([]int{1, 1}, 7, on).Expand(1<<20, 1<<20).String()
		if !strings.HasPrefix(wide, "[[7. 7. 7. ... 7. 7. 7.]\n [7. 7.") || strings.Count(wide, "\n") != 6 {
			t.Errorf("%s: %s", d, wide)
		}
		big := crease.Rand([]int{1000, 1000}, on)
		want := big.Narrow(0, 0, 1).Host() // whose first row is seen
		restore := hostmem.SetBudget(100_000)
		text := big.String()
		restore()
		if first := fmt.Sprintf("%.8f", want.At(0)); !strings.HasPrefix(text, "[["+first[:6]) {
			t.Errorf("%s: %q does not begin with %s", d, text, first)
		}
		big.Free()
	}
}

// What is printed of the corners is what NumPy prints of the whole.
func TestCornersAreThoseOfTheWhole(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	for range 60 {
		dims := make([]int, 1+r.IntN(4))
		for i := range dims {
			dims[i] = []int{1, 2, 6, 7, 40, 1500}[r.IntN(6)]
		}
		n, err := shape.Elements(dims)
		if err != nil || n > 1<<20 {
			continue
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(r.IntN(2000)-1000) / 8
		}
		x := crease.From(values, dims)
		if len(dims) > 1 {
			x = x.Transpose(0, len(dims)-1)
		}
		if got, want := x.String(), crease.PrintHost(x.Host()); got != want {
			t.Errorf("%v: printed as\n%s\nthe whole is\n%s", x.Shape(), got, want)
		}
	}
}

// Data that is shorter than its shape, or longer, is refused, eager and compiled.
func TestFromHostChecksItsLength(t *testing.T) {
	for _, bytes := range []int{0, 4, 23, 25, 48} {
		h := ops.Host{Spec: ops.Spec{DType: dtype.F32, Shape: []int{2, 3}}, Data: make([]byte, bytes)}
		var bad *ops.ShapeError
		if err := crease.Try(func() { crease.FromHost(h) }); !errors.As(err, &bad) {
			t.Errorf("%d bytes for 24: %v", bytes, err)
		}
		err := crease.Try(func() {
			compiled(func(x *crease.Tensor) *crease.Tensor { return x.Add(crease.FromHost(h)) }, crease.Ones([]int{2, 3}))
		})
		if !errors.As(err, &bad) {
			t.Errorf("%d bytes for 24, compiled: %v", bytes, err)
		}
	}
}

// Long chains cost about the same for every op, forward and backward, and so do Free and
// Keep in a Tidy of many tensors. What scanned a list for each would cost a hundred times
// as much in the long one.
func TestLongChains(t *testing.T) {
	perOp := func(n int) (chain, list time.Duration) {
		start := time.Now()
		crease.Tidy(func() []*crease.Tensor {
			x := crease.Ones([]int{2}, crease.RequireGrad())
			y := x
			for range n {
				y = y.AddScalar(1)
			}
			y.Sum().Backward()
			if g := crease.Data[float32](x.Grad()); g[0] != 1 || g[1] != 1 {
				t.Errorf("the gradient through %d ops is %v", n, g)
			}
			return nil
		})
		chain = time.Since(start) / time.Duration(n)
		start = time.Now()
		crease.Tidy(func() []*crease.Tensor {
			x := crease.Ones([]int{2})
			all := make([]*crease.Tensor, n)
			for i := range all {
				all[i] = x.AddScalar(1)
			}
			for i, y := range all {
				if i%2 == 0 {
					y.Keep()
				}
				y.Free()
			}
			return nil
		})
		return chain, time.Since(start) / time.Duration(n)
	}
	perOp(1000) // warms
	chain, list := perOp(1000)
	longChain, longList := perOp(100_000)
	if longChain > 30*chain || longList > 30*list {
		t.Errorf("an op of a chain of 1000 takes %v and of 100,000 %v; freed %v and %v", chain, longChain, list, longList)
	}
}

// A row costs few allocations: those of two views (measured: 9), and none that grow with
// the parts of the index.
func TestAllocationsOfSlice(t *testing.T) {
	m := crease.Ones([]int{4, 3, 2, 5})
	for name, f := range map[string]func(){
		"a row":   func() { m.Slice(crease.At(1)).Free() },
		"a place": func() { m.Index(1, 2, 0, 3).Free() },
	} {
		if n := testing.AllocsPerRun(200, f); n > 13 {
			t.Errorf("%s takes %v allocations", name, n)
		}
	}
}
