package isa

import (
	"fmt"
	"math"
)

func (r *Resolver) vector(op *Op) error {
	if !r.cfg.Vector {
		return fmt.Errorf("this chip has no vector unit")
	}
	w := op.Word
	v := &op.Vector
	*v = VectorOp{Fn: VectorFn(w[1]), Count: int(w.bitsAt(64, 32))}
	move, err := r.advanceBy(RepBuf)
	if err != nil {
		return err
	}
	v.Dst, v.Src[0] = int64(w.bitsAt(16, 24))*bufUnit+move, int64(w.bitsAt(40, 24))*bufUnit+move
	for i, k := range [...]Register{VSrc2, VSrc3} {
		a, err := r.reg(k, 0, int64(r.cfg.Buffer))
		if err != nil {
			return err
		}
		v.Src[i+1] = a + move
	}
	if v.DstType, err = r.vectorType(VType); err != nil {
		return err
	}
	for i := range 3 {
		k := Register(i)
		if v.SrcType[i], err = r.vectorType(VType1 + k); err != nil {
			return err
		}
		spread, err := r.reg(VSpread1+k, 0, int64(spreads)-1)
		if err != nil {
			return err
		}
		v.Spread[i], v.Imm[i] = Spread(spread), math.Float32frombits(uint32(r.regs[VImm1+k]))
	}
	cols, err := r.reg(VCols, 0, int64(r.cfg.Buffer))
	if err != nil {
		return err
	}
	if v.Cols = int(cols); v.Cols == 0 {
		v.Cols = v.Count
	}
	if v.Count < 1 || v.Count > r.cfg.Buffer || v.Count%v.Cols != 0 {
		return fmt.Errorf("%d elements are no rows of %d", v.Count, v.Cols)
	}
	v.Rows = v.Count / v.Cols
	switch {
	case v.Fn == Pick || v.Fn == Place:
		err = r.strides(v)
	case v.Fn.Indexed():
		err = r.indexed(v)
	case v.Fn == Random || v.Fn == RandomLow:
		v.First, v.SrcType[0] = r.regs[VFirst], S32
	}
	if err != nil {
		return err
	}
	return r.operands(op)
}

// vectorType reads the type of an operand.
func (r *Resolver) vectorType(k Register) (Type, error) {
	switch t := r.regs[k]; t {
	case uint64(BF16), uint64(F32), uint64(S32), uint64(U8):
		return Type(t), nil
	}
	return 0, fmt.Errorf("register %v is %d: the vector unit takes u8 (%d), bf16 (%d), f32 (%d) and s32 (%d)", k, r.regs[k], U8, BF16, F32, S32)
}

func (r *Resolver) strides(v *VectorOp) error {
	limit := int64(r.cfg.Buffer)
	for _, k := range []struct {
		reg Register
		to  *int64
	}{{VOffset, &v.Strides.Offset}, {VPitch, &v.Strides.Pitch}, {VStep, &v.Strides.Step}, {VGroupPitch, &v.Strides.GroupPitch}} {
		var err error
		if *k.to, err = r.reg(k.reg, -limit, limit); err != nil {
			return err
		}
	}
	group, err := r.reg(VGroup, 0, limit)
	v.Strides.Group = int(group)
	return err
}

func (r *Resolver) indexed(v *VectorOp) error {
	if v.SrcType[1] != S32 {
		return fmt.Errorf("the indices are %v: want s32", v.SrcType[1])
	}
	if (v.Fn == Gather || v.Fn == TakeRow) && v.SrcType[0] != v.DstType {
		return fmt.Errorf("%v takes %v to %v: want one type", v.Fn, v.SrcType[0], v.DstType)
	}
	width, err := r.reg(VWidth, 1, int64(r.cfg.Buffer))
	v.Width = int(width)
	return err
}

// operands checks where a vector operation's operands lie. A result may take the
// place of a source that is read element by element, but must not overlap one
// otherwise.
func (r *Resolver) operands(op *Op) error {
	v := &op.Vector
	op.Buf = v.region(v.Dst, v.Results(), v.DstType, v.Fn == Place)
	op.use(Use{Space: Buffer, Write: true, Region: op.Buf})
	if err := r.allocated("the result", op.Buf); err != nil {
		return err
	}
	for i := range v.Fn.Sources() {
		g := v.region(v.Src[i], v.Elements(i), v.SrcType[i], v.Fn == Pick)
		if err := r.allocated(sources[i], g); err != nil {
			return err
		}
		inPlace := v.Fn.Elementwise() && v.Spread[i] == Full && v.Src[i] == v.Dst && v.SrcType[i].Size() == v.DstType.Size()
		if !inPlace && g.Overlaps(op.Buf) {
			return fmt.Errorf("%s and the result overlap and are not the same elements", sources[i])
		}
		op.use(Use{Space: Buffer, Region: g})
	}
	return nil
}

var sources = [...]string{"source 1", "source 2", "source 3"}

// region is where an operand lies; of a strided one the bytes from its first to its last.
func (v *VectorOp) region(at int64, elements int, t Type, strided bool) Region {
	if strided {
		lo, hi := v.Strides.hull(v.Rows, v.Cols, t.Size())
		return Region{at + lo, hi - lo, hi - lo, 1}
	}
	n := int64(elements) * int64(t.Size())
	return Region{at, n, n, 1}
}
