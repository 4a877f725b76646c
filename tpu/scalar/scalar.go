// Package scalar carries out programs of tpu/isa one instruction after the other
// with the plainest loops there are. It knows no time, and shares no arithmetic with
// the engines of tpu/sim: it is what they are compared with.
package scalar

import (
	"encoding/binary"
	"math"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// State is all memory that a program can reach. Weights holds, for every array, the
// tile it works with.
type State struct {
	HBM, Host, Buffer []byte
	Segments          [][]byte   // off-chip memory in place of HBM, where there are any
	Acc               [][]uint32 // of every array, AccRows rows of Cols values

	cfg     *arch.Config
	waiting [][]tile
	loaded  []tile
	chain   [][]float32 // output stationary: sums of floats
	chainI  [][]int64   // and of integers
}

type tile struct {
	isa.Tile
	value func(row, col int) (float32, int64)
}

// New returns a state with empty buffer and accumulators.
func New(cfg *arch.Config, hbm, host []byte) *State {
	s := &State{HBM: hbm, Host: host, Buffer: make([]byte, cfg.Buffer), cfg: cfg, waiting: make([][]tile, cfg.Arrays), loaded: make([]tile, cfg.Arrays),
		chain: make([][]float32, cfg.Arrays), chainI: make([][]int64, cfg.Arrays)}
	for i := range cfg.Arrays {
		s.Acc = append(s.Acc, make([]uint32, cfg.AccRows*cfg.Cols))
		s.chain[i], s.chainI[i] = make([]float32, cfg.Rows*cfg.Cols), make([]int64, cfg.Rows*cfg.Cols)
	}
	return s
}

// Run carries out a program. Its error is that of [isa.Program.Check].
func (s *State) Run(p *isa.Program) error {
	limits := isa.Limits{HBM: int64(len(s.HBM)), Host: int64(len(s.Host))}
	for _, m := range s.Segments {
		limits.Segments = append(limits.Segments, int64(len(m)))
	}
	r := isa.NewResolver(p, s.cfg, limits)
	var op isa.Op
	for {
		more, err := r.Next(&op)
		if err != nil || !more {
			return err
		}
		s.do(&op)
	}
}

func (s *State) do(op *isa.Op) {
	switch op.Code {
	case isa.ReadHost:
		move(s.Buffer, op.Buf, s.Host, op.Mem)
	case isa.WriteHost:
		move(s.Host, op.Mem, s.Buffer, op.Buf)
	case isa.LoadHBM:
		m, g := s.offChip(op.Mem)
		move(s.Buffer, op.Buf, m, g)
	case isa.StoreHBM:
		m, g := s.offChip(op.Mem)
		move(m, g, s.Buffer, op.Buf)
	case isa.ReadWeights:
		s.weights(op)
	case isa.MatMul, isa.Conv:
		s.product(op)
	case isa.Activate:
		s.activate(op)
	case isa.Vector:
		s.vector(op)
	}
}

// offChip is the memory that a region of off-chip memory is in, and where in it.
func (s *State) offChip(g isa.Region) ([]byte, isa.Region) {
	if s.Segments == nil {
		return s.HBM, g
	}
	i := g.Addr / isa.Segment(1)
	g.Addr -= isa.Segment(int(i))
	return s.Segments[i], g
}

func move(dst []byte, to isa.Region, src []byte, from isa.Region) {
	for r := range to.Rows {
		for i := range to.Bytes {
			dst[to.Addr+r*to.Pitch+i] = src[from.Addr+r*from.Pitch+i]
		}
	}
}

// factor is a value in memory that an array takes: subnormal bf16 count as zero.
func factor(b []byte, t isa.Type) (float32, int64) {
	f, n := number(b, t)
	if t == isa.BF16 && math.Abs(float64(f)) < 0x1p-126 {
		f = 0
	}
	return f, n
}

// number is a value in memory as a float and as an integer.
func number(b []byte, t isa.Type) (float32, int64) {
	switch t {
	case isa.S8:
		return 0, int64(int8(b[0]))
	case isa.U8:
		return 0, int64(b[0])
	case isa.S16:
		return 0, int64(int16(binary.LittleEndian.Uint16(b)))
	case isa.BF16:
		return math.Float32frombits(uint32(b[0])<<16 | uint32(b[1])<<24), 0
	case isa.S32:
		return 0, int64(int32(binary.LittleEndian.Uint32(b)))
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b)), 0
}

