package quant

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
)

// Compiled is a network's program for a batch of samples. Host memory holds, in this
// order, the samples, the biases and scales, and room for the results; off-chip memory
// holds the weights.
type Compiled struct {
	Integers *Integers
	Program  *isa.Program
	Batch    int
	Weights  []byte // off-chip memory
	Tables   []byte // biases and scales

	sample  int // bytes from one sample to the next
	tables  int // address in host memory
	results int
	host    int // bytes of host memory
}

// compiler writes a program.
type compiler struct {
	*isa.Builder
	*Compiled
	cfg *arch.Config
	acc int // which half of the accumulators is next
	err error
}

// aligned is n rounded up to whole words of the buffer.
func aligned(n int) int { return (n + 7) / 8 * 8 }

// Compile writes the program of a batch for an 8-bit array.
func Compile(q *Integers, cfg *arch.Config, batch int) (*Compiled, error) {
	switch {
	case cfg.Operand != dtype.I8:
		return nil, fmt.Errorf("quant: the array multiplies %v, want int8 (tpu:v1, tpu:edge, or dtype=int8)", cfg.Operand)
	case cfg.Dataflow == arch.OS:
		return nil, fmt.Errorf("quant: integer networks are compiled for weight-stationary arrays, not %v", cfg.Dataflow)
	case batch < 1 || batch > 1<<16:
		return nil, fmt.Errorf("quant: a batch of %d, want 1 to %d", batch, 1<<16)
	}
	c := &compiler{Builder: isa.NewBuilder(cfg), cfg: cfg, Compiled: &Compiled{Integers: q, Batch: batch}}
	c.sample = aligned(q.Network.Inputs())
	c.tables = batch * c.sample
	for i := range q.Layers {
		c.Compiled.Tables = append(c.Compiled.Tables, table(&q.Layers[i])...)
	}
	c.results = c.tables + len(c.Compiled.Tables)
	c.host = c.results + batch*aligned(4*q.Network.Outputs())
	c.network()
	if c.err != nil {
		return nil, c.err
	}
	p, err := c.Builder.Program()
	if err != nil {
		return nil, err
	}
	c.Compiled.Program = p
	return c.Compiled, nil
}

