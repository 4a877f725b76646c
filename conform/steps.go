package conform

import (
	"math/rand/v2"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// program is the function of a random program. It draws the same numbers every time, so
// that eager and recorded it is the same.
func (w *world) program(p Program) func(in ...*tensor) []*tensor {
	return func(in ...*tensor) []*tensor {
		x := &stepper{world: w, r: rand.New(rand.NewPCG(p.Seed, 2)), in: in}
		x.values = append(append(x.values, in...), w.captured...)
		for range p.Steps {
			x.step()
		}
		var out []*tensor
		for range 1 + x.r.IntN(3) {
			out = append(out, x.any())
		}
		return out
	}
}

// stepper is a random program that runs.
type stepper struct {
	*world
	r      *rand.Rand
	in     []*tensor
	values []*tensor // the operands to draw from: float32, small
}

func (s *stepper) push(list ...*tensor) {
	for _, t := range list {
		if t.Len() > 0 && t.Len() <= 256 && t.DType() == dtype.F32 {
			s.values = append(s.values, t)
		}
	}
}

func (s *stepper) any() *tensor { return s.values[s.r.IntN(len(s.values))] }

// recent is one of the last values, so that chains grow.
func (s *stepper) recent() *tensor {
	n := len(s.values)
	return s.values[n-1-s.r.IntN(min(n, 4))]
}

// like is a value with the spec of another, which may be that one.
func (s *stepper) like(t *tensor) *tensor {
	for range 20 {
		if v := s.any(); v.Spec().Equal(t.Spec()) {
			return v
		}
	}
	return t.MulScalar(0.5)
}

// fits is a value that broadcasts with another.
func (s *stepper) fits(t *tensor) *tensor {
	for range 20 {
		v := s.any()
		if _, err := ops.Add.Specs(nil, []ops.Spec{t.Spec(), v.Spec()}); err == nil {
			return v
		}
	}
	return t
}

// steps are what a program may do next, some more often.
var steps = []func(*stepper, *tensor){
	(*stepper).unary, (*stepper).unary, (*stepper).unary,
	(*stepper).binary, (*stepper).binary, (*stepper).binary, (*stepper).binary,
	(*stepper).scale, (*stepper).choose, (*stepper).integers,
	(*stepper).matmul, (*stepper).linear, (*stepper).conv, (*stepper).rows,
	(*stepper).slice, (*stepper).reshape, (*stepper).copies, (*stepper).constants, (*stepper).concat,
	(*stepper).assign, (*stepper).assign, (*stepper).assign,
	(*stepper).identities, (*stepper).random, (*stepper).gradient, (*stepper).tidy,
}

func (s *stepper) step() { steps[s.r.IntN(len(steps))](s, s.recent()) }

func (s *stepper) unary(x *tensor) {
	list := []func() *tensor{x.Neg, x.Relu, x.Tanh, x.Abs, x.Sin, x.Sigmoid, x.Step, x.Floor}
	s.push(list[s.r.IntN(len(list))]())
}

func (s *stepper) binary(x *tensor) {
	y := s.fits(x)
	if s.r.IntN(4) == 0 {
		y = x
	}
	list := []func(*tensor) *tensor{x.Add, x.Mul, x.Sub, x.Max, y.Sub, x.Add}
	s.push(list[s.r.IntN(len(list))](y))
}

func (s *stepper) scale(x *tensor) { s.push(x.MulScalar(float64(s.r.IntN(5)-2) / 2)) }

func (s *stepper) choose(x *tensor) {
	y := s.fits(x)
	c := x.Gt(y)
	if s.r.IntN(2) == 0 {
		c = c.And(x.Lt(crease.OnesLike(x)))
	}
	s.push(crease.Where(c, x, y), c.Cast(dtype.F32))
}

func (s *stepper) integers(x *tensor) {
	n := x.MulScalar(3).Cast(dtype.I32)
	s.push(n.Add(n).Max(n.Neg()).Cast(dtype.F32))
}

func (s *stepper) matmul(x *tensor) {
	if x.Rank() != 2 {
		return
	}
	if y := s.any(); y.Rank() == 2 && x.Dim(1) == y.Dim(0) {
		s.push(x.MatMul(y))
	} else {
		s.push(x.MatMul(x.T()))
	}
}

// linear is a layer with or without its bias and activation.
func (s *stepper) linear(x *tensor) {
	if x.Rank() == 0 || x.Dim(-1) != 4 {
		return
	}
	w, t := s.leaves[0], dtype.F32
	if s.r.IntN(4) == 0 && s.dev.HAL().Info().Supports(dtype.F16) >= hal.Storage {
		t = dtype.F16 // rounded between ops, so that fewer of them can be one
		x, w = x.Cast(t), w.Cast(t)
	}
	y := crease.Apply(ops.Linear, ops.LinearAttrs{}, x, w)[0]
	if s.r.IntN(4) == 0 { // what was read changes before the result is used
		s.change(x)
	}
	if s.r.IntN(2) == 0 {
		y = y.Add(crease.From([]float32{1, 2, 3}, nil, s.on).Cast(t))
	}
	switch s.r.IntN(4) {
	case 0:
		y = y.Relu()
	case 1:
		y = y.Tanh()
	case 2:
		y = y.Sigmoid()
	}
	s.push(y.Cast(dtype.F32))
}

// conv is a convolution of planes, which then has two channels, with or without a bias and
// activation.
func (s *stepper) conv(x *tensor) {
	if x.Len() < 4 || x.Len()%2 != 0 || x.Len() > 48 {
		return
	}
	w := s.numbersOf(s.r, []int{2, 1, 1, 2})
	y := crease.Apply(ops.Conv2d, ops.ConvAttrs{Stride: [2]int{1, 1}, Dilation: [2]int{1, 1}, Groups: 1}, x.Reshape(1, 1, 2, x.Len()/2), w)[0]
	if s.r.IntN(2) == 0 {
		y = y.Add(s.numbersOf(s.r, []int{2, 1, 1}))
	}
	if s.r.IntN(2) == 0 {
		y = y.Relu()
	}
	s.push(y, y.Reshape(-1))
}

// numbersOf is numbers by another source, which is the same every time the program runs.
func (w *world) numbersOf(r *rand.Rand, dims []int) *tensor {
	other := *w
	other.r = r
	return other.numbers(dims)
}

// rows are ops that mix the elements along an axis.
func (s *stepper) rows(x *tensor) {
	if x.Rank() == 0 {
		return
	}
	axis := s.r.IntN(x.Rank())
	y := x.Softmax(axis)
	s.push(x.Sum(axis), y, x.Sub(x.Mean(axis).Unsqueeze(axis)))
	// An operand twice, of which the kernel may write over one.
	s.push(crease.Apply(ops.SoftmaxGrad, ops.AxisAttrs{Axis: axis}, y, y)[0])
}

func (s *stepper) slice(x *tensor) {
	if x.Rank() == 0 {
		return
	}
	axis := s.r.IntN(x.Rank())
	n := x.Dim(axis)
	ranges := make([]crease.Range, axis+1)
	for i := range ranges {
		ranges[i] = crease.All()
	}
	if ranges[axis] = crease.Span(s.r.IntN(n), n); s.r.IntN(3) == 0 {
		ranges[axis] = crease.Span(crease.Omit, crease.Omit, -1)
	}
	s.push(x.Slice(ranges...))
}

func (s *stepper) reshape(x *tensor) {
	if x.Rank() > 1 {
		s.push(x.Transpose(0, x.Rank()-1))
	}
	s.push(x.Reshape(-1))
}

func (s *stepper) copies(x *tensor) { s.push(x.Detach(), x.Copy()) }

func (s *stepper) constants(x *tensor) {
	s.push(crease.Full(x.Shape(), float64(s.r.IntN(3)), s.on), crease.From([]float32{1, -2, 3, 0}, nil, s.on).Neg())
}

func (s *stepper) concat(x *tensor) {
	if x.Rank() > 0 {
		s.push(crease.Concat(0, x, s.like(x)))
	}
}

// assign assigns to whatever can be assigned to.
func (s *stepper) assign(*tensor) { s.change(s.any()) }

// change assigns to a tensor, if it can be assigned to.
func (s *stepper) change(t *tensor) {
	if t.RequiresGrad() || !assignable(t) {
		return
	}
	v := s.like(t).Detach()
	if s.r.IntN(2) == 0 {
		t.Assign(v)
	} else {
		crease.ApplyInto(ops.Add, nil, []*tensor{t, v}, []*tensor{t})
	}
}

// identities are what passes drop.
func (s *stepper) identities(x *tensor) {
	wide := dtype.F64
	if s.dev.HAL().Info().Supports(wide) < hal.Storage {
		wide = dtype.F32
	}
	s.push(x.Cast(wide).Cast(dtype.F32), x.Neg().Neg(), x.Mul(crease.Scalar(1, s.on)), x.T().T())
}

func (s *stepper) random(x *tensor) {
	s.push(crease.RandUniform(x.Shape(), -1, 1, s.on, crease.By(s.gen)))
}

// gradient differentiates by a leaf, and may then take a step along it.
func (s *stepper) gradient(*tensor) {
	leaf := s.leaves[s.r.IntN(2)]
	factor := crease.OnesLike(leaf)
	if v := s.any(); v.Spec().Equal(leaf.Spec()) {
		factor = v.Detach()
	}
	y := leaf.Mul(factor).Tanh()
	if y.Rank() > 1 {
		y = y.Add(y.Narrow(0, 0, 1)).Mul(y.Narrow(0, 1, 1))
	}
	if s.r.IntN(2) == 0 {
		s.push(crease.Grad([]*tensor{y.Sum()}, []*tensor{leaf})[0])
		return
	}
	y.Square().Sum().Backward()
	g := leaf.Grad()
	crease.NoGrad(func() { leaf.Assign(leaf.Sub(g.MulScalar(0.125))) })
	s.push(g.Copy())
	leaf.ZeroGrad()
}

func (s *stepper) tidy(x *tensor) {
	s.push(crease.Tidy1(func() *tensor { return x.Add(x).Mul(x).Relu().MulScalar(0.25) }))
}
