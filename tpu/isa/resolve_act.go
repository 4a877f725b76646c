package isa

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/tpu/num"
)

func (r *Resolver) activate(op *Op) error {
	w := op.Word
	if _, err := r.array(op, w.bitsAt(24, 4)); err != nil {
		return err
	}
	a := &op.Activation
	*a = Activation{
		Fn: num.Function(w[1]), Float: w.bitsAt(18, 1) == 1, Out: Type(w.bitsAt(19, 3)), Bias: -1, Scales: -1,
		Scale: math.Float32frombits(uint32(r.regs[ActScale])), OutScale: math.Float32frombits(uint32(r.regs[ActOutScale])),
		Alpha: math.Float32frombits(uint32(r.regs[ActAlpha])), Pool: Pool(w.bitsAt(22, 2)),
	}
	if err := regsInto(r, 0, int64(r.cfg.Cols), into[int]{ActCols, &a.Cols}); err != nil {
		return err
	}
	if a.Cols == 0 {
		a.Cols = r.cfg.Cols
	}
	moveBuf, err := r.advanceBy(RepBuf)
	if err != nil {
		return err
	}
	moveAcc, err := r.advanceBy(RepAcc)
	if err != nil {
		return err
	}
	acc, rows := int64(w.bitsAt(32, 16))+moveAcc, int64(w.bitsAt(72, 24))
	if rows < 1 || acc < 0 || acc+rows > int64(r.cfg.AccRows) {
		return fmt.Errorf("accumulator rows %d to %d, the array has %d", acc, acc+rows-1, r.cfg.AccRows)
	}
	op.Acc, op.Rows = int(acc), int(rows)
	if err := r.rounding(a); err != nil {
		return err
	}
	if err := r.pooling(a, int(rows)); err != nil {
		return err
	}
	bytes := int64(a.Cols * a.Out.Size())
	pitch, err := r.pitch(ActPitch, bytes)
	if err != nil {
		return err
	}
	if pitch < bytes && a.OutRows > 1 {
		return fmt.Errorf("rows of %d bytes, %d apart, overwrite each other", bytes, pitch)
	}
	op.Buf = Region{int64(w.bitsAt(48, 24))*bufUnit + moveBuf, bytes, pitch, int64(a.OutRows)}
	op.use(Use{Space: Accumulators, Array: op.Array, Region: Region{acc, 1, 1, rows}})
	op.use(Use{Space: Buffer, Write: true, Region: op.Buf})
	if err := r.allocated("the result", op.Buf); err != nil {
		return err
	}
	for _, k := range []struct {
		flag uint
		reg  Register
		to   *int64
		what string
	}{{16, ActBias, &a.Bias, "the bias"}, {17, ActScales, &a.Scales, "the scales"}} {
		if w.bitsAt(k.flag, 1) == 0 {
			continue
		}
		if *k.to, err = r.reg(k.reg, 0, int64(r.cfg.Buffer)); err != nil {
			return err
		}
		g := Region{*k.to, int64(4 * a.Cols), int64(4 * a.Cols), 1}
		if err := r.allocated(k.what, g); err != nil {
			return err
		}
		if g.Overlaps(op.Buf) {
			return fmt.Errorf("%s and the result overlap", k.what)
		}
		op.use(Use{Space: Buffer, Region: g})
	}
	return nil
}

// rounding reads how the result becomes an integer and refuses what makes no sense.
func (r *Resolver) rounding(a *Activation) error {
	zero, err := r.reg(ActZero, -256, 256)
	if err != nil {
		return err
	}
	round, err := r.reg(ActRound, 0, int64(num.ShiftEven))
	if err != nil {
		return err
	}
	shift, err := r.reg(ActShift, 0, 62)
	if err != nil {
		return err
	}
	a.Zero, a.Round, a.Shift = int32(zero), num.Rounding(round), uint(shift)
	exact := a.Round != num.FloatEven || a.Out == S32
	switch {
	case a.Out == S16:
		return fmt.Errorf("results of 16-bit integers are not supported: want s8, u8, bf16, f32 or s32")
	case exact && a.Float:
		return fmt.Errorf("%v results of rounding %v need integer accumulators", a.Out, a.Round)
	case a.Round != num.FloatEven && a.Out.Size() > 1:
		return fmt.Errorf("rounding %v makes 8-bit results, not %v", a.Round, a.Out)
	case exact && a.Fn > num.ReLU:
		return fmt.Errorf("%v cannot be computed on integers", a.Fn)
	}
	return nil
}

func (r *Resolver) pooling(a *Activation, rows int) error {
	a.OutRows = rows
	if a.Pool == NoPool {
		return nil
	}
	if a.Round != num.FloatEven || a.Out == S32 {
		return fmt.Errorf("pooling is done on float32 values: want rounding float and another result type")
	}
	if err := regsInto(r, 1, maxSide, into[int]{PoolWidth, &a.Width}, into[int]{PoolSize, &a.Size}, into[int]{PoolStride, &a.Stride}); err != nil {
		return err
	}
	if rows%a.Width != 0 || a.Size > a.Width || a.Size > rows/a.Width {
		return fmt.Errorf("windows of %d×%d do not fit in %d rows of lines of %d", a.Size, a.Size, rows, a.Width)
	}
	a.OutRows = ((rows/a.Width-a.Size)/a.Stride + 1) * ((a.Width-a.Size)/a.Stride + 1)
	return nil
}
