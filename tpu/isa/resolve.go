package isa

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/arch"
)

// Resolver walks a program in the order of dispatch and makes the operations of its
// instructions, checking each. It is the one reader of programs: engines, oracle and
// checker go through it.
type Resolver struct {
	cfg    *arch.Config
	prog   *Program
	limits Limits

	pc, iteration int
	mark          int
	halted        bool
	trusted       bool
	regs          [registers]uint64
	buffers       []Mark // taken and not given back
	arrays        []arrayState
	outside       outside
}

// arrayState is what the program has done to an array so far.
type arrayState struct {
	waiting []Tile // read and not yet switched to
	tile    Tile   // in the array
	chain   *Op    // output stationary: the first product of the running chain
}

// NewResolver returns a resolver at the start of a program.
func NewResolver(p *Program, cfg *arch.Config, limits Limits) *Resolver {
	return &Resolver{cfg: cfg, prog: p, limits: limits, regs: resetRegisters(), arrays: make([]arrayState, cfg.Arrays), outside: outside{depth: cfg.Queue + 1}}
}

// Trust leaves out checks of the words and of transfers against each other, for a
// program that has passed [Program.Check] with the same arguments.
func (r *Resolver) Trust() { r.trusted = true }

// Next makes the next operation; false is the end of the program.
func (r *Resolver) Next(op *Op) (bool, error) {
	if r.halted {
		return false, nil
	}
	if r.pc >= len(r.prog.Words) {
		return false, r.fail("the program ends without halt")
	}
	if r.iteration == 0 {
		if err := r.marks(); err != nil {
			return false, err
		}
	}
	w := r.prog.Words[r.pc]
	*op = Op{PC: r.pc, Iteration: r.iteration, Word: w, Code: w.Opcode()}
	var err error
	if !r.trusted {
		err = w.Check()
	}
	if err == nil {
		err = r.resolve(op)
	}
	if err == nil && !r.trusted {
		err = r.outside.check(op)
	}
	if err != nil {
		return false, r.fail(err.Error())
	}
	r.advance(op)
	return true, nil
}

// Where is the number of the instruction that Next makes next.
func (r *Resolver) Where() int { return r.pc }

func (r *Resolver) fail(reason string) error {
	e := &Error{PC: r.pc, Iteration: r.iteration, Text: "the end", Reason: reason}
	if r.pc < len(r.prog.Words) {
		e.Text = r.prog.Words[r.pc].String()
	}
	return e
}

// repeats reports whether the instruction obeys rep_count.
func (o Opcode) repeats() bool { return o >= ReadHost && o <= Vector }

func (r *Resolver) advance(op *Op) {
	if op.Code.repeats() {
		if r.iteration++; uint64(r.iteration) < r.regs[RepCount] {
			return
		}
		r.regs[RepCount] = 1
	}
	r.iteration = 0
	r.pc++
}

// marks takes and gives back buffers before an instruction.
func (r *Resolver) marks() error {
	for ; r.mark < len(r.prog.Marks) && r.prog.Marks[r.mark].PC <= r.pc; r.mark++ {
		m := r.prog.Marks[r.mark]
		if m.Free {
			i := r.named(m.Name)
			if i < 0 {
				return r.fail(fmt.Sprintf("buffer %s is given back and was not taken", m.Name))
			}
			r.buffers = append(r.buffers[:i], r.buffers[i+1:]...)
			continue
		}
		switch {
		case r.named(m.Name) >= 0:
			return r.fail(fmt.Sprintf("buffer %s is taken twice", m.Name))
		case m.Addr < 0 || m.Bytes < 1 || m.Bytes > int64(r.cfg.Buffer) || m.Addr > int64(r.cfg.Buffer)-m.Bytes:
			return r.fail(fmt.Sprintf("buffer %s of %d bytes at %#x does not fit in the buffer of %d bytes", m.Name, m.Bytes, m.Addr, r.cfg.Buffer))
		}
		for _, b := range r.buffers {
			if m.Addr < b.Addr+b.Bytes && b.Addr < m.Addr+m.Bytes {
				return r.fail(fmt.Sprintf("buffer %s overlaps buffer %s", m.Name, b.Name))
			}
		}
		r.buffers = append(r.buffers, m)
	}
	return nil
}

