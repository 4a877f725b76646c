package optim

import "math"

// Schedule is the learning rate of a step, counted from 0. Schedules are functions,
// and others are made of them: [Warmup], [After], [Times].
type Schedule func(step int) float64

// Constant is always the same rate.
func Constant(lr float64) Schedule { return func(int) float64 { return lr } }

// Cosine falls from lr to floor along half a cosine over the given number of
// steps (Loshchilov, Hutter 2017), after a linear warm-up.
func Cosine(lr, floor float64, steps, warmup int) Schedule {
	return func(step int) float64 {
		if step < warmup {
			return lr * float64(step+1) / float64(warmup)
		}
		return anneal(lr, floor, float64(step-warmup)/float64(max(1, steps-1-warmup)))
	}
}

// OneCycle rises from peak/25 to peak over the first rise of the steps and falls
// to peak/250,000 over the rest, both along half a cosine: Smith and Topin 2018
// with the defaults of PyTorch's OneCycleLR (there rise is 0.3).
func OneCycle(peak float64, steps int, rise float64) Schedule {
	const start, end = 25, 25 * 1e4
	top := max(0, rise*float64(steps)-1)
	return func(step int) float64 {
		s := float64(step)
		if top > 0 && s <= top {
			return anneal(peak/start, peak, s/top)
		}
		return anneal(peak, peak/end, (s-top)/max(1, float64(steps-1)-top))
	}
}

// anneal goes from a to b along half a cosine as x goes from 0 to 1.
func anneal(a, b, x float64) float64 {
	return b + (a-b)/2*(1+math.Cos(math.Pi*min(max(x, 0), 1)))
}
