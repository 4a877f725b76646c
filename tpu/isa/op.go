package isa

import "github.com/crease-ml/crease/tpu/num"

// Op is an instruction as the hardware dispatches it: with every register, address
// and weight tile filled in. Which fields are set depends on the opcode.
type Op struct {
	PC        int // index of the instruction
	Iteration int // of a repeated instruction
	Word      Word
	Code      Opcode
	Array     int // of a product, activation or weight tile
	Tag       uint8
	Value     uint64 // of interrupt and debug

	// Buf is the operand in the buffer: what a transfer moves, what a product reads (or
	// could, of an image), what activation writes, what a weight tile is read from. Mem
	// is the operand in a memory outside.
	Buf, Mem Region

	// Products.
	Acc, Rows  int // first accumulator row, number of rows
	Accumulate bool
	Switch     bool // begins with the next weight tile
	First      bool // output stationary: begins a chain of sums
	Last       bool // output stationary: ends it
	Format     num.Format
	Tile       Tile
	Window     *Window // of a convolution
	Weights    Weights
	Activation Activation
	Vector     VectorOp

	uses  [6]Use
	nUses int
}

// Tile is the size and type of a weight tile.
type Tile struct {
	Rows, Cols int
	Type       Type
}

// Weights is what read_weights reads.
type Weights struct {
	FromBuffer bool // else from off-chip memory
	Transpose  bool // the source has a row for each column of the tile
	Tile       Tile
}

// Window is the geometry of a convolution: output element (y, x) takes, for the
// flattened index k = (row·KernelW + column)·Channels + channel from K0 on, the
// image's value at row (y·StrideY + row·DilateY - PadTop) / SpreadY and so on, zero outside
// and where that is no whole number.
type Window struct {
	Base                                    int64
	Height, Width, Channels, KernelW        int
	PitchY, PitchX, PitchC                  int64
	StrideY, StrideX, DilateY, DilateX      int
	SpreadY, SpreadX                        int
	PadTop, PadLeft, K0, Y0, X0, High, Wide int
}

// Address is where element k (counted from K0) of output row r lies in the buffer,
// or -1 outside of the image.
func (w *Window) Address(r, k int) int64 {
	k += w.K0
	c := k % w.Channels
	k /= w.Channels
	y := (w.Y0+r/w.Wide)*w.StrideY + k/w.KernelW*w.DilateY - w.PadTop
	x := (w.X0+r%w.Wide)*w.StrideX + k%w.KernelW*w.DilateX - w.PadLeft
	if w.SpreadY > 1 || w.SpreadX > 1 {
		if y%w.SpreadY != 0 || x%w.SpreadX != 0 {
			return -1
		}
		y, x = y/w.SpreadY, x/w.SpreadX
	}
	if y < 0 || y >= w.Height || x < 0 || x >= w.Width {
		return -1
	}
	return w.Base + int64(y)*w.PitchY + int64(x)*w.PitchX + int64(c)*w.PitchC
}

// Activation is what activate does: y = fn((acc + bias)·scale), pooled over windows
// of rows, then rounded to the type of the result.
type Activation struct {
	Fn       num.Function
	Float    bool // the accumulators hold float32, else int32
	Out      Type
	Cols     int
	Bias     int64 // address of Cols values of the accumulators' type, -1 for none
	Scales   int64 // address of Cols float32 values, -1: Scale
	Scale    float32
	OutScale float32
	Zero     int32
	Alpha    float32
	Round    num.Rounding
	Shift    uint
	Pool     Pool
	Width    int // rows that make a line of the picture
	Size     int // of the window
	Stride   int
	OutRows  int
}

// Space is a memory that the hardware watches.
type Space uint8

const (
	Buffer Space = iota
	Accumulators
)

// Use is what an operation does to a part of the buffer or of an array's
// accumulators (whose regions count rows of one unit).
type Use struct {
	Space  Space
	Array  int
	Write  bool
	Early  bool // released when the operation has read its rows, not when it is done
	Region Region
}

// Uses are the parts of watched memories that the operation touches.
func (o *Op) Uses() []Use { return o.uses[:o.nUses] }

func (o *Op) use(u Use) {
	if !u.Region.Empty() {
		o.uses[o.nUses] = u
		o.nUses++
	}
}

// Conflicts reports whether the operation must wait for an earlier one: one of them
// writes what the other touches. Products of one array are ordered by the array.
func (o *Op) Conflicts(earlier *Op) bool {
	for _, a := range o.Uses() {
		for _, b := range earlier.Uses() {
			if a.meets(b) && !o.ordered(earlier, a.Space) {
				return true
			}
		}
	}
	return false
}

// ordered reports whether the order of two operations on accumulators follows from
// their array.
func (o *Op) ordered(earlier *Op, s Space) bool {
	return s == Accumulators && o.product() && earlier.product()
}

func (o *Op) product() bool { return o.Code == MatMul || o.Code == Conv }

// meets reports whether two uses are of one place and one of them writes.
func (u Use) meets(v Use) bool {
	return u.Space == v.Space && (u.Write || v.Write) && u.Array == v.Array && u.Region.Overlaps(v.Region)
}

// Bytes is what a transfer or a weight tile moves.
func (o *Op) Bytes() int64 {
	if o.Code == ReadWeights {
		return int64(o.Weights.Tile.Rows) * int64(o.Weights.Tile.Cols) * int64(o.Weights.Tile.Type.Size())
	}
	return o.Mem.Rows * o.Mem.Bytes
}

// MACs is the number of useful multiply-adds.
func (o *Op) MACs() int64 {
	if !o.product() {
		return 0
	}
	return int64(o.Rows) * int64(o.Tile.Rows) * int64(o.Tile.Cols)
}
