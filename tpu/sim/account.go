package sim

import (
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
)

// account says what the cycles from t on, n of them, were spent on. Nothing changes
// in them.
func (c *control) account(t, n int64) {
	for _, u := range c.byLane[matrix] {
		c.accountArray(u, t, n)
	}
	for _, u := range c.units {
		if u.busy != nil && u.running != nil {
			*u.busy += n
		}
	}
	if c.have && !c.halted {
		switch c.pending.Code {
		case isa.Sync, isa.Wait:
			c.c.SyncWait += n
		default:
			c.c.QueueWait += n
		}
	}
}

// accountArray puts cycles of an array into the partition.
func (c *control) accountArray(u *unit, t, n int64) {
	if u.running != nil {
		c.c.Active += n
		return
	}
	if len(u.queue) == 0 {
		c.c.Other += n
		return
	}
	why := c.waits(u, u.queue[0], t)
	switch {
	case why == waitsForShift || why == waitsForDrain:
		c.c.WeightShift += n
	case why == waitsForWeights && c.arriving(u.array):
		c.c.WeightStall += n
	default:
		c.c.Other += n
		if why == nil || why.blocker == nil {
			return
		}
		switch why.blocker.unit.lane {
		case matrix, vectorUnit:
			c.c.RAWStall += n
		default:
			c.c.InputStall += n
		}
	}
}

// arriving reports whether an array's next tile has not arrived; a tile that has
// and cannot shift in is not the memory's fault.
func (c *control) arriving(i int) bool {
	a := &c.arrays[i]
	return len(a.fifo) == 0 || !a.fifo[0].arrived
}

// count adds up what an operation is going to do.
func (c *control) count(op *isa.Op) {
	k := &c.c
	switch op.Code {
	case isa.LoadHBM:
		k.HBMRead += op.Bytes()
		k.BufferWritten += op.Bytes()
	case isa.StoreHBM:
		k.HBMWritten += op.Bytes()
		k.BufferRead += op.Bytes()
	case isa.ReadHost:
		k.HostRead += op.Bytes()
		k.BufferWritten += op.Bytes()
	case isa.WriteHost:
		k.HostWritten += op.Bytes()
		k.BufferRead += op.Bytes()
	case isa.ReadWeights:
		if op.Weights.FromBuffer {
			k.BufferRead += op.Bytes()
		} else {
			k.HBMRead += op.Bytes()
			k.Weights += op.Bytes()
		}
	case isa.MatMul, isa.Conv:
		c.countProduct(op)
	case isa.Activate:
		n := int64(op.Rows) * int64(op.Activation.Cols)
		k.VectorOps += n
		k.AccRead += 4 * n
		k.BufferWritten += op.Buf.Rows * op.Buf.Bytes
		if op.Activation.Bias >= 0 {
			k.BufferRead += 4 * int64(op.Activation.Cols)
		}
		if op.Activation.Scales >= 0 {
			k.BufferRead += 4 * int64(op.Activation.Cols)
		}
	case isa.Vector:
		v := &op.Vector
		k.VectorOps += int64(v.Count)
		for i := range v.Fn.Sources() {
			k.BufferRead += int64(v.Elements(i)) * int64(v.SrcType[i].Size())
		}
		k.BufferWritten += op.Buf.Bytes
	}
}

func (c *control) countProduct(op *isa.Op) {
	k := &c.c
	passes := int64(op.Format.Passes())
	rows, depth, cols := int64(op.Rows), int64(op.Tile.Rows), int64(op.Tile.Cols)
	k.MACs += rows * depth * cols
	k.BufferRead += rows * depth * int64(op.Format.ActivationBytes()) * passes
	useful := rows * depth * cols * passes
	active := rows * passes
	if c.cfg.Dataflow == arch.OS {
		active = depth * passes
	}
	k.UsefulSlots += useful
	k.UnusedSlots += active*int64(c.cfg.Rows)*int64(c.cfg.Cols) - useful
	if op.Last {
		sums := 4 * rows * cols
		k.AccWritten += sums
		if op.Accumulate {
			k.AccRead += sums
		}
	}
}
