package crease

import "github.com/crease-ml/crease/ops"

// Jvp is f at the inputs and its directional derivatives along vectors of the inputs'
// specs: for every result y, Σ ∂y/∂in·v. It is taken by two backward passes, because the
// gradient of a sum of results times u is linear in u, with coefficients that the second
// pass reads off (Townsend 2017); so it costs several times what f does, and is there for
// every f whose gradients have gradients. It panics with a *ops.GradError for others.
func Jvp(f func(in ...*Tensor) []*Tensor, in, v []*Tensor) (out, derivative []*Tensor) {
	if len(in) != len(v) {
		panic(&ops.GradError{Reason: "a directional derivative needs a vector for every input"})
	}
	for i, t := range in {
		if !t.Spec().Equal(v[i].Spec()) {
			panic(&ops.GradError{Reason: "vector " + v[i].Spec().String() + " for an input " + t.Spec().String()})
		}
	}
	_, done := recordAgain()
	defer done()
	n := 0
	res := Tidy(func() []*Tensor {
		leaves := make([]*Tensor, len(in))
		for i, t := range in {
			leaves[i] = t.Detach().RequireGrad()
		}
		ys := f(leaves...)
		n = len(ys)
		us := make([]*Tensor, n)
		for i, y := range ys {
			us[i] = OnesLike(y).RequireGrad()
		}
		grads := Grad(ys, leaves, Seeds(us...), CreateGraph())
		// A result that is constant in the inputs, and a gradient that no u is in, would be
		// an error; the sum has both.
		var list, seeds []*Tensor
		for i, g := range grads {
			if g.RequiresGrad() {
				list, seeds = append(list, g), append(seeds, v[i].Detach())
			}
		}
		out := make([]*Tensor, 0, 2*n)
		for _, y := range ys {
			out = append(out, y.Detach())
		}
		return append(out, Grad(list, us, Seeds(seeds...))...)
	})
	return res[:n], res[n:]
}