func (r *Resolver) named(name string) int {
	for i, b := range r.buffers {
		if b.Name == name {
			return i
		}
	}
	return -1
}

// allocated checks that a region lies in one buffer.
func (r *Resolver) allocated(what string, g Region) error {
	if g.Empty() {
		return nil
	}
	for _, b := range r.buffers {
		if g.Addr >= b.Addr && g.End() <= b.Addr+b.Bytes {
			return nil
		}
	}
	for _, b := range r.buffers {
		if g.Addr < b.Addr+b.Bytes && b.Addr < g.End() {
			return fmt.Errorf("%s is %v, beyond buffer %s of %d bytes at %#x", what, g, b.Name, b.Bytes, b.Addr)
		}
	}
	return fmt.Errorf("%s is %v, which is in no buffer: allocate it first", what, g)
}

// reg is a register's value as an integer between lo and hi.
func (r *Resolver) reg(k Register, lo, hi int64) (int64, error) {
	v := r.regs[k]
	if registerTable[k].kind == signed {
		if s := int64(v); s < lo || s > hi {
			return 0, fmt.Errorf("register %v is %d, want %d to %d", k, s, lo, hi)
		}
		return int64(v), nil
	}
	if v > uint64(hi) || int64(v) < lo {
		return 0, fmt.Errorf("register %v is %d, want %d to %d", k, v, lo, hi)
	}
	return int64(v), nil
}

// into is a register and what takes its value.
type into[T int | int64] struct {
	from Register
	to   *T
}

// regsInto reads several registers with one range.
func regsInto[T int | int64](r *Resolver, lo, hi int64, list ...into[T]) error {
	for _, k := range list {
		v, err := r.reg(k.from, lo, hi)
		if err != nil {
			return err
		}
		*k.to = T(v)
	}
	return nil
}

// maxPitch bounds every distance, so that no address overflows.
const maxPitch = 1 << 40

// pitch is a register of the distance of rows, which are bytes long.
func (r *Resolver) pitch(k Register, bytes int64) (int64, error) {
	v, err := r.reg(k, 0, maxPitch)
	if v == 0 {
		v = bytes
	}
	return v, err
}

// advanceBy is how far a repeated instruction's operand has moved.
func (r *Resolver) advanceBy(k Register) (int64, error) {
	if r.iteration == 0 {
		return 0, nil
	}
	v, err := r.reg(k, -maxPitch, maxPitch)
	return v * int64(r.iteration), err
}

func (r *Resolver) resolve(op *Op) error {
	if op.Code.repeats() {
		if n := r.regs[RepCount]; n < 1 || n > 1<<20 {
			return fmt.Errorf("register rep_count is %d, want 1 to %d", n, 1<<20)
		}
	}
	switch op.Code {
	case Set:
		r.regs[op.Word[1]] = op.Word.bitsAt(32, 64)
	case Wait:
		op.Tag = op.Word[1]
	case Halt:
		for i := range r.arrays {
			if r.arrays[i].chain != nil {
				return fmt.Errorf("array %d has a chain of sums that no product ends with last", i)
			}
		}
		r.halted = true
	case Interrupt, Debug:
		op.Value = op.Word.bitsAt(64, 32)
	case ReadHost, WriteHost, LoadHBM, StoreHBM:
		return r.transfer(op)
	case ReadWeights:
		return r.weights(op)
	case MatMul, Conv:
		return r.product(op)
	case Activate:
		return r.activate(op)
	case Vector:
		return r.vector(op)
	}
	return nil
}

