package timing

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/arch"
)

// Stonne is the total of STONNE (commit 22634b8) for its output-stationary mesh:
// every fold of the results costs K plus the rows and columns it uses plus 3, and
// one less if it uses a single row or column.
func Stonne(c *arch.Config, p Product) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	if c.Dataflow != arch.OS {
		return Result{}, fmt.Errorf("tpu: the rule stonne is output stationary: want dataflow os, not %v", c.Dataflow)
	}
	if err := p.countable(float64(ceil(p.M, c.Rows))*float64(ceil(p.N, c.Cols)), float64(p.K+c.Rows+c.Cols+3)); err != nil {
		return Result{}, err
	}
	var res Result
	for _, r := range parts(p.M, c.Rows) {
		for _, col := range parts(p.N, c.Cols) {
			cycles := int64(p.K + r.size + col.size + 3)
			if r.size == 1 || col.size == 1 {
				cycles--
			}
			n := r.count * col.count
			res.Cycles += n * cycles
			res.Folds += n
		}
	}
	return res.shares(p, c.Rows*c.Cols, float64(p.M)*float64(p.N), float64(res.Folds), c.Rows, c.Cols), nil
}

// part is a number of pieces of one size.
type part struct {
	size  int
	count int64
}

// parts cuts n into pieces of size unit and a rest.
func parts(n, unit int) []part {
	var list []part
	if n >= unit {
		list = append(list, part{unit, int64(n / unit)})
	}
	if n%unit > 0 {
		list = append(list, part{n % unit, 1})
	}
	return list
}
