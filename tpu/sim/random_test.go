package sim_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// randomConfig is a small machine of any kind.
func randomConfig(r *rand.Rand) *arch.Config {
	c, err := arch.Free(1+r.IntN(9), 1+r.IntN(9))
	if err != nil {
		panic(err)
	}
	if r.IntN(8) == 0 {
		c.Rows, c.Cols = 1+r.IntN(40), 1+r.IntN(40)
	}
	c.Arrays = 1 + r.IntN(2)
	c.Dataflow = arch.Dataflow(r.IntN(3))
	c.Shadow = r.IntN(4) > 0
	c.Operand = []dtype.Type{dtype.BF16, dtype.I8}[r.IntN(2)]
	c.Buffer, c.AccRows = 4096, 64
	c.FIFO, c.Queue = 1+r.IntN(3), 1+r.IntN(4)
	c.Lanes, c.Sublanes, c.ActRows = 1+r.IntN(16), 1+r.IntN(4), 1+r.IntN(3)
	c.VectorTiming = arch.VectorTiming{
		ALULatency: r.IntN(3), ALUInterval: 1 + r.IntN(2), FuncLatency: r.IntN(4), FuncInterval: 1 + r.IntN(3),
		CrossLatency: r.IntN(5), CrossInterval: 1 + r.IntN(4),
	}
	channel := func() arch.Channel {
		if r.IntN(4) == 0 {
			return arch.Channel{ReadNanos: float64(r.IntN(3))}
		}
		return arch.Channel{Bandwidth: 1 + r.Uint64N(40e9), ReadNanos: float64(r.IntN(20)), WriteNanos: float64(r.IntN(20))}
	}
	c.HBM, c.Host = channel(), channel()
	if c.HBM.Bandwidth > 0 && c.HBM.Bandwidth < 1e8 {
		c.HBM.Bandwidth = 1e8 // not all day
	}
	if c.Host.Bandwidth > 0 && c.Host.Bandwidth < 1e8 {
		c.Host.Bandwidth = 1e8
	}
	return c
}

const memoryBytes = 4096

// randomBytes are bytes that make interesting numbers of every type.
func randomBytes(r *rand.Rand, n int, c *arch.Config) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if c.Operand == dtype.BF16 {
		for i := 0; i+1 < n; i += 2 {
			v := num.Narrow(float32(r.NormFloat64()))
			switch r.IntN(40) {
			case 0:
				v = uint16(r.Uint32())
			case 1:
				v = uint16(r.IntN(300))
			}
			binary.LittleEndian.PutUint16(b[i:], v)
		}
	}
	return b
}

// randomProgram writes instructions at random and keeps those that leave a good
// program.
func randomProgram(r *rand.Rand, c *arch.Config) *isa.Program {
	g := &generator{r: r, c: c}
	g.p.Marks = []isa.Mark{{Name: "all", Bytes: memoryBytes}}
	limits := isa.Limits{HBM: memoryBytes, Host: memoryBytes}
	for range 4 + r.IntN(30) {
		kept := len(g.p.Words)
		g.instruction()
		if g.check(limits) != nil {
			g.p.Words = g.p.Words[:kept]
		}
	}
	g.p.Words = append(g.p.Words, isa.Word{byte(isa.Halt)})
	return &g.p
}

type generator struct {
	r *rand.Rand
	c *arch.Config
	p isa.Program
}

// check tries the program with a halt behind.
func (g *generator) check(limits isa.Limits) error {
	q := isa.Program{Words: append(g.p.Words[:len(g.p.Words):len(g.p.Words)], isa.Word{byte(isa.Halt)}), Marks: g.p.Marks}
	return q.Check(g.c, limits)
}

// write adds the words that a builder makes.
func (g *generator) write(f func(b *isa.Builder)) {
	b := isa.NewBuilder(g.c)
	f(b)
	p, err := b.Program()
	if err == nil {
		g.p.Words = append(g.p.Words, p.Words[:len(p.Words)-1]...)
	}
}

// set writes every register that an instruction may read, since the builders above
// know nothing of each other.
func (g *generator) set(list map[isa.Register]uint64) {
	for k := isa.Register(0); k.Valid(); k++ {
		if v, ok := list[k]; ok {
			w := isa.Word{byte(isa.Set), byte(k)}
			binary.LittleEndian.PutUint64(w[4:], v)
			g.p.Words = append(g.p.Words, w)
		}
	}
}

func (g *generator) n(limit int) int { return g.r.IntN(limit) }