// table is a layer's biases and scales as they lie in host memory.
func table(il *IntegerLayer) []byte {
	b := make([]byte, 0, 8*len(il.Bias))
	for _, v := range il.Bias {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	for _, v := range il.Scales {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

func (c *compiler) alloc(name string, bytes int) isa.Memory {
	m, err := c.Alloc(name, bytes)
	if err != nil && c.err == nil {
		c.err = fmt.Errorf("quant: %w; use a smaller batch", err)
	}
	return m
}

// network brings the samples in, computes the layers and writes the results.
func (c *compiler) network() {
	x := c.alloc("samples", c.Batch*c.sample)
	c.Move(isa.ReadHost, isa.Transfer{Buf: x.Addr, Rows: 1, RowBytes: c.Batch * c.sample, Tag: 1})
	tables := c.alloc("tables", len(c.Tables))
	c.Move(isa.ReadHost, isa.Transfer{Buf: tables.Addr, Mem: int64(c.tables), Rows: 1, RowBytes: len(c.Tables), Tag: 1})
	pitch, table := c.sample, tables.Addr
	layers := c.Integers.Network.Layers
	for i := range layers {
		l := &layers[i]
		high, wide := l.Result()
		size := 1
		if i == len(layers)-1 {
			size = 4
		}
		apart := aligned(high * wide * l.Out * size)
		y := c.alloc(fmt.Sprintf("layer%d", i), c.Batch*apart)
		if c.err != nil {
			return
		}
		c.layer(i, x.Addr, pitch, y.Addr, apart, table)
		c.Free(x)
		x, pitch, table = y, apart, table+int64(8*l.Out)
	}
	c.Move(isa.WriteHost, isa.Transfer{Buf: x.Addr, Mem: int64(c.results), Rows: 1, RowBytes: c.Batch * pitch})
}

// layer computes a layer from samples at x to results at y, as many positions at a time
// as half of the accumulators hold.
func (c *compiler) layer(i int, x int64, pitch int, y int64, apart int, table int64) {
	l, il := &c.Integers.Network.Layers[i], &c.Integers.Layers[i]
	depth := l.Depth()
	base := len(c.Weights)
	for _, w := range il.Weights {
		c.Weights = append(c.Weights, byte(w))
	}
	high, wide := l.positions()
	lines := high // of an image at a time
	images := 1
	half := c.cfg.AccRows / 2
	switch {
	case l.Dense():
		images = min(c.Batch, half)
	case high*wide <= half:
		images = min(c.Batch, half/(high*wide))
	default:
		lines = half / wide
		if l.Pool > 0 {
			lines = lines / l.Pool * l.Pool
		}
		if lines == 0 {
			c.err = fmt.Errorf("quant: layer %d (%s): a line of %d positions does not fit in %d accumulators", i, l.Name, wide, half)
			return
		}
	}
	for n0 := 0; n0 < c.Batch; n0 += images {
		n := min(images, c.Batch-n0)
		for y0 := 0; y0 < high; y0 += lines {
			rows := min(lines, high-y0)
			for o := 0; o < l.Out; o += c.cfg.Cols {
				cols := min(c.cfg.Cols, l.Out-o)
				acc := c.acc % 2 * half
				c.acc++
				for k := 0; k < depth; k += c.cfg.Rows {
					c.ReadWeights(isa.WeightTile{Addr: int64(base + k*l.Out + o), Pitch: l.Out, Tile: isa.Tile{Rows: min(c.cfg.Rows, depth-k), Cols: cols, Type: isa.S8}})
					c.products(l, il, x+int64(n0*pitch), pitch, acc, n, y0, rows, k)
				}
				c.activate(i, y+int64(n0*apart), apart, acc, n, y0, rows, o, cols, table)
			}
		}
	}
}

// products passes rows through the tile that was read last: samples of a dense layer, or
// lines of positions of every image.
func (c *compiler) products(l *Layer, il *IntegerLayer, x int64, pitch, acc, images, y0, lines, k int) {
	p := isa.Product{Type: isa.U8, Acc: acc, Buf: x, Switch: true, Accumulate: k > 0}
	if il.Signed {
		p.Type = isa.S8
	}
	if l.Dense() && k%8 == 0 {
		p.Buf, p.Pitch, p.Rows = x+int64(k), pitch, images
		c.MatMul(p)
		return
	}
	w := isa.Window{
		Height: l.Height, Width: l.Width, Channels: l.In, KernelW: max(l.Kernel, 1), PitchC: 1, PitchX: int64(l.In), PitchY: int64(l.In * l.Width),
		StrideY: max(l.Stride, 1), StrideX: max(l.Stride, 1), DilateY: 1, DilateX: 1, SpreadY: 1, SpreadX: 1, PadTop: l.Pad, PadLeft: l.Pad, K0: k, Y0: y0,
	}
	_, w.Wide = l.positions()
	w.High = lines
	if l.Dense() { // a kernel as large as the image
		w.KernelW = l.Width
	}
	p.Window = &w
	c.MatMul(p)
	if images > 1 {
		p.Switch = false
		p.Buf, p.Acc = p.Buf+int64(pitch), acc+lines*w.Wide
		c.Repeat(images-1, int64(pitch), int64(lines*w.Wide), 0)
		c.MatMul(p)
	}
}

// activate rounds sums to the integers of the next layer, after pooling; those of the last
// layer stay float32.
func (c *compiler) activate(i int, y int64, apart, acc, images, y0, lines, o, cols int, table int64) {
	l := &c.Integers.Network.Layers[i]
	_, wide := l.positions()
	last := i == len(c.Integers.Layers)-1
	a := isa.Plain(isa.F32, false, cols)
	size := 4
	if !last {
		next := &c.Integers.Layers[i+1]
		a.Out, a.OutScale, size = isa.U8, 1/next.In, 1
		if next.Signed {
			a.Out = isa.S8
		}
	}
	if l.ReLU {
		a.Fn = num.ReLU
	}
	a.Bias, a.Scales = table+int64(4*o), table+int64(4*(l.Out+o))
	if l.Dense() {
		c.result(isa.Result{Acc: acc, Rows: images, Buf: y + int64(o*size), Pitch: apart, Activation: a})
		return
	}
	out := wide
	row := y0
	if l.Pool > 0 {
		a.Pool, a.Width, a.Size, a.Stride = isa.MaxPool, wide, l.Pool, l.Pool
		_, out = l.Result()
		row = y0 / l.Pool
	}
	for n := range images {
		c.result(isa.Result{Acc: acc + n*lines*wide, Rows: lines * wide, Buf: y + int64(n*apart+row*out*l.Out*size+o*size), Pitch: l.Out * size, Activation: a})
	}
}

func (c *compiler) result(r isa.Result) {
	if r.Buf%8 != 0 && c.err == nil {
		c.err = fmt.Errorf("quant: results that begin within a word: the number of channels must be a multiple of 8 where a layer takes several pieces")
		return
	}
	c.Activate(r)
}