func (s *State) weights(op *isa.Op) {
	src, g := s.Buffer, op.Buf
	if !op.Weights.FromBuffer {
		src, g = s.offChip(op.Mem)
	}
	t := op.Weights.Tile
	data := map[[2]int][]byte{}
	for r := range t.Rows {
		for c := range t.Cols {
			row, col := int64(r), int64(c)
			if op.Weights.Transpose {
				row, col = col, row
			}
			at := g.Addr + row*g.Pitch + col*int64(t.Type.Size())
			data[[2]int{r, c}] = append([]byte(nil), src[at:at+int64(t.Type.Size())]...)
		}
	}
	s.waiting[op.Array] = append(s.waiting[op.Array], tile{t, func(r, c int) (float32, int64) { return factor(data[[2]int{r, c}], t.Type) }})
}

func (s *State) product(op *isa.Op) {
	a := op.Array
	if op.Switch {
		s.loaded[a], s.waiting[a] = s.waiting[a][0], s.waiting[a][1:]
	}
	t := s.loaded[a]
	float := op.Format.Precision == num.BF16
	types := isa.S16
	switch {
	case float:
		types = isa.BF16
	case op.Format.ActivationBytes() == 1 && op.Format.SignedA:
		types = isa.S8
	case op.Format.ActivationBytes() == 1:
		types = isa.U8
	}
	activation := func(r, k int) (float32, int64) {
		at := op.Buf.Addr + int64(r)*op.Buf.Pitch + int64(k*types.Size())
		if w := op.Window; w != nil {
			if at = pixel(w, r, k); at < 0 {
				return 0, 0
			}
		}
		return factor(s.Buffer[at:], types)
	}
	outputs := s.cfg.Dataflow == arch.OS
	for r := range op.Rows {
		for c := range t.Cols {
			f, n := float32(0), int64(0)
			at := r*s.cfg.Cols + c
			if outputs && !op.First {
				f, n = s.chain[a][at], s.chainI[a][at]
			}
			for k := range t.Rows {
				af, an := activation(r, k)
				wf, wn := t.value(k, c)
				f = float32(math.FMA(float64(af), float64(wf), float64(f)))
				n += an * wn
			}
			if outputs {
				s.chain[a][at], s.chainI[a][at] = f, n
			}
			if !op.Last {
				continue
			}
			to := &s.Acc[a][(op.Acc+r)*s.cfg.Cols+c]
			switch {
			case float && op.Accumulate:
				*to = math.Float32bits(math.Float32frombits(*to) + f)
			case float:
				*to = math.Float32bits(f)
			case op.Accumulate:
				*to += uint32(n)
			default:
				*to = uint32(n)
			}
		}
	}
}

// pixel is where element k of output row r of a convolution lies, -1 outside of the
// image.
func pixel(w *isa.Window, r, k int) int64 {
	index := w.K0 + k
	channel := index % w.Channels
	kx := index / w.Channels % w.KernelW
	ky := index / w.Channels / w.KernelW
	oy, ox := w.Y0+r/w.Wide, w.X0+r%w.Wide
	y, x := oy*w.StrideY+ky*w.DilateY-w.PadTop, ox*w.StrideX+kx*w.DilateX-w.PadLeft
	if y < 0 || x < 0 || y%w.SpreadY > 0 || x%w.SpreadX > 0 {
		return -1
	}
	if y, x = y/w.SpreadY, x/w.SpreadX; y >= w.Height || x >= w.Width {
		return -1
	}
	return w.Base + w.PitchY*int64(y) + w.PitchX*int64(x) + w.PitchC*int64(channel)
}

// write puts a float into memory.
func write(b []byte, f float32, t isa.Type) {
	bits := math.Float32bits(f)
	if f != f {
		bits = 0x7fc00000
	}
	if t == isa.F32 {
		binary.LittleEndian.PutUint32(b, bits)
		return
	}
	if f == f {
		// To nearest, ties to even, on the lower half of the bits.
		low := bits & 0xffff
		bits >>= 16
		if low > 0x8000 || low == 0x8000 && bits&1 == 1 {
			bits++
		}
		bits <<= 16
	}
	binary.LittleEndian.PutUint16(b, uint16(bits>>16))
}

