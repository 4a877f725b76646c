package num

import "time"

// Peak measures what the kernels for a format could reach on one thread in
// multiply-adds per second: a block whose operands stay in the first-level cache,
// the best of a few rounds.
func (u *Unit) Peak(f Format) float64 {
	k := u.kernels
	const steps, calls, rounds = 64, 2000, 20
	form := k.formOf(f)
	a := make([]uint32, k.mr*steps)
	b := make([]uint32, k.nr*steps)
	c := make([]uint32, k.mr*k.nr)
	t := Tile{Format: f, kernels: k, form: form, steps: steps, column: make([]int32, k.nr)}
	best := 0.0
	for range rounds {
		start := time.Now()
		for range calls {
			u.run(&t, a, steps, b, c, k.nr, 0, Replace)
		}
		macs := float64(calls*k.mr*k.nr*steps) * float64(form.perStep())
		best = max(best, macs/time.Since(start).Seconds())
	}
	return best
}