// address is a place in the buffer, often one that others use too.
func (g *generator) address() int64 {
	if g.n(2) == 0 {
		return int64(g.n(8) * 256)
	}
	return int64(g.n(memoryBytes/8) * 8)
}

func (g *generator) instruction() {
	switch g.n(12) {
	case 0, 1:
		g.transfer()
	case 2, 3:
		if g.c.Dataflow == arch.OS {
			g.chain()
			return
		}
		g.tileAndProduct()
	case 4, 5, 6:
		g.product()
	case 7, 8:
		g.activate()
	case 9, 10:
		g.vector()
	default:
		g.write(func(b *isa.Builder) {
			switch g.n(4) {
			case 0:
				b.Sync()
			case 1:
				b.Wait(uint8(g.n(3)))
			case 2:
				b.Debug(7)
			default:
				b.Interrupt(9)
			}
		})
	}
}

// repeat makes the next instruction run a few times, sometimes.
func (g *generator) repeat(buf, acc, mem int64) {
	if g.n(6) == 0 {
		g.set(map[isa.Register]uint64{isa.RepBuf: uint64(buf), isa.RepAcc: uint64(acc), isa.RepMem: uint64(mem), isa.RepCount: uint64(2 + g.n(3))})
	}
}

func (g *generator) transfer() {
	op := isa.ReadHost + isa.Opcode(g.n(4))
	bytes := 1 + g.n(60)
	g.set(map[isa.Register]uint64{isa.RowBytes: uint64(bytes), isa.BufPitch: uint64(g.pitch(bytes)), isa.MemPitch: uint64(g.pitch(bytes))})
	g.repeat(int64(g.n(5)*64), 0, int64(g.n(5)*64))
	w := isa.Word{byte(op), byte(g.n(3))}
	put(&w, 2, 3, uint64(g.address()/8))
	put(&w, 5, 5, uint64(g.n(memoryBytes)))
	put(&w, 10, 2, uint64(1+g.n(12)))
	g.p.Words = append(g.p.Words, w)
}

func (g *generator) pitch(bytes int) int {
	if g.n(2) == 0 {
		return 0
	}
	return bytes + g.n(40)
}

func put(w *isa.Word, at, bytes int, v uint64) {
	for i := range bytes {
		w[at+i] = byte(v >> (8 * i))
	}
}

func (g *generator) weightType() isa.Type {
	if g.c.Operand == dtype.BF16 {
		return isa.BF16
	}
	return []isa.Type{isa.S8, isa.S8, isa.U8, isa.S16}[g.n(4)]
}

func (g *generator) tileAndProduct() {
	t := isa.Tile{Rows: 1 + g.n(g.c.Rows), Cols: 1 + g.n(g.c.Cols), Type: g.weightType()}
	if g.n(3) == 0 {
		t.Rows, t.Cols = g.c.Rows, g.c.Cols
	}
	array := g.n(g.c.Arrays)
	transpose := g.n(3) == 0
	g.set(map[isa.Register]uint64{isa.WPitch: uint64(g.pitch(max(t.Rows, t.Cols) * t.Type.Size()))})
	g.write(func(b *isa.Builder) {
		b.ReadWeights(isa.WeightTile{Array: array, FromBuffer: g.n(2) == 0, Addr: int64(g.n(memoryBytes)), Tile: t, Transpose: transpose, Tag: uint8(g.n(3))})
	})
	if g.n(5) > 0 {
		g.productOf(array, true)
	}
}

// chain is products whose sums add up in the array, their tiles read at once or in
// turn.
func (g *generator) chain() {
	array, n, t := g.n(g.c.Arrays), 1+g.n(4), g.weightType()
	cols, rows, acc := 1+g.n(g.c.Cols), 1+g.n(g.c.Rows), g.n(3)*16
	a := t
	if g.c.Operand != dtype.BF16 {
		if a = isa.S16; t != isa.S16 {
			a = []isa.Type{isa.S8, isa.U8, isa.S16}[g.n(3)]
		}
	}
	early, add := g.n(2) == 0, g.n(2) == 0
	read := func(b *isa.Builder) {
		b.ReadWeights(isa.WeightTile{Array: array, FromBuffer: g.n(2) == 0, Addr: int64(g.n(memoryBytes / 2)), Tile: isa.Tile{Rows: 1 + g.n(g.c.Rows), Cols: cols, Type: t}})
	}
	g.set(map[isa.Register]uint64{isa.WPitch: 0, isa.APitch: 0})
	g.write(func(b *isa.Builder) {
		for range n {
			if early {
				read(b)
			}
		}
		for i := range n {
			if !early {
				read(b)
			}
			b.MatMul(isa.Product{Array: array, Buf: g.address(), Type: a, Acc: acc, Rows: rows, Switch: true, Accumulate: add, Last: i == n-1})
		}
	})
}

