package isa

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/tpu/arch"
)

// Builder writes a program. It allocates the buffer, writes registers only when
// their values change, and keeps the first mistake for [Builder.Program] to return,
// so that a compiler need not check every call.
type Builder struct {
	cfg   *arch.Config
	prog  Program
	regs  [registers]uint64
	space space
	taken map[string]bool
	err   error
}

// NewBuilder returns a builder of an empty program.
func NewBuilder(cfg *arch.Config) *Builder {
	return &Builder{cfg: cfg, regs: resetRegisters(), space: newSpace(int64(cfg.Buffer)), taken: map[string]bool{}}
}

// Program ends the program with halt and returns it, or the first mistake made while
// building. [Program.Check] finds the others.
func (b *Builder) Program() (*Program, error) {
	if n := len(b.prog.Words); n == 0 || b.prog.Words[n-1].Opcode() != Halt {
		b.emit(Halt)
	}
	if b.err != nil {
		return nil, b.err
	}
	return &b.prog, nil
}

// Memory is a part of the buffer that a program has taken.
type Memory struct {
	Name        string
	Addr, Bytes int64
}

// Alloc takes part of the buffer, the smallest gap that is large enough. The name
// must not be in use. Where there is no room the error is a [*NoRoomError].
func (b *Builder) Alloc(name string, bytes int) (Memory, error) {
	switch {
	case !validName(name):
		return Memory{}, fmt.Errorf("tpu: %q is no name of a buffer", name)
	case b.taken[name]:
		return Memory{}, fmt.Errorf("tpu: buffer %s is taken already", name)
	case bytes < 1:
		return Memory{}, fmt.Errorf("tpu: buffer %s of %d bytes", name, bytes)
	}
	addr, ok := b.space.take(int64(bytes))
	if !ok {
		return Memory{}, &NoRoomError{Name: name, Bytes: int64(bytes), Largest: b.space.largest(), Capacity: int64(b.cfg.Buffer)}
	}
	m := Memory{name, addr, int64(bytes)}
	b.taken[name] = true
	b.prog.Marks = append(b.prog.Marks, Mark{PC: len(b.prog.Words), Name: name, Addr: addr, Bytes: int64(bytes)})
	return m, nil
}

// Free gives a part of the buffer back. Work that still uses it is waited for by the
// hardware before another use begins.
func (b *Builder) Free(m Memory) {
	if !b.taken[m.Name] {
		b.fail(fmt.Errorf("tpu: buffer %s is given back and was not taken", m.Name))
		return
	}
	delete(b.taken, m.Name)
	b.space.give(m.Addr, m.Bytes)
	b.prog.Marks = append(b.prog.Marks, Mark{PC: len(b.prog.Words), Free: true, Name: m.Name})
}

// Peak is the most of the buffer that was taken at a time, in bytes.
func (b *Builder) Peak() int64 { return b.space.peak }

