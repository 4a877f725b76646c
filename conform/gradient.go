package conform

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/crease-ml/crease/autograd"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// leaf is a variable that requires a gradient where its type has one.
func leaf(v ops.Value) *autograd.Var {
	x, err := autograd.NewVar(v, v.Spec().DType.IsFloat())
	if err != nil {
		panic(err)
	}
	return x
}

// grad is the gradient of the sum of seeds times results for every input; nil
// where nothing flows to.
func grad(b ops.Builder, op *ops.Op, attrs any, in []*autograd.Var, seeds []ops.Host) []*autograd.Var {
	out := autograd.Apply(b, true, op, attrs, in...)
	var roots []*autograd.Var
	var ds []ops.Value
	for i, v := range out {
		if v.RequiresGrad() {
			roots, ds = append(roots, v), append(ds, b.Const(seeds[i]))
		}
	}
	return reach(b, roots, ds, in, autograd.Options{})
}

// reach takes the gradients that exist: variables which the roots do not depend
// on get nil.
func reach(b ops.Builder, roots []*autograd.Var, ds []ops.Value, in []*autograd.Var, o autograd.Options) []*autograd.Var {
	res := make([]*autograd.Var, len(in))
	if len(roots) == 0 {
		return res
	}
	o.Retain = true
	for i, v := range in {
		if !v.RequiresGrad() {
			continue
		}
		g, err := autograd.Grad(b, roots, ds, []*autograd.Var{v}, o)
		var none *ops.GradError
		if errors.As(err, &none) && none.Op == "" {
			continue // not used
		}
		if err != nil {
			panic(err)
		}
		res[i] = g[0]
	}
	return res
}

// gradientOf is grad on host arrays; inputs without a gradient have nil Data.
func gradientOf(b ops.Builder, op *ops.Op, attrs any, in, seeds []ops.Host, host func(ops.Value) ops.Host) []ops.Host {
	vars := make([]*autograd.Var, len(in))
	for i, h := range in {
		vars[i] = leaf(b.Const(h))
	}
	out := make([]ops.Host, len(in))
	for i, g := range grad(b, op, attrs, vars, seeds) {
		if g != nil {
			out[i] = host(g.Value())
		}
	}
	return out
}

// widened is the array in float64; other than floats stay.
func widened(h ops.Host) ops.Host {
	if !h.DType.IsFloat() {
		return h
	}
	w := ops.NewHost(ops.Spec{DType: dtype.F64, Shape: h.Shape})
	for i := range h.Elements() {
		w.Set(i, h.At(i))
	}
	return w
}

// wideAttrs is the attributes with a floating-point result type made float64.
func wideAttrs(attrs any) any {
	if attrs == nil {
		return nil
	}
	v := reflect.New(reflect.TypeOf(attrs)).Elem()
	v.Set(reflect.ValueOf(attrs))
	if f := v.FieldByName("DType"); f.IsValid() {
		if t := f.Interface().(dtype.Type); t.IsFloat() {
			f.Set(reflect.ValueOf(dtype.F64))
		}
	}
	return v.Interface()
}

// scalarOf is what a check differentiates: the sum of seeds times the
// floating-point results, by the references in float64.
func scalarOf(op *ops.Op, attrs any, in, seeds []ops.Host) float64 {
	vals := make([]ops.Value, len(in))
	for i, h := range in {
		vals[i] = &ops.HostValue{Host: h}
	}
	sum := 0.0
	for i, v := range (ops.Interpreter{}).Apply(op, attrs, vals...) {
		if h := v.(*ops.HostValue).Host; h.DType.IsFloat() {
			for k := range h.Elements() {
				sum += h.At(k) * seeds[i].At(k)
			}
		}
	}
	return sum
}

// gradCases calls f for every case of a row that finite differences apply to, in
// float64.
func gradCases(op *ops.Op, f func(c ops.Case, attrs any, in, seeds []ops.Host)) (n int) {
	for _, c := range op.Cases {
		special := slices.ContainsFunc(c.In, func(a ops.Arg) bool { return a.Special })
		if c.NoGradCheck || special || !slices.Contains(c.TypesIn(op), dtype.F64) || len(c.In) == 0 {
			continue
		}
		r := rand.New(rand.NewPCG(3, uint64(len(c.Name))))
		in := make([]ops.Host, len(c.In))
		specs := make([]ops.Spec, len(c.In))
		for i, a := range c.In {
			in[i] = a.Make(dtype.F64, r)
			specs[i] = in[i].Spec
		}
		attrs := wideAttrs(c.Attrs)
		outs, err := op.Specs(attrs, specs)
		if err != nil {
			continue
		}
		var seeds []ops.Host
		elements := 0
		for _, s := range outs {
			h := ops.NewHost(s)
			for i := range h.Elements() {
				h.Set(i, 0.5+r.Float64())
			}
			seeds = append(seeds, h)
			if s.DType.IsFloat() {
				elements += h.Elements()
			}
		}
		if elements == 0 {
			continue
		}
		f(c, attrs, in, seeds)
		n++
	}
	return n
}

