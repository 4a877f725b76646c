package arch

import (
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
)

// Dataflow says which operand stays in the processing elements.
type Dataflow int

const (
	WS Dataflow = iota // weight stationary: activations move right, sums move down
	OS                 // output stationary: both operands move, sums stay
	IS                 // input stationary: WS with the operands exchanged
)

var dataflows = [...]string{WS: "ws", OS: "os", IS: "is"}

func (d Dataflow) String() string {
	if d < 0 || int(d) >= len(dataflows) {
		return fmt.Sprintf("Dataflow(%d)", int(d))
	}
	return dataflows[d]
}

// Channel is the way to a memory outside the core.
type Channel struct {
	Bytes     uint64 // size of the memory; 0 is unlimited
	Bandwidth uint64 // peak, bytes per second for one core; 0 is unlimited

	// Efficiency is the share of the peak that long transfers reach.
	Efficiency float64

	// A transfer occupies the channel for its latency and then for its bytes. The
	// latency is that of a read or of a write, in nanoseconds.
	ReadNanos, WriteNanos float64
}

// Config describes one core. Presets and [Free] fill it; [Config.Check] says
// whether it can be emulated.
type Config struct {
	Name string // of the preset, "" for free parameters

	// The matrix unit: Arrays grids of Rows×Cols processing elements. A weight
	// tile has up to Rows rows (the reduced dimension) and Cols columns.
	Rows, Cols int
	Arrays     int
	Cores      int // of the chip that work on one product together
	ChipCores  int // of the chip
	Dataflow   Dataflow
	Operand    dtype.Type // dtype.I8 or dtype.BF16: what the array multiplies
	Hertz      uint64

	// Shadow is whether a second plane of weight registers lets the next tile
	// shift in while the current one works.
	Shadow bool

	// Buffer is the on-chip memory of activations in bytes: the unified buffer of
	// v1, VMEM of the later chips.
	Buffer int

	// AccRows is the number of accumulator rows of Cols 32-bit values per array,
	// FIFO the number of weight tiles that can wait in front of an array.
	AccRows, FIFO int

	// Queue is how many dispatched instructions can wait in front of a unit.
	Queue int

	// The vector unit works on Sublanes×Lanes values at a time. ActRows is how many
	// accumulator rows it takes per cycle.
	Vector          bool // it has instructions of its own, not only activation
	Lanes, Sublanes int
	ActRows         int
	VectorTiming    VectorTiming

	HBM  Channel // weight memory of v1
	Host Channel

	// BufferFromHBM is whether off-chip memory reaches the buffer (not on v1, where
	// it holds weights alone and activations come from the host).
	BufferFromHBM bool

	// Window holds how the compiler of these chips streams a product that lies in
	// off-chip memory; nil where there is no such model.
	Window *Window

	Energy Energy

	// Peak is the arithmetic peak of the whole chip that its maker states, in
	// operations per second, 0 if none.
	Peak float64
}

// VectorTiming is the latency and the interval of the vector unit's pipelines, in
// cycles per Lanes×Sublanes values.
type VectorTiming struct {
	ALULatency, ALUInterval     int // add, multiply, compare, move
	FuncLatency, FuncInterval   int // exp, reciprocal, tanh and other functions
	CrossLatency, CrossInterval int // across lanes: reduction, transposition
}

// Window holds the constants of the windowed product, see timing.Own.
type Window struct {
	// Push is the cost of changing the weights: a tile of k rows occupies its array
	// as long as Push·k rows of activations, however few there are. PushLimit is the
	// most rows that count, 0 for all.
	Push      float64
	PushLimit int

	// PushTransposed replaces Push where the stationary operand is stored with its
	// rows and columns exchanged and so transposed on the way; 0 is no difference.
	PushTransposed float64

	// Step is the fixed cost of a step of the pipeline in cycles.
	Step float64

	// Prefetch is whether the larger operand is fetched before the product starts,
	// as the compiler does across programs: into the buffer, or into a second-level
	// memory whose reads add StageBytes per cycle.
	Prefetch   bool
	StageBytes float64
	StageSetup float64 // cycles, when the stationary operand lies there

	// Transpose is the fixed cost of a stationary operand that is transposed on its
	// way into the array, in cycles.
	Transpose float64

	// Bursts slow down transfers of windows whose rows are apart in memory, by the
	// bytes that lie side by side: the first entry that is not too short counts.
	Bursts []Burst

	// Budget is the room for the windows in bytes.
	Budget int
}

// Burst is how much longer a transfer takes if it has at least Bytes side by side.
type Burst struct {
	Bytes  int
	Factor float64
}

