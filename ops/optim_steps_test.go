package ops

import (
	"math"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

// TestSgdStepTwice follows torch.optim.SGD on one parameter, by its listing,
// for two steps, of which the first is not dampened.
func TestSgdStepTwice(t *testing.T) {
	const lr = 0.125 // exact in f32
	for _, nesterov := range []bool{false, true} {
		a := SgdAttrs{Momentum: 0.9, WeightDecay: 0.01, Nesterov: nesterov}
		if !nesterov {
			a.Dampening = 0.25
		}
		theta, buf := 0.7, 0.0
		p, state := Scalar(dtype.F64, theta), Scalar(dtype.F64, 0)
		for step, g := range []float64{0.3, -1.1} {
			out := refOf(t, SgdStep, a, p, Scalar(dtype.F64, g), state, Scalar(dtype.F32, lr), Scalar(dtype.F32, float64(step+1)))
			g += 0.01 * theta
			if step == 0 {
				buf = g
			} else {
				buf = 0.9*buf + (1-a.Dampening)*g
			}
			if nesterov {
				theta -= lr * (g + 0.9*buf)
			} else {
				theta -= lr * buf
			}
			p, state = out[0], out[1]
			wantValues(t, "p", p, theta)
			wantValues(t, "buf", state, buf)
		}
	}
	out := refOf(t, SgdStep, SgdAttrs{}, Scalar(dtype.F64, 2), Scalar(dtype.F64, 4), Scalar(dtype.F64, 9), Scalar(dtype.F32, lr), Scalar(dtype.F32, 1))
	wantValues(t, "p without momentum", out[0], 1.5)
	wantValues(t, "kept buf", out[1], 9)
}

// TestAdamStepThrice follows the listing of torch.optim.Adam and AdamW, with
// bias-corrected moments made explicit.
func TestAdamStepThrice(t *testing.T) {
	const lr, b1, b2, eps, decay = 0.0625, 0.9, 0.999, 1e-8, 0.1
	for _, decoupled := range []bool{false, true} {
		a := AdamAttrs{b1, b2, eps, decay, decoupled}
		theta, m, v := 0.5, 0.0, 0.0
		state := []Host{Scalar(dtype.F64, theta), Scalar(dtype.F64, 0), Scalar(dtype.F64, 0)}
		power1, power2 := 1.0, 1.0
		for step, g := range []float64{0.2, -0.4, 3} {
			state = refOf(t, AdamStep, a, state[0], Scalar(dtype.F64, g), state[1], state[2],
				Scalar(dtype.F32, lr), Scalar(dtype.F32, float64(step+1)))
			if decoupled {
				theta -= lr * decay * theta
			} else {
				g += decay * theta
			}
			m = b1*m + (1-b1)*g
			v = b2*v + (1-b2)*g*g
			power1, power2 = power1*b1, power2*b2
			mHat, vHat := m/(1-power1), v/(1-power2)
			theta -= lr * mHat / (math.Sqrt(vHat) + eps)
			wantValues(t, "p", state[0], theta)
			wantValues(t, "m", state[1], m)
			wantValues(t, "v", state[2], v)
		}
	}
}

func TestOptimiserStepsRefuse(t *testing.T) {
	f32 := Spec{dtype.F32, []int{2}}
	f16 := Spec{dtype.F16, []int{2}}
	scalar := Spec{dtype.F32, nil}
	if _, err := SgdStep.Specs(SgdAttrs{Nesterov: true}, []Spec{f32, f32, f32, scalar, scalar}); err == nil {
		t.Error("nesterov without momentum is accepted")
	}
	if _, err := SgdStep.Specs(SgdAttrs{}, []Spec{f16, f16, f16, scalar, scalar}); err == nil {
		t.Error("a 16-bit buffer is accepted")
	}
	if _, err := SgdStep.Specs(SgdAttrs{}, []Spec{f16, f16, f32, scalar, scalar}); err != nil {
		t.Error(err)
	}
	if _, err := AdamStep.Specs(AdamAttrs{Beta1: 1}, []Spec{f32, f32, f32, f32, scalar, scalar}); err == nil {
		t.Error("beta1 of 1 is accepted")
	}
}