// NoRoomError is a buffer that does not fit beside those in use.
type NoRoomError struct {
	Name                     string
	Bytes, Largest, Capacity int64
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("tpu: no room for buffer %s of %d bytes: the largest gap is %d of %d bytes; use smaller tiles", e.Name, e.Bytes, e.Largest, e.Capacity)
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// value is a field of a word under construction.
type value struct {
	name string
	v    uint64
}

func on(name string, set bool) value {
	if set {
		return value{name, 1}
	}
	return value{name, 0}
}

func num64[T ~int | ~int64 | ~uint8 | ~uint32](name string, v T) value {
	return value{name, uint64(int64(v))}
}

func (b *Builder) emit(o Opcode, values ...value) {
	w := Word{byte(o)}
	for _, v := range values {
		f, ok := fieldOf(o, v.name)
		if !ok {
			panic("isa: " + o.String() + " has no field " + v.name)
		}
		if err := w.put(f, v.v); err != nil {
			b.fail(&Error{PC: len(b.prog.Words), Text: o.String(), Reason: err.Error()})
			return
		}
	}
	if len(b.prog.Words) >= MaxWords {
		b.fail(fmt.Errorf("tpu: a program of more than %d instructions", MaxWords))
		return
	}
	b.prog.Words = append(b.prog.Words, w)
	if o.repeats() {
		b.regs[RepCount] = 1
	}
}

// Set writes a register unless it has the value.
func (b *Builder) Set(r Register, v uint64) {
	if b.regs[r] == v {
		return
	}
	b.emit(Set, value{"register", uint64(r)}, value{"value", v})
	b.regs[r] = v
}

// SetFloat writes a register of a float32.
func (b *Builder) SetFloat(r Register, f float32) { b.Set(r, uint64(math.Float32bits(f))) }

func (b *Builder) setInt(r Register, v int64) { b.Set(r, uint64(v)) }

// Repeat makes the next instruction run count times; after each its operands in the
// buffer, accumulators and memory outside advance by so much.
func (b *Builder) Repeat(count int, buf, acc, mem int64) {
	b.setInt(RepCount, int64(count))
	if count > 1 {
		b.setInt(RepBuf, buf)
		b.setInt(RepAcc, acc)
		b.setInt(RepMem, mem)
	}
}

// Transfer is a rectangle of bytes that moves between the buffer and a memory
// outside. A pitch of 0 is rows side by side.
type Transfer struct {
	Buf, Mem           int64
	Rows, RowBytes     int
	BufPitch, MemPitch int
	Tag                uint8
}

// Move adds a transfer: ReadHost, WriteHost, LoadHBM or StoreHBM. More rows than an
// instruction holds become several.
func (b *Builder) Move(o Opcode, t Transfer) {
	if !o.Transfer() {
		b.fail(fmt.Errorf("tpu: %v is no transfer", o))
		return
	}
	bufPitch, memPitch := int64(t.BufPitch), int64(t.MemPitch)
	if bufPitch == 0 {
		bufPitch = int64(t.RowBytes)
	}
	if memPitch == 0 {
		memPitch = int64(t.RowBytes)
	}
	// Dense rows are one row, which has no limit.
	if bufPitch == int64(t.RowBytes) && memPitch == bufPitch {
		t.RowBytes, t.Rows = t.RowBytes*t.Rows, min(t.Rows, 1)
		bufPitch, memPitch = int64(t.RowBytes), int64(t.RowBytes)
	}
	b.setInt(RowBytes, int64(t.RowBytes))
	b.setInt(BufPitch, bufPitch)
	b.setInt(MemPitch, memPitch)
	for done := 0; done < t.Rows || done == 0; {
		n := min(t.Rows-done, 1<<16-1)
		b.emit(o, num64("tag", t.Tag), num64("buf", t.Buf+int64(done)*bufPitch), num64("mem", t.Mem+int64(done)*memPitch), num64("rows", n))
		if done += max(n, 1); done < t.Rows && int64(done)*bufPitch%bufUnit != 0 {
			b.fail(fmt.Errorf("tpu: more than %d rows of a pitch of %d bytes: want a multiple of %d", 1<<16-1, bufPitch, bufUnit))
			return
		}
	}
}

// WeightTile is where a weight tile comes from.
type WeightTile struct {
	Array      int
	FromBuffer bool
	Addr       int64 // of its first row
	Pitch      int   // 0 is rows side by side
	Tile       Tile
	Transpose  bool
	Tag        uint8
}

// ReadWeights adds the reading of a weight tile.
func (b *Builder) ReadWeights(t WeightTile) {
	b.setInt(WPitch, int64(t.Pitch))
	b.emit(ReadWeights, num64("array", t.Array), on("from_buffer", t.FromBuffer), num64("mem", t.Addr), num64("rows", t.Tile.Rows), num64("cols", t.Tile.Cols),
		num64("type", t.Tile.Type), on("transpose", t.Transpose), num64("tag", t.Tag))
}

// Product is a matrix product of rows of the buffer with the array's tile, or a
// convolution if Window is set (whose Base is Buf).
type Product struct {
	Array      int
	Buf        int64
	Pitch      int // 0 is rows side by side
	Type       Type
	Acc, Rows  int
	Switch     bool // take the next weight tile
	Accumulate bool
	Last       bool // output stationary: the chain of sums ends
	Window     *Window
}

// MatMul adds a product.
func (b *Builder) MatMul(p Product) {
	common := []value{on("accumulate", p.Accumulate), on("switch", p.Switch), on("last", p.Last), num64("type", p.Type), num64("array", p.Array), num64("buf", p.Buf), num64("acc", p.Acc)}
	if p.Window == nil {
		b.setInt(APitch, int64(p.Pitch))
		b.emit(MatMul, append(common, num64("rows", p.Rows))...)
		return
	}
	w := p.Window
	for _, k := range []struct {
		r Register
		v int64
	}{{CHeight, int64(w.Height)}, {CWidth, int64(w.Width)}, {CChannels, int64(w.Channels)}, {CKernelW, int64(w.KernelW)},
		{CPitchY, w.PitchY}, {CPitchX, w.PitchX}, {CPitchC, w.PitchC},
		{CStrideY, int64(w.StrideY)}, {CStrideX, int64(w.StrideX)}, {CDilateY, int64(w.DilateY)}, {CDilateX, int64(w.DilateX)}, {CSpreadY, int64(max(w.SpreadY, 1))}, {CSpreadX, int64(max(w.SpreadX, 1))},
		{CPadTop, int64(w.PadTop)}, {CPadLeft, int64(w.PadLeft)}, {CK0, int64(w.K0)}, {CY0, int64(w.Y0)}, {CX0, int64(w.X0)}} {
		b.setInt(k.r, k.v)
	}
	b.emit(Conv, append(common, num64("high", w.High), num64("wide", w.Wide))...)
}

// Result is what activation takes and where its result goes. The fields of
// Activation that give addresses are used if they are not negative.
type Result struct {
	Array     int
	Acc, Rows int
	Buf       int64
	Pitch     int // 0 is rows side by side
	Activation
}

// Activate adds an activation.
func (b *Builder) Activate(r Result) {
	a := r.Activation
	b.setInt(ActCols, int64(a.Cols))
	b.setInt(ActPitch, int64(r.Pitch))
	if a.Bias >= 0 {
		b.setInt(ActBias, a.Bias)
	}
	if a.Scales >= 0 {
		b.setInt(ActScales, a.Scales)
	}
	b.SetFloat(ActScale, a.Scale)
	b.SetFloat(ActOutScale, a.OutScale)
	b.setInt(ActZero, int64(a.Zero))
	b.SetFloat(ActAlpha, a.Alpha)
	b.setInt(ActRound, int64(a.Round))
	b.setInt(ActShift, int64(a.Shift))
	if a.Pool != NoPool {
		b.setInt(PoolWidth, int64(a.Width))
		b.setInt(PoolSize, int64(a.Size))
		b.setInt(PoolStride, int64(a.Stride))
	}
	b.emit(Activate, num64("fn", uint8(a.Fn)), on("bias", a.Bias >= 0), on("scales", a.Scales >= 0), on("float", a.Float), num64("out", a.Out), num64("pool", a.Pool),
		num64("array", r.Array), num64("acc", r.Acc), num64("buf", r.Buf), num64("rows", r.Rows))
}

// Plain is an activation that only converts: no bias, scale 1.
func Plain(out Type, float bool, cols int) Activation {
	return Activation{Float: float, Out: out, Cols: cols, Bias: -1, Scales: -1, Scale: 1, OutScale: 1}
}

// Vector adds an operation of the vector unit.
func (b *Builder) Vector(v VectorOp) {
	b.setInt(VCols, int64(v.Cols))
	b.setInt(VType, int64(v.DstType))
	for i := range v.Fn.Sources() {
		k := Register(i)
		b.setInt(VType1+k, int64(v.SrcType[i]))
		if v.Fn.Elementwise() {
			b.setInt(VSpread1+k, int64(v.Spread[i]))
		}
		switch {
		case v.Fn.Elementwise() && v.Spread[i] == Scalar:
			b.SetFloat(VImm1+k, v.Imm[i])
		case i > 0:
			b.setInt(VSrc2+k-1, v.Src[i])
		}
	}
	switch {
	case v.Fn == Pick || v.Fn == Place:
		s := v.Strides
		b.setInt(VOffset, s.Offset)
		b.setInt(VPitch, s.Pitch)
		b.setInt(VStep, s.Step)
		b.setInt(VGroup, int64(s.Group))
		b.setInt(VGroupPitch, s.GroupPitch)
	case v.Fn.Indexed():
		b.setInt(VWidth, int64(v.Width))
	case v.Fn == IotaCol || v.Fn == IotaRow:
		b.SetFloat(VImm1, v.Imm[0])
	case v.Fn == Random || v.Fn == RandomLow:
		b.Set(VFirst, v.First)
	}
	b.emit(Vector, num64("fn", v.Fn), num64("dst", v.Dst), num64("src", v.Src[0]), num64("count", v.Count))
}

// Sync waits for everything.
func (b *Builder) Sync() { b.emit(Sync) }

// Wait waits for the transfers of a tag.
func (b *Builder) Wait(tag uint8) { b.emit(Wait, num64("tag", tag)) }

// Interrupt tells the host a code.
func (b *Builder) Interrupt(code uint32) { b.emit(Interrupt, num64("code", code)) }

// Debug leaves a mark in the trace.
func (b *Builder) Debug(code uint32) { b.emit(Debug, num64("code", code)) }

// Halt ends the program.
func (b *Builder) Halt() { b.emit(Halt) }

// Len is the number of instructions so far.
func (b *Builder) Len() int { return len(b.prog.Words) }