func (r *Resolver) transfer(op *Op) error {
	w, host := op.Word, op.Code <= WriteHost
	if !host && !r.cfg.BufferFromHBM {
		return fmt.Errorf("off-chip memory of this chip reaches only the weight FIFO: bring activations from the host")
	}
	op.Tag = w[1]
	rows := int64(w.bitsAt(80, 16))
	bytes, err := r.reg(RowBytes, 1, maxPitch)
	if err != nil {
		return err
	}
	bufPitch, err := r.pitch(BufPitch, bytes)
	if err != nil {
		return err
	}
	memPitch, err := r.pitch(MemPitch, bytes)
	if err != nil {
		return err
	}
	moveBuf, err := r.advanceBy(RepBuf)
	if err != nil {
		return err
	}
	moveMem, err := r.advanceBy(RepMem)
	if err != nil {
		return err
	}
	op.Buf = Region{int64(w.bitsAt(16, 24))*bufUnit + moveBuf, bytes, bufPitch, rows}
	op.Mem = Region{int64(w.bitsAt(40, 40)) + moveMem, bytes, memPitch, rows}
	toBuffer := op.Code == ReadHost || op.Code == LoadHBM
	name := "off-chip memory"
	if host {
		name = "host memory"
	}
	switch {
	case rows < 1:
		return fmt.Errorf("no rows to move")
	case toBuffer && rows > 1 && bufPitch < bytes:
		return fmt.Errorf("rows of %d bytes, %d apart in the buffer, overwrite each other", bytes, bufPitch)
	case !toBuffer && rows > 1 && memPitch < bytes:
		return fmt.Errorf("rows of %d bytes, %d apart in %s, overwrite each other", bytes, memPitch, name)
	}
	if host {
		err = inside(name, op.Mem, r.limits.Host)
	} else {
		err = r.limits.offChip(op.Mem)
	}
	if err != nil {
		return err
	}
	op.use(Use{Space: Buffer, Write: toBuffer, Region: op.Buf})
	return r.allocated("the buffer operand", op.Buf)
}

// inside checks a region of a memory of the given size.
func inside(name string, g Region, size int64) error {
	if g.Addr < 0 || g.Bytes > size || g.End() > size {
		return fmt.Errorf("%s %v is beyond its %d bytes", name, g, size)
	}
	return nil
}

func (r *Resolver) array(op *Op, n uint64) (*arrayState, error) {
	op.Array = int(n)
	if op.Array >= r.cfg.Arrays {
		return nil, fmt.Errorf("array %d does not exist, the core has %d", op.Array, r.cfg.Arrays)
	}
	return &r.arrays[op.Array], nil
}

func (r *Resolver) weights(op *Op) error {
	w := op.Word
	a, err := r.array(op, w.bitsAt(11, 4))
	if err != nil {
		return err
	}
	op.Tag = w[11]
	t := Tile{int(w.bitsAt(16, 16)), int(w.bitsAt(32, 16)), Type(w.bitsAt(8, 2))}
	op.Weights = Weights{FromBuffer: w.bitsAt(15, 1) == 1, Transpose: w.bitsAt(10, 1) == 1, Tile: t}
	switch {
	case t.Rows < 1 || t.Rows > r.cfg.Rows || t.Cols < 1 || t.Cols > r.cfg.Cols:
		return fmt.Errorf("wrong tile: %d×%d weights, the array has %d×%d elements", t.Rows, t.Cols, r.cfg.Rows, r.cfg.Cols)
	case !r.suits(t.Type):
		return fmt.Errorf("wrong tile: %v weights, the array multiplies %v", t.Type, r.cfg.Operand)
	case op.Weights.FromBuffer && !r.cfg.BufferFromHBM:
		return fmt.Errorf("weights of this chip come from off-chip memory alone")
	}
	rows, cols := t.Rows, t.Cols
	if op.Weights.Transpose {
		rows, cols = cols, rows
	}
	bytes := int64(cols * t.Type.Size())
	pitch, err := r.pitch(WPitch, bytes)
	if err != nil {
		return err
	}
	move, err := r.advanceBy(RepMem)
	if err != nil {
		return err
	}
	g := Region{int64(w.bitsAt(48, 40)) + move, bytes, pitch, int64(rows)}
	a.waiting = append(a.waiting, t)
	if op.Weights.FromBuffer {
		op.Buf = g
		op.use(Use{Space: Buffer, Region: g})
		return r.allocated("the weights", g)
	}
	op.Mem = g
	return r.limits.offChip(g)
}

