package conform_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// spy runs on the host and notes which rows are applied.
type spy struct {
	ops.Interpreter
	seen []*ops.Op
}

func (s *spy) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	s.seen = append(s.seen, op)
	return s.Interpreter.Apply(op, attrs, in...)
}

func (s *spy) multiplies() bool {
	return slices.ContainsFunc(s.seen, func(op *ops.Op) bool { return op.Tol.Products })
}

// A row that is made of matrix products says so, as its kernels may use the units of a
// device that multiply coarsely. No other says so, or its bounds would be too wide.
func TestRowsSayThatTheyMultiply(t *testing.T) {
	for _, op := range ops.All() {
		lowered, derived := &spy{}, &spy{}
		for _, c := range op.Cases {
			if c.Types != nil && !slices.Contains(c.Types, dtype.F32) || !slices.Contains(op.Types, dtype.F32) || len(c.In) == 0 {
				continue
			}
			r := rand.New(rand.NewPCG(1, 1))
			var in []ops.Value
			var vars []*autograd.Var
			for _, a := range c.In {
				v := &ops.HostValue{Host: a.Make(dtype.F32, r)}
				x, err := autograd.NewVar(v, v.Spec().DType.IsFloat())
				if err != nil {
					t.Fatal(err)
				}
				in, vars = append(in, v), append(vars, x)
			}
			if op.Lower != nil {
				op.Lower(lowered, c.Attrs, in)
			}
			if !op.Differentiable() {
				continue
			}
			out := autograd.Apply(derived, true, op, c.Attrs, vars...)[0]
			if !out.RequiresGrad() {
				continue
			}
			for _, x := range vars {
				if x.RequiresGrad() {
					_, _ = autograd.Grad(derived, []*autograd.Var{out}, []ops.Value{ops.Ones(derived, out.Spec())}, []*autograd.Var{x}, autograd.Options{Retain: true})
				}
			}
		}
		if op.Kind == ops.Composite && op.Tol.Products != lowered.multiplies() {
			t.Errorf("%s: it lowers to products: %v, and its tolerance says %v", op.Name, lowered.multiplies(), op.Tol.Products)
		}
		if derived.multiplies() && !op.GradTol.Products {
			t.Errorf("%s: its gradient has products, and its tolerance does not say so", op.Name)
		}
	}
}

// coarse is a device of host memory whose products of matrices round their operands to
// a type and add up in float32, as matrix units do. Everything else is exact.
func coarse(operands dtype.Type, declared map[dtype.Type]hal.Precision) hal.Device {
	types := map[dtype.Type]hal.Support{dtype.F32: hal.Accelerated, dtype.F64: hal.Storage, dtype.I32: hal.Arithmetic, dtype.I64: hal.Arithmetic, dtype.Bool: hal.Arithmetic}
	d := hostdev.New(hal.Info{Name: "coarse", Kind: "coarse", DTypes: types, Products: declared})
	d.Kernels().Add(
		&hal.Kernel{Key: hal.Key{Op: "matmul", DType: dtype.F32}, Name: "matmul_coarse", Run: func(_ hal.Stream, c *hal.Call) error {
			x, y, z := c.In[0], c.In[1], c.Out[0]
			rank := len(z.Shape)
			a, b, out := narrowed(x, operands), narrowed(y, operands), floats(z)
			m, n, k := z.Shape[rank-2], z.Shape[rank-1], x.Shape[len(x.Shape)-1]
			lead := z.Shape[:rank-2]
			batch := func(v hal.View) []int {
				strides, err := shape.BroadcastStrides(v.Shape[:len(v.Shape)-2], shape.Strides(v.Shape[:len(v.Shape)-2]), lead)
				if err != nil {
					panic(err)
				}
				return strides
			}
			it := shape.NewIterator(lead, batch(x), batch(y))
			for at := 0; it.Next(); at += m * n {
				multiply(out[at:at+m*n], a[it.Offsets()[0]*m*k:], b[it.Offsets()[1]*k*n:], m, n, k, n, 1)
			}
			return nil
		}},
		&hal.Kernel{Key: hal.Key{Op: "linear", DType: dtype.F32}, Name: "linear_coarse", Run: func(_ hal.Stream, c *hal.Call) error {
			x, w, out := c.In[0], c.In[1], floats(c.Out[0])
			n, k := w.Shape[0], w.Shape[1]
			multiply(out, narrowed(x, operands), narrowed(w, operands), c.Out[0].Elements()/max(n, 1), n, k, 1, k)
			for i := range out {
				if len(c.In) == 3 {
					out[i] += floats(c.In[2])[i%n]
				}
				switch v := float64(out[i]); c.Attrs.(ops.LinearAttrs).Act {
				case "relu":
					out[i] = max(out[i], 0)
				case "tanh":
					out[i] = float32(math.Tanh(v))
				case "sigmoid":
					out[i] = float32(1 / (1 + math.Exp(-v)))
				}
			}
			return nil
		}})
	return d
}

// multiply is out [m, n] of a [m, k] and b, whose rows and columns lie so many numbers
// apart.
func multiply(out, a, b []float32, m, n, k, row, column int) {
	for i := range m {
		for j := range n {
			var sum float32
			for p := range k {
				sum += a[i*k+p] * b[p*row+j*column]
			}
			out[i*n+j] = sum
		}
	}
}

func floats(v hal.View) []float32 {
	if v.Elements() == 0 {
		return nil
	}
	return dtype.Slice[float32](hostdev.Bytes(v.Buf)[4*v.Offset:][:4*v.Elements()])
}

// narrowed is a view's numbers, rounded to a type.
func narrowed(v hal.View, t dtype.Type) []float32 {
	in := dtype.Bytes(floats(v))
	small, out := make([]byte, v.Elements()*t.Size()), make([]float32, v.Elements())
	dtype.Convert(small, t, in, dtype.F32)
	dtype.Convert(dtype.Bytes(out), dtype.F32, small, t)
	return out
}

// bfloat16 is what a device says that multiplies float32 operands in bfloat16.
var bfloat16 = map[dtype.Type]hal.Precision{dtype.F32: {Multiply: 8, Accumulate: 24}}

// A device that multiplies coarsely and says so passes the whole suite: by its own
// kernels, by rows that lower to them, and in gradients.
func TestCoarseProductsPassWhenDeclared(t *testing.T) {
	conform.Run(t, coarse(dtype.BF16, bfloat16))
}

// Without the declaration, or with a coarser type than declared, it fails, and only in
// rows that are made of products.
func TestCoarseProductsFailOtherwise(t *testing.T) {
	for name, dev := range map[string]hal.Device{
		"undeclared": coarse(dtype.BF16, nil),
		"worse":      coarse(dtype.F8E4M3, bfloat16),
	} {
		for _, op := range ops.All() {
			passes := conform.Passes(dev, op)
			switch products := op.Tol.Products || op.GradTol.Products; {
			case !products && !passes:
				t.Errorf("%s: %s fails, which has no products", name, op.Name)
			case products && passes:
				t.Errorf("%s: %s passes", name, op.Name)
			}
		}
	}
}
