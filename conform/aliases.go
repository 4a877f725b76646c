package conform

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal"
)

// Aliases checks who sees a change: what an assignment, a gradient and a compiled function
// may have in common with other tensors, and what not. Every case runs eagerly and inside
// of a compiled function, and must come out alike.
func Aliases(t *testing.T, dev hal.Device) {
	t.Helper()
	d, err := crease.Wrap(dev)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range aliasCases {
		for _, mode := range []string{"eager", "compiled"} {
			t.Run(c.name+"/"+mode, func(t *testing.T) {
				crease.Tidy(func() []*tensor {
					c.run(&aliasing{t: t, dev: d, on: crease.On(d), compiled: mode == "compiled"})
					return nil
				})
			})
		}
	}
}

// aliasCase is a program whose outcome depends on who shares memory with whom.
type aliasCase struct {
	name string
	run  func(a *aliasing)
}

var aliasCases = slices.Concat(assignCases, gradientCases, compiledCases)

// aliasing is what a case works with.
type aliasing struct {
	t        *testing.T
	dev      *crease.Device
	on       crease.Option
	compiled bool
}

type function = func(in ...*tensor) []*tensor

func (a *aliasing) from(values ...float32) *tensor { return crease.From(values, nil, a.on) }

func (a *aliasing) leaf(values ...float32) *tensor { return a.from(values...).RequireGrad() }

// call is f as the mode says. Compiled, gradients stay inside.
func (a *aliasing) call(f function) function {
	if !a.compiled {
		return f
	}
	return crease.Compile(f).Call
}

// do runs a function without results. It may read captured tensors afterwards.
func (a *aliasing) do(f func()) {
	x := a.from(0) // an argument names the device
	a.call(func(...*tensor) []*tensor { f(); return nil })(x)
}

func (a *aliasing) holds(what string, t *tensor, want ...float64) {
	a.t.Helper()
	got := t.Floats()
	same := len(got) == len(want)
	for i := range want {
		same = same && math.Abs(got[i]-want[i]) <= 1e-6*math.Abs(want[i])
	}
	if !same {
		a.t.Errorf("%s is %v, want %v", what, got, want)
	}
}

// refuses checks that f panics with an error of a type: a rule that was broken, and no
// fault of the program's own.
func refuses[E error](a *aliasing, what string, f func()) {
	a.t.Helper()
	var want E
	if err := crease.Try(f); !errors.As(err, &want) {
		a.t.Errorf("%s: the error is %v (%T), want a %T", what, err, err, want)
	}
}