func (g *generator) product() { g.productOf(g.n(g.c.Arrays), g.n(3) == 0) }

func (g *generator) productOf(array int, change bool) {
	types := []isa.Type{isa.BF16}
	if g.c.Operand != dtype.BF16 {
		types = []isa.Type{isa.S8, isa.U8, isa.S16}
	}
	t := types[g.n(len(types))]
	rows := 1 + g.n(20)
	if g.c.Dataflow == arch.OS {
		rows, change = 1+g.n(g.c.Rows), true
	}
	p := isa.Product{Array: array, Buf: g.address(), Type: t, Acc: g.n(3) * 16, Rows: rows, Switch: change, Accumulate: g.n(2) == 0, Last: g.c.Dataflow == arch.OS && g.n(3) > 0}
	if g.n(3) == 0 {
		p.Window = &isa.Window{
			Height: 1 + g.n(6), Width: 1 + g.n(6), Channels: 1 + g.n(4), KernelW: 1 + g.n(3), StrideY: 1 + g.n(2), StrideX: 1 + g.n(2),
			DilateY: 1 + g.n(2), DilateX: 1 + g.n(2), SpreadY: 1 + g.n(2)*g.n(2), SpreadX: 1 + g.n(2)*g.n(2), PadTop: g.n(5) - 2, PadLeft: g.n(5) - 2, K0: g.n(10), Y0: g.n(2), X0: g.n(2), High: 1 + g.n(4), Wide: 1 + g.n(4),
		}
		w := p.Window
		w.PitchC = int64(t.Size() * (1 + g.n(2)))
		w.PitchX = w.PitchC * int64(w.Channels)
		w.PitchY = w.PitchX * int64(w.Width)
		g.set(map[isa.Register]uint64{
			isa.CHeight: uint64(w.Height), isa.CWidth: uint64(w.Width), isa.CChannels: uint64(w.Channels), isa.CKernelW: uint64(w.KernelW),
			isa.CPitchY: uint64(w.PitchY), isa.CPitchX: uint64(w.PitchX), isa.CPitchC: uint64(w.PitchC), isa.CStrideY: uint64(w.StrideY), isa.CStrideX: uint64(w.StrideX),
			isa.CDilateY: uint64(w.DilateY), isa.CDilateX: uint64(w.DilateX), isa.CSpreadY: uint64(w.SpreadY), isa.CSpreadX: uint64(w.SpreadX), isa.CPadTop: uint64(w.PadTop), isa.CPadLeft: uint64(w.PadLeft),
			isa.CK0: uint64(w.K0), isa.CY0: uint64(w.Y0), isa.CX0: uint64(w.X0),
		})
	} else {
		g.set(map[isa.Register]uint64{isa.APitch: uint64(g.pitch(g.c.Rows * t.Size()))})
	}
	g.repeat(int64(g.n(3)*64), int64(g.n(3)*8), 0)
	g.write(func(b *isa.Builder) { b.MatMul(p) })
}

func (g *generator) activate() {
	float := g.c.Operand == dtype.BF16
	outs := []isa.Type{isa.S8, isa.U8, isa.BF16, isa.F32}
	if !float {
		outs = append(outs, isa.S32)
	}
	cols := 1 + g.n(g.c.Cols)
	rows := 1 + g.n(20)
	a := isa.Plain(outs[g.n(len(outs))], float, cols)
	a.Fn = num.Function(g.n(len(num.Functions())))
	a.Zero, a.Alpha = int32(g.n(20)-10), 0.25
	a.Scale, a.OutScale = float32(g.n(8))/4, float32(1+g.n(8))/4
	if !float && g.n(3) == 0 {
		a.Round, a.Shift, a.Fn = num.Rounding(1+g.n(2)), uint(g.n(40)), num.Function(g.n(2))
	}
	if g.n(3) == 0 {
		a.Bias = g.address()
	}
	if g.n(3) == 0 {
		a.Scales = g.address()
	}
	if g.n(3) == 0 {
		a.Pool, a.Width, a.Size, a.Stride = isa.Pool(1+g.n(2)), 2+g.n(3), 1+g.n(2), 1+g.n(2)
		rows = a.Width * (1 + g.n(5))
	}
	g.set(map[isa.Register]uint64{
		isa.ActCols: uint64(a.Cols), isa.ActPitch: uint64(g.pitch(cols * a.Out.Size())), isa.ActScale: uint64(math.Float32bits(a.Scale)),
		isa.ActOutScale: uint64(math.Float32bits(a.OutScale)), isa.ActZero: uint64(a.Zero), isa.ActAlpha: uint64(math.Float32bits(a.Alpha)),
		isa.ActRound: uint64(a.Round), isa.ActShift: uint64(a.Shift),
	})
	g.repeat(int64(g.n(3)*128), int64(g.n(2)*4), 0)
	g.write(func(b *isa.Builder) {
		b.Activate(isa.Result{Array: g.n(g.c.Arrays), Acc: g.n(3) * 16, Rows: rows, Buf: g.address(), Activation: a})
	})
}