// GradCheck compares the gradient of a row with central differences of its
// reference in float64, on every case that allows it. A row without a gradient
// must say so with a *ops.GradError. It returns the number of cases checked.
func GradCheck(t *testing.T, op *ops.Op) int {
	t.Helper()
	if !op.Differentiable() {
		refusesGradient(t, op)
		return 0
	}
	const h, tolerance = 1e-6, 2e-6
	host := func(v ops.Value) ops.Host { return v.(*ops.HostValue).Host }
	return gradCases(op, func(c ops.Case, attrs any, in, seeds []ops.Host) {
		got := gradientOf(ops.Interpreter{}, op, attrs, in, seeds, host)
		for i, x := range in {
			if x.DType != dtype.F64 {
				continue
			}
			for k := range x.Elements() {
				v := x.At(k)
				x.Set(k, v+h)
				up := scalarOf(op, attrs, in, seeds)
				x.Set(k, v-h)
				down := scalarOf(op, attrs, in, seeds)
				x.Set(k, v)
				want, g := (up-down)/(2*h), 0.0
				if got[i].Data != nil {
					g = got[i].At(k)
				}
				if !(math.Abs(g-want) <= tolerance*max(1, math.Abs(want), math.Abs(up))) {
					t.Errorf("case %s: gradient for input %d, element %d is %v, differences give %v", c.Name, i, k, g, want)
					return
				}
			}
		}
	})
}

// refusesGradient asks for a gradient that does not exist.
func refusesGradient(t *testing.T, op *ops.Op) {
	t.Helper()
	for _, c := range op.Cases {
		if len(c.In) == 0 || !slices.Contains(c.TypesIn(op), dtype.F64) {
			continue
		}
		r := rand.New(rand.NewPCG(1, 1))
		var vars []*autograd.Var
		for _, a := range c.In {
			vars = append(vars, leaf(&ops.HostValue{Host: a.Make(dtype.F64, r)}))
		}
		b := ops.Interpreter{}
		out := autograd.Apply(b, true, op, c.Attrs, vars...)[0]
		if !out.RequiresGrad() {
			return // a result that is no float: nothing can flow back
		}
		seed := ops.Ones(b, out.Spec())
		_, err := autograd.Grad(b, []*autograd.Var{out}, []ops.Value{seed}, vars[:1], autograd.Options{})
		var none *ops.GradError
		if !errors.As(err, &none) {
			t.Errorf("case %s: the row has no gradient, and asking for one gives %v", c.Name, err)
		}
		return
	}
}

// GradGradCheck compares second derivatives with central differences of the
// first. It returns the number of cases checked.
func GradGradCheck(t *testing.T, op *ops.Op) int {
	t.Helper()
	if !op.Differentiable() {
		return 0
	}
	const h, tolerance = 1e-5, 1e-5
	b := ops.Interpreter{}
	return gradCases(op, func(c ops.Case, attrs any, in, seeds []ops.Host) {
		weights := make([]ops.Host, len(in))
		r := rand.New(rand.NewPCG(5, 5))
		for i, x := range in {
			weights[i] = ops.NewHost(x.Spec)
			for k := range x.Elements() {
				weights[i].Set(k, 0.5+r.Float64())
			}
		}
		// first is the sum of weights times first derivatives.
		first := func() float64 {
			sum := 0.0
			for i, g := range gradientOf(b, op, attrs, in, seeds, func(v ops.Value) ops.Host { return v.(*ops.HostValue).Host }) {
				for k := range g.Elements() {
					if g.Data != nil {
						sum += g.At(k) * weights[i].At(k)
					}
				}
			}
			return sum
		}
		got := second(b, op, attrs, in, seeds, weights)
		for i, x := range in {
			if x.DType != dtype.F64 {
				continue
			}
			for k := range x.Elements() {
				v := x.At(k)
				x.Set(k, v+h)
				up := first()
				x.Set(k, v-h)
				down := first()
				x.Set(k, v)
				want, g := (up-down)/(2*h), 0.0
				if got[i] != nil {
					g = got[i].Value().(*ops.HostValue).Host.At(k)
				}
				if !(math.Abs(g-want) <= tolerance*max(1, math.Abs(want), math.Abs(up))) {
					t.Errorf("case %s: second derivative for input %d, element %d is %v, differences give %v", c.Name, i, k, g, want)
					return
				}
			}
		}
	})
}

// second is the gradient of the weighted first derivatives, nil where they do
// not depend on an input.
func second(b ops.Builder, op *ops.Op, attrs any, in, seeds, weights []ops.Host) []*autograd.Var {
	vars := make([]*autograd.Var, len(in))
	for i, h := range in {
		vars[i] = leaf(b.Const(h))
	}
	var roots []*autograd.Var
	var ds []ops.Value
	for i, v := range autograd.Apply(b, true, op, attrs, vars...) {
		if v.RequiresGrad() {
			roots, ds = append(roots, v), append(ds, autograd.Constant(b.Const(seeds[i])))
		}
	}
	var slopes []*autograd.Var
	var ws []ops.Value
	for i, g := range reach(b, roots, ds, vars, autograd.Options{CreateGraph: true}) {
		if g != nil && g.RequiresGrad() {
			slopes, ws = append(slopes, g), append(ws, b.Const(weights[i]))
		}
	}
	return reach(b, slopes, ws, vars, autograd.Options{})
}
