package optim

import (
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
)

// MixedConfig says how Mixed scales losses. Zero fields stand for no scaling, which
// is right for bf16: it has the range of f32.
type MixedConfig struct {
	Scale  float64 // of the loss at first, for f16; 65536 is usual
	Growth int     // steps without overflow after which the scale doubles; 0 stands for 2000
}

// Mixed trains parameters of 16 bits by copies of f32 (Micikevicius et al. 2018):
// the optimiser moves the copies, and the parameters are these rounded. With a scale,
// for f16, give Backward [Mixed.Scaled] of the loss: gradients too small for f16 then
// survive, and steps with gradients that overflow are left out and halve the scale.
// Such a step reads numbers and cannot be compiled; one without a scale can.
//
// What it gains depends on the device: memory for what is saved between forward and
// backward everywhere, time only where products of 16 bits are faster. On cpu they
// are right, and slower.
type Mixed struct {
	Optimizer
	params, masters []*crease.Tensor
	growth          int
	scale, good     *crease.Tensor // f32 scalars: the scale, and steps since it changed; nil for none
}

// NewMixed makes the copies and gives them to the function, which makes their
// optimiser.
func NewMixed(params []*crease.Tensor, c MixedConfig, of func(masters []*crease.Tensor) Optimizer) *Mixed {
	m := &Mixed{params: params, growth: c.Growth}
	if m.growth == 0 {
		m.growth = 2000
	}
	for _, p := range params {
		// Cast gives back what is f32 already; a master is a tensor of its own.
		m.masters = append(m.masters, p.Detach().Cast(dtype.F32).Copy().RequireGrad().Keep())
	}
	m.Optimizer = of(m.masters)
	if c.Scale != 0 {
		on := crease.On(params[0].Device())
		m.scale, m.good = crease.Scalar(c.Scale, on).Keep(), crease.Scalar(0, on).Keep()
	}
	return m
}

// Scaled is the loss times the scale, in f32.
func (m *Mixed) Scaled(loss *crease.Tensor) *crease.Tensor {
	if m.scale == nil {
		return loss
	}
	return loss.Cast(dtype.F32).Mul(m.scale)
}

// Step moves the copies by the gradients of the parameters, and rounds. It reports
// nothing of a step that it left out; [Mixed.Scale] has fallen then.
func (m *Mixed) Step() {
	crease.NoGrad(func() {
		crease.Tidy(func() []*crease.Tensor {
			if !m.hand() {
				return nil
			}
			m.Optimizer.Step()
			for i, p := range m.params {
				p.Assign(m.masters[i].Cast(p.DType()))
			}
			return nil
		})
	})
}

// hand gives the copies their gradients, and reports whether they are finite.
func (m *Mixed) hand() bool {
	b := base{params: m.params}
	for i := range m.params {
		g := b.gradient(i).Cast(dtype.F32)
		if m.scale != nil {
			g = g.Div(m.scale)
		}
		m.masters[i].SetGrad(g)
	}
	if m.scale == nil {
		return true
	}
	tops := make([]*crease.Tensor, len(m.masters))
	for i, t := range m.masters {
		tops[i] = t.Grad().Abs().Amax()
	}
	top := crease.Stack(0, tops...).Amax().Item() // one wait for the device, not one per parameter
	scale, good := m.scale.Item(), m.good.Item()+1
	finite := !math.IsNaN(top) && !math.IsInf(top, 0)
	switch {
	case !finite:
		scale, good = max(scale/2, 1), 0
	case int(good) >= m.growth:
		scale, good = scale*2, 0
	}
	on := crease.On(m.scale.Device())
	m.scale.Assign(crease.Scalar(scale, on))
	m.good.Assign(crease.Scalar(good, on))
	return finite
}

// Scale is the present scale of losses, 1 where there is none.
func (m *Mixed) Scale() float64 {
	if m.scale == nil {
		return 1
	}
	return m.scale.Item()
}

// ZeroGrad drops the gradients of parameters and copies.
func (m *Mixed) ZeroGrad() {
	m.Optimizer.ZeroGrad()
	for _, p := range m.params {
		p.ZeroGrad()
	}
}

// State is the optimiser's, the copies, and the scale where there is one.
func (m *Mixed) State() []State {
	list := append(m.Optimizer.State(), numbered("master", m.masters)...)
	if m.scale != nil {
		list = append(list, State{"loss_scale", m.scale}, State{"loss_scale_steps", m.good})
	}
	return list
}

// parameters are those that the copies stand for.
func (m *Mixed) parameters() []*crease.Tensor { return m.params }
