package crease

import (
	"fmt"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Generator is a stream of random numbers: Philox4x32-10 (Salmon et al. 2011),
// counter-based, so the same seed gives the same bits on every device, eager and
// compiled. Its state is a tensor {seed, offset} that moves on with every draw.
// Several goroutines may draw from one generator, also in compiled functions: every
// draw gets numbers of its own, in the order in which the draws happen.
type Generator struct{ state *Tensor }

// NewGenerator is a generator at the start of a seed's stream.
func NewGenerator(seed uint64, opts ...Option) *Generator {
	if tracing() != nil {
		panic(&ops.AttrError{Op: "generator", Reason: "made inside a function being compiled, it would draw the same numbers in every call: make it outside"})
	}
	return &Generator{From([]uint64{seed, 0}, []int{2}, opts...).Keep()}
}

// State is the tensor {seed, offset}; save it to continue a stream later.
func (g *Generator) State() *Tensor { return g.state }

// Seed restarts the generator at a seed's beginning.
func (g *Generator) Seed(seed uint64) {
	Tidy(func() []*Tensor {
		g.state.Assign(From([]uint64{seed, 0}, []int{2}, On(g.state.dev)))
		return nil
	})
}

// draw runs f on the present state and moves the state on past the Philox blocks
// that n words take.
func (g *Generator) draw(n int, f func(key *Tensor) []*Tensor) []*Tensor {
	if tracing() == nil {
		b := g.state.array("draw").Block()
		b.Hold()
		defer b.LetGo()
	}
	return Tidy(func() []*Tensor {
		out := f(g.state)
		step := From([]uint64{0, ops.PhiloxBlocks(n)}, []int{2}, On(g.state.dev))
		g.state.Assign(apply1(ops.Add, nil, g.state, step))
		return out
	})
}

var generators sync.Map // *Device to *Generator

// DefaultGenerator is the generator that random creation uses on a device when
// no other is given. It starts at seed 0.
func DefaultGenerator(d *Device) *Generator {
	if g, ok := generators.Load(d); ok {
		return g.(*Generator)
	}
	// The first use may be in a function that is being compiled, which captures it.
	l, leave := enter()
	defer leave()
	tr := l.trace
	l.trace = nil
	defer func() { l.trace = tr }()
	g, _ := generators.LoadOrStore(d, NewGenerator(0, On(d)))
	return g.(*Generator)
}

// Seed restarts the default generator of every device used so far, and of the
// default device.
func Seed(seed uint64) {
	DefaultGenerator(mustDefault())
	generators.Range(func(_, g any) bool {
		g.(*Generator).Seed(seed)
		return true
	})
}

// generator is the option's, or the device's.
func (o options) generator() *Generator {
	if o.gen != nil {
		return o.gen
	}
	return DefaultGenerator(o.dev)
}

// drawn is a random tensor of an option's generator.
func (o options) drawn(dims []int, op *ops.Op, attrs any) *Tensor {
	n := ops.Spec{DType: o.dtype, Shape: dims}.Elements()
	return o.finish(o.generator().draw(n, func(key *Tensor) []*Tensor { return Apply(op, attrs, key) })[0])
}

// Rand is uniform in [0, 1).
func Rand(dims []int, opts ...Option) *Tensor { return RandUniform(dims, 0, 1, opts...) }

// RandUniform is uniform in [lo, hi), of which hi is never drawn, and nothing outside by
// rounding.
func RandUniform(dims []int, lo, hi float64, opts ...Option) *Tensor {
	o := collect(opts)
	return o.drawn(dims, ops.Uniform, ops.RandAttrs{DType: o.dtype, Shape: dims, Lo: lo, Hi: hi})
}

// Randn is normal with mean 0 and standard deviation 1.
func Randn(dims []int, opts ...Option) *Tensor { return RandNormal(dims, 0, 1, opts...) }

// RandNormal is normal with a mean and a standard deviation.
func RandNormal(dims []int, mean, std float64, opts ...Option) *Tensor {
	o := collect(opts)
	return o.drawn(dims, ops.Normal, ops.NormalAttrs{DType: o.dtype, Shape: dims, Mean: mean, Std: std})
}

// RandBernoulli is 1 with probability p, else 0.
func RandBernoulli(dims []int, p float64, opts ...Option) *Tensor {
	o := collect(opts)
	return o.drawn(dims, ops.Bernoulli, ops.BernoulliAttrs{DType: o.dtype, Shape: dims, P: p})
}

// RandInt is uniform among the whole numbers lo to hi-1, each as likely as the others
// to 2^-64, of type i64 unless As says otherwise. The type must hold all of them.
func RandInt(dims []int, lo, hi int, opts ...Option) *Tensor {
	o := collect(append([]Option{As(dtype.I64)}, opts...))
	if hi <= lo {
		panic(&ops.AttrError{Op: "rand_int", Reason: fmt.Sprintf("no whole number lies from %d up to and without %d", lo, hi)})
	}
	attrs := ops.RandIntAttrs{DType: o.dtype, Shape: dims, First: int64(lo), Last: int64(hi) - 1}
	if o.dtype.IsInt() {
		return o.blocks(dims, attrs)
	}
	for _, v := range []int{lo, lo + 1, hi - 2, hi - 1} {
		if int(dtype.Round(o.dtype, float64(v))) != v {
			panic(&ops.AttrError{Op: "rand_int", Reason: fmt.Sprintf("%s does not hold all whole numbers from %d to %d; draw integers", o.dtype, lo, hi-1)})
		}
	}
	attrs.DType = dtype.I64
	return Tidy1(func() *Tensor { return o.blocks(dims, attrs).Cast(o.dtype) })
}

// blocks draws whole numbers, which take a Philox block each.
func (o options) blocks(dims []int, attrs ops.RandIntAttrs) *Tensor {
	n := ops.Spec{DType: attrs.DType, Shape: dims}.Elements()
	return o.finish(o.generator().draw(4*n, func(key *Tensor) []*Tensor { return Apply(ops.RandInt, attrs, key) })[0])
}

// Dropout zeroes elements with probability p and scales the others by 1/(1-p).
// A nil generator stands for the default one of the tensor's device.
func (t *Tensor) Dropout(p float64, g *Generator) *Tensor {
	if g == nil {
		g = DefaultGenerator(t.dev)
	}
	return g.draw(t.Len(), func(key *Tensor) []*Tensor {
		return Apply(ops.Dropout, ops.DropoutAttrs{P: p}, t, key)[:1]
	})[0]
}