func (s *State) activate(op *isa.Op) {
	a := &op.Activation
	y := make([][]float32, op.Rows)
	for r := range y {
		y[r] = make([]float32, a.Cols)
		for c := range a.Cols {
			acc := s.Acc[op.Array][(op.Acc+r)*s.cfg.Cols+c]
			biasF, biasI, scale := float32(0), int64(0), a.Scale
			if a.Bias >= 0 {
				biasF, _ = number(s.Buffer[a.Bias+int64(4*c):], isa.F32)
				_, biasI = number(s.Buffer[a.Bias+int64(4*c):], isa.S32)
			}
			if a.Scales >= 0 {
				scale, _ = number(s.Buffer[a.Scales+int64(4*c):], isa.F32)
			}
			to := func() []byte { return s.Buffer[op.Buf.Addr+int64(r)*op.Buf.Pitch+int64(c*a.Out.Size()):] }
			if a.Out == isa.S32 || a.Round != num.FloatEven {
				n := int32(int64(int32(acc)) + biasI)
				if a.Fn == num.ReLU && n < 0 {
					n = 0
				}
				if a.Out == isa.S32 {
					binary.LittleEndian.PutUint32(to(), uint32(n))
				} else {
					to()[0] = fixed(n, int32(math.Float32bits(scale)), a)
				}
				continue
			}
			x := float32(int32(int64(int32(acc)) + biasI))
			if a.Float {
				x = math.Float32frombits(acc)
				if a.Bias >= 0 {
					x += biasF
				}
			}
			y[r][c] = function(a.Fn, x*scale, a.Alpha)
			if a.Pool == isa.NoPool {
				put(to(), y[r][c], a)
			}
		}
	}
	if a.Pool == isa.NoPool {
		return
	}
	row := 0
	for top := 0; top+a.Size <= op.Rows/a.Width; top += a.Stride {
		for left := 0; left+a.Size <= a.Width; left += a.Stride {
			for c := range a.Cols {
				best, sum := y[top*a.Width+left][c], float32(0)
				for i := range a.Size * a.Size {
					v := y[(top+i/a.Size)*a.Width+left+i%a.Size][c]
					best, sum = larger(best, v), sum+v
				}
				v := best
				if a.Pool == isa.AvgPool {
					v = sum * (1 / float32(a.Size*a.Size))
				}
				put(s.Buffer[op.Buf.Addr+int64(row)*op.Buf.Pitch+int64(c*a.Out.Size()):], v, a)
			}
			row++
		}
	}
}

// put writes a result, rounded to 8 bits where that is its type.
func put(to []byte, v float32, a *isa.Activation) {
	if a.Out.Size() > 1 {
		write(to, v, a.Out)
		return
	}
	v *= a.OutScale
	n := float64(a.Zero)
	if v == v {
		n += math.RoundToEven(float64(v))
	}
	if a.Out == isa.S8 {
		to[0] = byte(int8(math.Max(-128, math.Min(127, n))))
	} else {
		to[0] = byte(math.Max(0, math.Min(255, n)))
	}
}

// fixed is requantisation with integers, by way of the remainder.
func fixed(n, multiplier int32, a *isa.Activation) byte {
	x := int64(n)
	if a.Round == num.FixedQ31 {
		x *= int64(multiplier)
	}
	d := int64(1) << a.Shift
	q := x / d
	if x%d < 0 {
		q--
	}
	switch rest := x - q*d; {
	case 2*rest > d, 2*rest == d && (a.Round == num.FixedQ31 || q%2 != 0):
		q++
	}
	q += int64(a.Zero)
	if a.Out == isa.S8 {
		return byte(int8(max(-128, min(127, q))))
	}
	return byte(max(0, min(255, q)))
}

func function(f num.Function, x, alpha float32) float32 {
	v := float64(x)
	switch f {
	case num.ReLU:
		if x > 0 || x != x {
			return x
		}
		return 0
	case num.ReLU6:
		if x > 6 {
			return 6
		}
		return function(num.ReLU, x, 0)
	case num.Leaky:
		if x < 0 {
			return alpha * x
		}
	case num.Sigmoid:
		return float32(1 / (1 + math.Exp(-v)))
	case num.Tanh:
		return float32(math.Tanh(v))
	case num.GELU:
		return float32(v * 0.5 * (1 + math.Erf(v/math.Sqrt2)))
	case num.SiLU:
		return float32(v / (1 + math.Exp(-v)))
	}
	return x
}