// suits reports whether an array can multiply values of a type.
func (r *Resolver) suits(t Type) bool { return (t == BF16) == (r.cfg.OperandBytes() == 2) }

func (r *Resolver) product(op *Op) error {
	w := op.Word
	a, err := r.array(op, w.bitsAt(13, 4))
	if err != nil {
		return err
	}
	op.Accumulate, op.Switch, op.Last = w.bitsAt(8, 1) == 1, w.bitsAt(9, 1) == 1, w.bitsAt(10, 1) == 1
	if op.Switch {
		if len(a.waiting) == 0 {
			return fmt.Errorf("wrong tile: array %d has none to switch to, read_weights comes first", op.Array)
		}
		a.tile, a.waiting = a.waiting[0], a.waiting[1:]
	}
	op.Tile = a.tile
	if op.Tile.Rows == 0 {
		return fmt.Errorf("wrong tile: array %d has none, the first product must switch to one", op.Array)
	}
	activations := Type(w.bitsAt(11, 2))
	var ok bool
	if op.Format, ok = precision(activations, op.Tile.Type); !ok || !r.suits(activations) {
		return fmt.Errorf("wrong tile: %v activations with %v weights", activations, op.Tile.Type)
	}
	moveBuf, err := r.advanceBy(RepBuf)
	if err != nil {
		return err
	}
	moveAcc, err := r.advanceBy(RepAcc)
	if err != nil {
		return err
	}
	base := int64(w.bitsAt(24, 24))*bufUnit + moveBuf
	acc := int64(w.bitsAt(48, 16)) + moveAcc
	rows := int64(w.bitsAt(64, 32))
	if op.Code == Conv {
		if rows, err = r.window(op, base, activations); err != nil {
			return err
		}
	} else {
		bytes := int64(op.Tile.Rows * activations.Size())
		pitch, err := r.pitch(APitch, bytes)
		if err != nil {
			return err
		}
		op.Buf = Region{base, bytes, pitch, rows}
	}
	if rows < 1 || acc < 0 || acc+rows > int64(r.cfg.AccRows) {
		return fmt.Errorf("accumulator rows %d to %d, the array has %d", acc, acc+rows-1, r.cfg.AccRows)
	}
	op.Acc, op.Rows = int(acc), int(rows)
	if err := r.chain(op, a); err != nil {
		return err
	}
	op.use(Use{Space: Buffer, Early: true, Region: op.Buf})
	op.use(Use{Space: Accumulators, Array: op.Array, Write: true, Region: Region{acc, 1, 1, rows}})
	return r.allocated("the activations", op.Buf)
}

// chain checks the products that an output-stationary array adds up in place.
func (r *Resolver) chain(op *Op, a *arrayState) error {
	if r.cfg.Dataflow != arch.OS {
		if op.Last {
			return fmt.Errorf("last is for output-stationary arrays, this one is %v", r.cfg.Dataflow)
		}
		op.First, op.Last = true, true
		return nil
	}
	switch first := a.chain; {
	case !op.Switch:
		return fmt.Errorf("weights pass through an output-stationary array: every product switches to its own tile")
	case op.Rows > r.cfg.Rows:
		return fmt.Errorf("wrong tile: %d rows of activations, an output-stationary array holds %d", op.Rows, r.cfg.Rows)
	case first == nil:
		op.First = true
		if !op.Last {
			copied := *op
			a.chain = &copied
		}
	case first.Rows != op.Rows || first.Acc != op.Acc || first.Tile.Cols != op.Tile.Cols || first.Accumulate != op.Accumulate || first.Format != op.Format:
		return fmt.Errorf("the product is of another size, place or type than instruction %d, whose sums it goes on with", first.PC)
	case op.Last:
		a.chain = nil
	}
	return nil
}

