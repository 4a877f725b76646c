package timing

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/arch"
)

// Constants of Mini-TPU, a simulator of TPU v1.
const (
	miniTile  = (65536 + 47) / 48 // cycles in which a weight tile arrives
	miniShift = 256               // cycles in which it shifts into the array
	miniFill  = 511               // cycles of a matrix operation beyond its rows
	miniHost  = 22                // bytes per cycle to the host
	miniSide  = 256               // rows and columns of the array
)

// MiniTPU is the total of Mini-TPU for a product of 256×256 tiles: tiles arrive one
// after the other; shift, matrix operation and activation of a tile run in turn
// while the next arrives; at the end the results go to the host. Its constants are
// fixed, so the array must be 256×256.
func MiniTPU(c *arch.Config, p Product) (Result, error) {
	if err := p.check(); err != nil {
		return Result{}, err
	}
	if c.Rows != miniSide || c.Cols != miniSide || c.Dataflow != arch.WS {
		return Result{}, fmt.Errorf("tpu: the rule minitpu is for a weight-stationary array of 256×256, not %d×%d %v", c.Rows, c.Cols, c.Dataflow)
	}
	kt, nt := int64(ceil(p.K, miniSide)), int64(ceil(p.N, miniSide))
	cycles := MiniTPUTiles(kt*nt, p.M, int64(p.M)*nt)
	res := Result{Cycles: cycles, Stall: cycles - kt*nt*int64(p.M), Folds: kt * nt}
	return res.shares(p, miniSide*miniSide, float64(p.K)*float64(p.N), float64(res.Folds), miniSide, miniSide), nil
}

// MiniTPUTiles is the total for n tiles, each passed by the given rows, and rowsOut
// rows of 256 bytes that go to the host.
func MiniTPUTiles(n int64, rows int, rowsOut int64) int64 {
	work := int64(miniShift + rows + miniFill + rows)
	// Tile i has arrived at (i+1)·miniTile; its work begins then or behind that of
	// the tile before.
	end := miniTile + (n-1)*max(miniTile, work) + work
	return end + (rowsOut*miniSide+miniHost-1)/miniHost
}
