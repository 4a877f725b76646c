package timing

import (
	"github.com/crease-ml/crease/tpu/arch"
)

// Tiles is the time in which an array streams weight tiles one after the other, in
// cycles: from the edge that latches the first operand to the edge that latches the
// last result into the bottom register, both counted. rows[i] activation rows pass
// tile i.
//
// With a shadow plane the next tile shifts in while the current one works, so a
// tile occupies the array for max(rows, R) cycles; without it the array drains,
// loads and streams in turn.
func Tiles(c *arch.Config, rows []int) int64 {
	if len(rows) == 0 {
		return 0
	}
	r, last := int64(c.Rows), len(rows)-1
	fill := r + int64(c.Cols) - 2 // from the last row's entry to its last result
	if !c.Shadow {
		var t int64
		for _, b := range rows {
			t += r + int64(b) + fill
		}
		return t
	}
	t := r
	for _, b := range rows[:last] {
		t += max(int64(b), r)
	}
	return t + int64(rows[last]) + fill
}

// Array is the time of a product on resident activations, with weights that come
// through the channel of off-chip memory if that has a bandwidth. The product is cut
// into tiles of the stationary operand and, under the weight- and input-stationary
// dataflows, into chunks of streamed rows that half of the accumulators hold.
// Several arrays share the columns of tiles and the channel.
func Array(c *arch.Config, p Product) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	switch c.Dataflow {
	case arch.OS:
		return outputStationary(c, p)
	case arch.IS:
		return weightStationary(c, Product{M: p.N, N: p.M, K: p.K})
	}
	return weightStationary(c, p)
}

// weightStationary sums over tiles the largest of what bounds a tile: its rows, the
// shift of the next tile, and the arrival of the next tile.
func weightStationary(c *arch.Config, p Product) (Result, error) {
	r, fill := int64(c.Rows), int64(c.Rows+c.Cols-2)
	kt, nt := int64(ceil(p.K, c.Rows)), ceil(p.N, c.Cols)
	perArray := int64(ceil(nt, c.Arrays)) * kt
	chunk := max(1, c.AccRows/2)
	full, rest := int64(p.M/chunk), p.M%chunk
	load := loading(c, c.TileBytes(), nt)
	if err := p.countable(float64(kt)*float64(nt)*float64(full+1), float64(2*c.Rows+c.Cols+chunk)+load); err != nil {
		return Result{}, err
	}
	total := func(load int64) int64 {
		interval := func(b int) int64 {
			if !c.Shadow {
				return max(r+int64(b)+fill, load)
			}
			return max(int64(b), r, load)
		}
		t := load + r + full*perArray*interval(chunk)
		last := chunk
		if rest > 0 {
			t += perArray * interval(rest)
			last = rest
		}
		// The last tile is not followed by another.
		return t + int64(last) + fill - interval(last)
	}
	cycles := total(int64(load))
	chunks := full
	if rest > 0 {
		chunks++
	}
	res := Result{Cycles: cycles, Stall: cycles - total(0), Folds: kt * int64(nt) * chunks}
	return res.shares(p, c.MACs(), float64(p.K)*float64(p.N), float64(kt)*float64(nt), c.Rows, c.Cols), nil
}

// loading is the time in which a tile of so many bytes arrives for each of the
// arrays that work, over one channel; it may exceed an int64.
func loading(c *arch.Config, bytes, tiles int) float64 {
	if !c.HBMRate().Limited() {
		return 0
	}
	one := c.HBMRate().Cycles(uint64(bytes)) + c.Latency(&c.HBM, false)
	return float64(one) * float64(min(c.Arrays, tiles))
}

// outputStationary streams both operands for K cycles per fold of R×C results. A
// fold's results leave downwards, the last row first: the first row's way is R-1
// cycles, right behind which the next fold follows.
func outputStationary(c *arch.Config, p Product) (Result, error) {
	r := int64(c.Rows)
	mt, nt := int64(ceil(p.M, c.Rows)), ceil(p.N, c.Cols)
	folds := mt * int64(ceil(nt, c.Arrays))
	total := func(load int64) int64 {
		return load + (folds-1)*max(int64(p.K)+r-1, load) + int64(p.K) + 2*r + int64(c.Cols) - 3
	}
	load := loading(c, p.K*c.Cols*c.OperandBytes(), nt)
	if err := p.countable(float64(mt)*float64(nt), float64(p.K)+2*float64(c.Rows+c.Cols)+load); err != nil {
		return Result{}, err
	}
	cycles := total(int64(load))
	res := Result{Cycles: cycles, Stall: cycles - total(0), Folds: mt * int64(nt)}
	return res.shares(p, c.MACs(), float64(p.M)*float64(p.N), float64(mt)*float64(nt), c.Rows, c.Cols), nil
}