// maxSide bounds sizes of images and windows, so that their products do not overflow.
const maxSide = 1 << 20

func (r *Resolver) window(op *Op, base int64, t Type) (rows int64, err error) {
	w := &Window{Base: base, High: int(op.Word.bitsAt(64, 16)), Wide: int(op.Word.bitsAt(80, 16))}
	if err := regsInto(r, 1, maxSide, into[int]{CHeight, &w.Height}, into[int]{CWidth, &w.Width}, into[int]{CChannels, &w.Channels}, into[int]{CKernelW, &w.KernelW},
		into[int]{CStrideY, &w.StrideY}, into[int]{CStrideX, &w.StrideX}, into[int]{CDilateY, &w.DilateY}, into[int]{CDilateX, &w.DilateX}, into[int]{CSpreadY, &w.SpreadY}, into[int]{CSpreadX, &w.SpreadX}); err != nil {
		return 0, err
	}
	if err := regsInto(r, 0, maxSide, into[int]{CY0, &w.Y0}, into[int]{CX0, &w.X0}); err != nil {
		return 0, err
	}
	k0, err := r.reg(CK0, 0, 1<<40)
	if err != nil {
		return 0, err
	}
	w.K0 = int(k0)
	if err := regsInto(r, -maxSide, maxSide, into[int]{CPadTop, &w.PadTop}, into[int]{CPadLeft, &w.PadLeft}); err != nil {
		return 0, err
	}
	if err := regsInto(r, 0, 1<<30, into[int64]{CPitchY, &w.PitchY}, into[int64]{CPitchX, &w.PitchX}, into[int64]{CPitchC, &w.PitchC}); err != nil {
		return 0, err
	}
	if w.High < 1 || w.Wide < 1 {
		return 0, fmt.Errorf("a picture of %d×%d has no elements", w.High, w.Wide)
	}
	op.Window = w
	op.Buf = w.touched(op.Tile.Rows, t.Size())
	return int64(w.High) * int64(w.Wide), nil
}

// touched is the part of the buffer from the first to the last byte that a tile of
// so many rows reads.
func (w *Window) touched(rows, size int) Region {
	last := w.K0 + rows - 1
	c0, c1 := w.K0%w.Channels, last%w.Channels
	k0, k1 := w.K0/w.Channels, last/w.Channels
	if k0 != k1 {
		c0, c1 = 0, w.Channels-1
	}
	x0, x1 := k0%w.KernelW, k1%w.KernelW
	y0, y1 := k0/w.KernelW, k1/w.KernelW
	if y0 != y1 {
		x0, x1 = 0, w.KernelW-1
	}
	top := max(0, ceilDiv(w.Y0*w.StrideY+y0*w.DilateY-w.PadTop, w.SpreadY))
	bottom := min(w.Height-1, floorDiv((w.Y0+w.High-1)*w.StrideY+y1*w.DilateY-w.PadTop, w.SpreadY))
	left := max(0, ceilDiv(w.X0*w.StrideX+x0*w.DilateX-w.PadLeft, w.SpreadX))
	right := min(w.Width-1, floorDiv((w.X0+w.Wide-1)*w.StrideX+x1*w.DilateX-w.PadLeft, w.SpreadX))
	if top > bottom || left > right {
		return Region{Addr: w.Base}
	}
	at := func(y, x, c int) int64 {
		return w.Base + int64(y)*w.PitchY + int64(x)*w.PitchX + int64(c)*w.PitchC
	}
	lo, hi := at(top, left, c0), at(bottom, right, c1)+int64(size)
	return Region{lo, hi - lo, hi - lo, 1}
}

// Program is what is walked.
func (r *Resolver) Program() *Program { return r.prog }
