package sim

import (
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// fast computes an operation when it starts and knows at once when it will be done.
type fast struct {
	*core
	tiles  []num.Tile // in the arrays, packed
	loaded []*tile    // the same as they came
	chains [][]uint32 // output stationary: the sums in the elements

	// Of a replay: the tiles of every array that no product has switched to, and those
	// whose memory is used again.
	waiting [][]*tile
	spare   []*tile
}

func newFast(c *core) *fast {
	n := c.cfg.Arrays
	return &fast{core: c, tiles: make([]num.Tile, n), loaded: make([]*tile, n), chains: make([][]uint32, n)}
}

func (f *fast) settle() {}

// restart readies f for another replay. The memory of the one before is used again: that
// of its tiles, as they came and packed, is most of what a small program needs.
func (f *fast) restart() {
	if f.spare == nil {
		f.spare, f.waiting = make([]*tile, 0, 8), make([][]*tile, f.cfg.Arrays)
	}
	for i, t := range f.loaded {
		if t != nil {
			f.spare = append(f.spare, t)
		}
		f.spare = append(f.spare, f.waiting[i]...)
		f.loaded[i], f.waiting[i] = nil, f.waiting[i][:0]
	}
}

// newTile is a tile for a replay, whose memory was another's.
func (f *fast) newTile(t isa.Tile) *tile {
	n := len(f.spare)
	if n == 0 {
		return &tile{Tile: t}
	}
	old := f.spare[n-1]
	f.spare = f.spare[:n-1]
	old.Tile = t
	return old
}

func (f *fast) shift(_ int, t int64) int64 { return t + int64(f.cfg.Rows) }

func (f *fast) begin(x *flight, t int64) {
	op := &x.op
	switch x.unit.lane {
	case weightReader:
		x.done = t + f.weightCycles(op)
		if f.values {
			x.tile.data = f.weights(op, nil)
		}
	case matrix:
		x.read, x.done = productTimes(f.cfg, op, t)
		if f.values {
			f.product(x)
		}
		return
	case vectorUnit:
		if op.Code == isa.Activate {
			x.done = t + activateCycles(f.cfg, op)
			if f.values {
				f.activate(op)
			}
		} else {
			x.done = t + vectorCycles(f.cfg, &op.Vector)
			if f.values {
				f.vector(op)
			}
		}
	default:
		x.done = t + transferCycles(f.cfg, op)
		if f.values {
			f.transfer(op)
		}
	}
	x.read = x.done
}

// transferCycles is a transfer's latency and its bytes, at least one cycle.
func transferCycles(c *arch.Config, op *isa.Op) int64 {
	ch, rate := &c.HBM, c.HBMRate()
	if op.Code == isa.ReadHost || op.Code == isa.WriteHost {
		ch, rate = &c.Host, c.HostRate()
	}
	write := op.Code == isa.StoreHBM || op.Code == isa.WriteHost
	return max(1, c.Latency(ch, write)+rate.Cycles(uint64(op.Bytes())))
}

// weightCycles is the time to read a tile: one row per cycle from the buffer, as
// any transfer from off-chip memory.
func (f *fast) weightCycles(op *isa.Op) int64 {
	if op.Weights.FromBuffer {
		return int64(op.Weights.Tile.Rows)
	}
	return transferCycles(f.cfg, op)
}

// productTimes are when a product has read its rows and when it is done.
func productTimes(c *arch.Config, op *isa.Op, t int64) (read, done int64) {
	r, cols, passes := int64(c.Rows), int64(c.Cols), int64(op.Format.Passes())
	if c.Dataflow != arch.OS {
		read = t + int64(op.Rows)*passes
		return read, read + r + cols - 1
	}
	read = t + int64(op.Tile.Rows)*passes
	if op.Last {
		return read, read + 2*r + cols - 2
	}
	return read, read + r + cols - 1
}

func activateCycles(c *arch.Config, op *isa.Op) int64 {
	return int64((op.Rows+c.ActRows-1)/c.ActRows) + int64(c.VectorTiming.ALULatency)
}

// seriesOps is how many operations of the vector unit a function takes that chips
// compute by a polynomial: our choice, the length of such polynomials.
const seriesOps = 16

// pipeline is the latency and the interval of a vector operation, and how many elements
// enter at a time.
func pipeline(c *arch.Config, v *isa.VectorOp) (latency, interval int64, fill int) {
	t, fill := c.VectorTiming, c.Lanes*c.Sublanes
	switch v.Fn.Class() {
	case isa.Function:
		return int64(t.FuncLatency), int64(t.FuncInterval), fill
	case isa.Series:
		return seriesOps * int64(t.ALULatency), seriesOps * int64(t.ALUInterval), fill
	case isa.Cross:
		return int64(t.CrossLatency), int64(t.CrossInterval), fill
	case isa.Indexed:
		return int64(t.CrossLatency), int64(t.ALUInterval), c.Sublanes
	}
	return int64(t.ALULatency), int64(t.ALUInterval), fill
}

func vectorCycles(c *arch.Config, v *isa.VectorOp) int64 {
	latency, interval, fill := pipeline(c, v)
	return int64((v.Count+fill-1)/fill)*interval + latency
}

// product multiplies all rows.
func (f *fast) product(x *flight) {
	op := &x.op
	tile := &f.tiles[op.Array]
	if x.tile != nil {
		if old := f.loaded[op.Array]; old != nil && f.spare != nil {
			f.spare = append(f.spare, old)
		}
		f.loaded[op.Array] = x.tile
	}
	if x.tile != nil || tile.Format != op.Format {
		t := f.loaded[op.Array]
		f.num.Pack(tile, t.data, t.Cols*t.Type.Size(), t.Rows, t.Cols, op.Format)
	}
	rows, pitch := f.activations(op)
	acc := f.acc[op.Array][op.Acc*f.cfg.Cols:]
	order := num.Replace
	if op.Accumulate {
		order = num.Add
	}
	if f.cfg.Dataflow != arch.OS {
		f.num.MatMul(acc, f.cfg.Cols, op.Rows, rows, pitch, tile, order)
		return
	}
	if f.chains[op.Array] == nil {
		f.chains[op.Array] = make([]uint32, f.cfg.Rows*f.cfg.Cols)
	}
	chain, cols := f.chains[op.Array], f.cfg.Cols
	if op.First {
		clear(chain)
	}
	f.num.MatMul(chain, cols, op.Rows, rows, pitch, tile, num.Chain)
	if op.Last {
		for r := range op.Rows {
			move(acc[r*cols:][:op.Tile.Cols], chain[r*cols:], op.Accumulate, op.Format.Precision == num.BF16)
		}
	}
}

// move replaces accumulators by sums, or adds them.
func move(acc, sums []uint32, add, float bool) {
	for j := range acc {
		switch {
		case !add:
			acc[j] = sums[j]
		case float:
			acc[j] = bitsOf(floatOf(acc[j]) + floatOf(sums[j]))
		default:
			acc[j] += sums[j]
		}
	}
}
