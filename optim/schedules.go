package optim

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/ops"
)

// Stair multiplies lr by factor after every so many steps.
func Stair(lr, factor float64, every int) Schedule {
	if every < 1 {
		panic(&ops.AttrError{Op: "schedule", Reason: fmt.Sprintf("a stair of %d steps: want at least 1", every)})
	}
	return func(step int) float64 { return lr * math.Pow(factor, float64(step/every)) }
}

// Milestones multiplies lr by factor at each of the given steps.
func Milestones(lr, factor float64, at ...int) Schedule {
	return func(step int) float64 {
		r := lr
		for _, m := range at {
			if step >= m {
				r *= factor
			}
		}
		return r
	}
}

// Exponential multiplies lr by factor after every step.
func Exponential(lr, factor float64) Schedule { return Stair(lr, factor, 1) }

// Linear goes from one rate to another in the given number of steps and stays.
func Linear(from, to float64, steps int) Schedule {
	return func(step int) float64 {
		return from + (to-from)*min(1, float64(step)/float64(max(1, steps)))
	}
}

// Polynomial falls from lr to 0 as a power of the steps that are left.
func Polynomial(lr, power float64, steps int) Schedule {
	return func(step int) float64 {
		return lr * math.Pow(1-min(1, float64(step)/float64(max(1, steps))), power)
	}
}

// Warmup rises from 1/steps of a schedule to it, along a line, while the schedule
// goes on; step number steps is the first that has it whole.
func Warmup(s Schedule, steps int) Schedule {
	return Times(s, func(step int) float64 { return min(1, float64(step+1)/float64(max(1, steps))) })
}

// After is one schedule for the given number of steps, and then another from its
// beginning.
func After(first Schedule, steps int, then Schedule) Schedule {
	return func(step int) float64 {
		if step < steps {
			return first(step)
		}
		return then(step - steps)
	}
}

// Times is the product of schedules.
func Times(list ...Schedule) Schedule {
	return func(step int) float64 {
		r := 1.0
		for _, s := range list {
			r *= s(step)
		}
		return r
	}
}

// Plateau multiplies its rate by Factor when a metric has not fallen for longer
// than Patience reports. It learns of the metric by Report; Rate is its schedule.
// Its fields can be saved and set again.
type Plateau struct {
	LR        float64
	Factor    float64 // below 1
	Patience  int
	Cooldown  int     // reports after a change that do not count
	Threshold float64 // a fall counts from this share of the best on
	Least     float64 // the rate never gets smaller

	Best   float64
	Bad    int // reports without a fall
	Wait   int // reports left of the cooldown
	Seen   bool
	Rounds int // changes so far
}

// NewPlateau has PyTorch's defaults: a threshold of 1e-4 and no cooldown.
func NewPlateau(lr, factor float64, patience int) *Plateau {
	return &Plateau{LR: lr, Factor: factor, Patience: patience, Threshold: 1e-4}
}

// Report is told a new value of the metric.
func (p *Plateau) Report(value float64) {
	if !p.Seen || value < p.Best*(1-p.Threshold) {
		p.Best, p.Bad, p.Seen = value, 0, true
	} else {
		p.Bad++
	}
	if p.Wait > 0 {
		p.Wait, p.Bad = p.Wait-1, 0
	}
	if p.Bad > p.Patience {
		p.LR = max(p.LR*p.Factor, p.Least)
		p.Wait, p.Bad, p.Rounds = p.Cooldown, 0, p.Rounds+1
	}
}

// Rate is the present rate, whatever the step: a Schedule.
func (p *Plateau) Rate(int) float64 { return p.LR }
