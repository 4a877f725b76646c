package vec

import "math"

// Adam holds the constants of one Adam step, in float64 so that small
// differences such as 1-Beta2 are rounded to float32 only once.
type Adam struct {
	LR           float64 // learning rate
	Beta1, Beta2 float64 // decay of the first and second moments
	Eps          float64 // added to the root of the second moment
	L2           float64 // weight decay added to the gradient (Adam)
	Decay        float64 // weight decay applied to the parameter (AdamW)
	C1, C2       float64 // bias corrections 1-Beta1^t and 1-Beta2^t, t from 1
}

// SGD holds the constants of one step of stochastic gradient descent.
type SGD struct {
	LR        float64 // learning rate
	L2        float64 // weight decay added to the gradient
	Momentum  float64 // decay of the velocity
	Dampening float64 // the gradient enters the velocity times 1-Dampening
	Nesterov  bool    // look ahead along the velocity
}

// AdamCoef is the float32 form of Adam, for every slice of a step. The assembly reads
// the fields by position: keep their order in step with the generator.
type AdamCoef struct {
	keep  float32 // 1 - lr·decay
	l2    float32
	b1    float32
	b1c   float32 // 1 - b1
	b2    float32
	b2c   float32 // 1 - b2
	rootc float32 // sqrt(c2)
	eps   float32
	step  float32 // lr / c1
}

// SGDCoef is the float32 form of SGD, read by position as AdamCoef is.
type SGDCoef struct {
	l2       float32
	mu       float32
	damp     float32 // 1 - dampening
	lr       float32
	nesterov bool
}

// Coef returns the constants as the steps take them.
func (h Adam) Coef() AdamCoef {
	return AdamCoef{
		keep:  float32(1 - h.LR*h.Decay),
		l2:    float32(h.L2),
		b1:    float32(h.Beta1),
		b1c:   float32(1 - h.Beta1),
		b2:    float32(h.Beta2),
		b2c:   float32(1 - h.Beta2),
		rootc: float32(math.Sqrt(h.C2)),
		eps:   float32(h.Eps),
		step:  float32(h.LR / h.C1),
	}
}

// Coef returns the constants as the steps take them.
func (h SGD) Coef() SGDCoef {
	return SGDCoef{
		l2:       float32(h.L2),
		mu:       float32(h.Momentum),
		damp:     float32(1 - h.Dampening),
		lr:       float32(h.LR),
		nesterov: h.Nesterov,
	}
}

// AdamStep updates parameters p and moments m and v from gradients g, in
// PyTorch's order of operations:
//
//	p = p·(1-LR·Decay);  g = g + L2·p
//	m = Beta1·m + (1-Beta1)·g
//	v = Beta2·v + (1-Beta2)·g²
//	p = p - LR/C1 · m / (sqrt(v)/sqrt(C2) + Eps)
//
// All four slices have the length of p; g and c are not changed. A caller that keeps c
// makes no garbage.
func (f *Funcs) AdamStep(p, m, v, g []float32, c *AdamCoef) { f.adam(p, m, v, g, c) }

// SGDStep updates parameters p from gradients g, in PyTorch's order:
//
//	g = g + L2·p
//	buf = Momentum·buf + (1-Dampening)·g
//	p = p - LR·buf, or with Nesterov p - LR·(g + Momentum·buf)
//
// With a nil buf there is no velocity and p = p - LR·g. A velocity starts at
// zero; the caller leaves out the dampening of the first step. g and c are not changed.
func (f *Funcs) SGDStep(p, buf, g []float32, c *SGDCoef) {
	switch {
	case buf == nil:
		f.sgd(p, g, c)
	case c.nesterov:
		f.nesterov(p, buf, g, c)
	default:
		f.momentum(p, buf, g, c)
	}
}

func adamGeneric(p, m, v, g []float32, c *AdamCoef) {
	m, v, g = m[:len(p)], v[:len(p)], g[:len(p)]
	for i := range p {
		x := p[i] * c.keep
		d := g[i] + float32(c.l2*x)
		m[i] = float32(c.b1*m[i]) + float32(c.b1c*d)
		v[i] = float32(c.b2*v[i]) + float32(c.b2c*float32(d*d))
		root := float32(math.Sqrt(float64(v[i])))
		p[i] = x - float32(c.step*(m[i]/(root/c.rootc+c.eps)))
	}
}

func sgdGeneric(p, g []float32, c *SGDCoef) {
	g = g[:len(p)]
	for i := range p {
		d := g[i] + float32(c.l2*p[i])
		p[i] -= float32(c.lr * d)
	}
}

func momentumGeneric(p, buf, g []float32, c *SGDCoef) {
	buf, g = buf[:len(p)], g[:len(p)]
	for i := range p {
		d := g[i] + float32(c.l2*p[i])
		buf[i] = float32(c.mu*buf[i]) + float32(c.damp*d)
		p[i] -= float32(c.lr * buf[i])
	}
}

func nesterovGeneric(p, buf, g []float32, c *SGDCoef) {
	buf, g = buf[:len(p)], g[:len(p)]
	for i := range p {
		d := g[i] + float32(c.l2*p[i])
		buf[i] = float32(c.mu*buf[i]) + float32(c.damp*d)
		ahead := d + float32(c.mu*buf[i])
		p[i] -= float32(c.lr * ahead)
	}
}