func (g *generator) vector() {
	types := []isa.Type{isa.F32, isa.F32, isa.BF16, isa.S32, isa.U8}
	cols := 1 + g.n(20)
	if g.n(6) == 0 {
		cols = 32 + g.n(40) // long rows go another way
	}
	v := isa.VectorOp{Fn: isa.VectorFn(g.n(isa.VectorFns)), Cols: cols, Count: cols * (1 + g.n(20)), Dst: g.address(), DstType: types[g.n(5)], Width: 1 + g.n(12), First: uint64(g.n(3))}
	for i := range v.Src {
		v.Src[i], v.SrcType[i], v.Imm[i] = g.address(), types[g.n(5)], float32(g.n(9)-4)
		if g.n(2) == 0 {
			v.Spread[i] = isa.Spread(g.n(4))
		}
	}
	v.Rows = v.Count / cols
	if v.Fn.Indexed() {
		if v.SrcType[1] = isa.S32; g.n(2) == 0 {
			v.SrcType[0] = v.DstType
		}
		g.indices(v.Src[1], min(v.Count, 40))
	}
	if v.Fn == isa.Pick || v.Fn == isa.Place {
		size := v.DstType.Size()
		if v.Fn == isa.Pick {
			size = v.SrcType[0].Size()
		}
		step := int64((1 + g.n(3)) * size)
		v.Strides = isa.Strides{Offset: int64(g.n(40)), Step: step, Pitch: step * int64(cols+g.n(4)), Group: g.n(4)}
		v.Strides.GroupPitch = v.Strides.Pitch * int64(max(1, v.Strides.Group)+g.n(2))
		if g.n(3) == 0 {
			v.Strides.Step, v.Strides.Offset = -step, v.Strides.Offset+step*int64(cols)
		}
	}
	if g.n(2) == 0 {
		v.Src[0], v.SrcType[0] = v.Dst, v.DstType
	}
	s := v.Strides
	g.set(map[isa.Register]uint64{
		isa.VCols: uint64(v.Cols), isa.VType: uint64(v.DstType), isa.VType1: uint64(v.SrcType[0]), isa.VType2: uint64(v.SrcType[1]), isa.VType3: uint64(v.SrcType[2]),
		isa.VSpread1: uint64(v.Spread[0]), isa.VSpread2: uint64(v.Spread[1]), isa.VSpread3: uint64(v.Spread[2]),
		isa.VImm1: uint64(math.Float32bits(v.Imm[0])), isa.VImm2: uint64(math.Float32bits(v.Imm[1])), isa.VImm3: uint64(math.Float32bits(v.Imm[2])),
		isa.VSrc2: uint64(v.Src[1]), isa.VSrc3: uint64(v.Src[2]), isa.VOffset: uint64(s.Offset), isa.VPitch: uint64(s.Pitch), isa.VStep: uint64(s.Step),
		isa.VGroup: uint64(s.Group), isa.VGroupPitch: uint64(s.GroupPitch), isa.VWidth: uint64(v.Width), isa.VFirst: v.First,
	})
	g.repeat(int64(g.n(3)*64), 0, 0)
	g.write(func(b *isa.Builder) { b.Vector(v) })
}

// indices makes small numbers of what is at an address, by way of the vector unit.
func (g *generator) indices(at int64, n int) {
	v := isa.VectorOp{Fn: isa.IotaCol, Count: n, Cols: 1 + g.n(8), Imm: [3]float32{float32(g.n(6) - 3)}, Dst: at, DstType: isa.S32}
	v.Count = max(1, n/v.Cols) * v.Cols
	g.set(map[isa.Register]uint64{isa.VCols: uint64(v.Cols), isa.VType: uint64(isa.S32), isa.VImm1: uint64(math.Float32bits(v.Imm[0]))})
	g.write(func(b *isa.Builder) { b.Vector(v) })
}
