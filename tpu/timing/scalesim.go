package timing

import "github.com/crease-ml/crease/tpu/arch"

// ScaleSim is the total of SCALE-Sim v2 (commit 22f88b1; v3 at 1d62b68 gives the
// same) in its CALC mode, which never stalls. Folds do not overlap and partial ones
// cost as much as full ones; the total is the index of the last cycle, hence one
// less. Its output-stationary schedule is not causal for arrays of more than one
// row: it is a rule to compare with, not one a machine can follow.
func ScaleSim(c *arch.Config, p Product) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	sr, sc, streamed, load := p.K, p.N, p.M, 2*c.Rows // weight stationary
	switch c.Dataflow {
	case arch.IS:
		sr, sc, streamed = p.K, p.M, p.N
	case arch.OS:
		sr, sc, streamed, load = p.M, p.N, p.K, c.Rows
	}
	folds := int64(ceil(sr, c.Rows)) * int64(ceil(sc, c.Cols))
	per := int64(load + c.Cols + streamed - 2)
	if err := p.countable(float64(folds), float64(per)); err != nil {
		return Result{}, err
	}
	res := Result{Cycles: folds*per - 1, Folds: folds}
	if res.Cycles == 0 { // a single multiply-add
		res.Mapping = 1
		return res, nil
	}
	return res.shares(p, c.Rows*c.Cols, float64(sr)*float64(sc), float64(folds), c.Rows, c.Cols), nil
}