// Energy holds picojoules per operation and per byte, an estimate of dynamic energy.
type Energy struct {
	MAC      float64 // one multiply-add of the array
	Buffer   float64 // a byte read from or written to the buffer
	Acc      float64 // a byte read from or written to an accumulator
	OffChip  float64 // a byte of off-chip memory
	VectorOp float64 // one operation of the vector unit
}

// Limits of what can be emulated: far above real chips, low enough that a mistyped
// size is an error and not a huge allocation.
const (
	MaxSide   = 4096      // rows or columns of an array
	MaxArrays = 16        // arrays of a core
	MaxBuffer = 128 << 20 // bytes that a 24-bit address of 8-byte words reaches
	MaxAcc    = 65536     // accumulator rows that a 16-bit address reaches
	MaxSums   = 512 << 20 // bytes of all accumulators
	MaxQueue  = 64

	maxActRows = 64 // accumulator rows that the vector unit takes per cycle
)

// Check reports the first field that contradicts another or exceeds what can be
// emulated.
func (c *Config) Check() error {
	bad := func(field string, value any, want string) error {
		return fmt.Errorf("tpu: %s is %v, want %s", field, value, want)
	}
	in := func(field string, v, lo, hi int) error {
		if v < lo || v > hi {
			return bad(field, v, fmt.Sprintf("%d to %d", lo, hi))
		}
		return nil
	}
	for _, f := range []struct {
		name      string
		v, lo, hi int
	}{
		{"rows", c.Rows, 1, MaxSide},
		{"cols", c.Cols, 1, MaxSide},
		{"arrays", c.Arrays, 1, MaxArrays},
		{"ub", c.Buffer, 8, MaxBuffer},
		{"accumulator rows", c.AccRows, 1, MaxAcc},
		{"weight FIFO", c.FIFO, 1, 1024},
		{"queue", c.Queue, 1, MaxQueue},
		{"lanes", c.Lanes, 1, 4096},
		{"sublanes", c.Sublanes, 1, 64},
		{"accumulator rows per cycle", c.ActRows, 1, maxActRows},
	} {
		if err := in(f.name, f.v, f.lo, f.hi); err != nil {
			return err
		}
	}
	switch {
	case c.Dataflow < WS || c.Dataflow > IS:
		return bad("dataflow", c.Dataflow, "ws, os or is")
	case c.Operand != dtype.I8 && c.Operand != dtype.BF16:
		return bad("dtype", c.Operand, "int8 or bf16")
	case c.Hertz < 1e3 || c.Hertz > 1e12:
		return bad("freq", fmt.Sprintf("%d Hz", c.Hertz), "1 kHz to 1 THz")
	case c.Buffer%8 != 0:
		return bad("ub", c.Buffer, "a multiple of 8 bytes")
	case 4*c.AccRows*c.Cols*c.Arrays > MaxSums:
		return bad("the size of accumulators", 4*c.AccRows*c.Cols*c.Arrays, fmt.Sprintf("up to %d bytes", MaxSums))
	}
	t := c.VectorTiming
	for _, v := range []int{t.ALUInterval, t.FuncInterval, t.CrossInterval} {
		if v < 1 || v > 1024 {
			return bad("interval of the vector unit", v, "1 to 1024 cycles")
		}
	}
	for _, v := range []int{t.ALULatency, t.FuncLatency, t.CrossLatency} {
		if v < 0 || v > 1024 {
			return bad("latency of the vector unit", v, "0 to 1024 cycles")
		}
	}
	return nil
}

// MACs is the number of multiply-adds of the core per cycle.
func (c *Config) MACs() int { return c.Rows * c.Cols * c.Arrays }

// OperandBytes is the size of what the array multiplies.
func (c *Config) OperandBytes() int { return c.Operand.Size() }

// TileBytes is the size of a full weight tile.
func (c *Config) TileBytes() int { return c.Rows * c.Cols * c.OperandBytes() }

// HBMRate is what a long transfer to or from off-chip memory reaches.
func (c *Config) HBMRate() Rate { return c.HBM.rate(c.Hertz) }

// HostRate is the same for the host's memory.
func (c *Config) HostRate() Rate { return c.Host.rate(c.Hertz) }

func (ch *Channel) rate(hertz uint64) Rate {
	e := ch.Efficiency
	if e == 0 {
		e = 1
	}
	return NewRate(uint64(math.Round(float64(ch.Bandwidth)*e)), hertz)
}

// Latency is a channel's time before the first byte, in cycles.
func (c *Config) Latency(ch *Channel, write bool) int64 {
	ns := ch.ReadNanos
	if write {
		ns = ch.WriteNanos
	}
	return int64(ns*float64(c.Hertz)/1e9 + 0.5)
}

// Seconds is the time that cycles take.
func (c *Config) Seconds(cycles int64) float64 { return float64(cycles) / float64(c.Hertz) }
