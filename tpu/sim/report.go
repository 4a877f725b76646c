package sim

import (
	"fmt"

	"github.com/crease-ml/crease/tpu/arch"
)

// Report is what a run took and did.
type Report struct {
	Counters
	Engine string
	Config *arch.Config
}

// Seconds is the emulated time.
func (r *Report) Seconds() float64 { return r.Config.Seconds(r.Cycles) }

// Utilization is the share of the multiply-adds that the arrays could have made.
func (r *Report) Utilization() float64 {
	if r.Cycles == 0 {
		return 0
	}
	return float64(r.MACs) / (float64(r.Cycles) * float64(r.Config.MACs()))
}

// CPI is the cycles per instruction.
func (r *Report) CPI() float64 {
	if n := r.Executed(); n > 0 {
		return float64(r.Cycles) / float64(n)
	}
	return 0
}

// Roofline is a point under the roof of peak and bandwidth.
type Roofline struct {
	MACsPerWeightByte float64 // the paper's "ops per byte"
	OpsPerByte        float64 // two operations per multiply-add, all off-chip bytes
	Reached           float64 // operations per second
	Ceiling           float64 // what the intensity allows
	Ridge             float64 // the intensity from which the peak allows less
}

// Roofline is where the run lies. Intensities are 0 where no byte moved.
func (r *Report) Roofline() Roofline {
	peak := 2 * float64(r.Config.MACs()) * float64(r.Config.Hertz)
	bandwidth := r.Config.HBMRate().PerCycle() * float64(r.Config.Hertz)
	p := Roofline{Ceiling: peak}
	if s := r.Seconds(); s > 0 {
		p.Reached = 2 * float64(r.MACs) / s
	}
	if r.Weights > 0 {
		p.MACsPerWeightByte = float64(r.MACs) / float64(r.Weights)
	}
	if n := r.HBMRead + r.HBMWritten; n > 0 {
		p.OpsPerByte = 2 * float64(r.MACs) / float64(n)
		if bandwidth > 0 {
			p.Ceiling = min(peak, p.OpsPerByte*bandwidth)
		}
	}
	if bandwidth > 0 {
		p.Ridge = peak / bandwidth
	}
	return p
}

// Joules is an estimate of dynamic energy by what uses it, from the constants of
// [arch.Energy].
type Joules struct {
	Arrays, Buffer, Accumulators, OffChip, Vector float64
}

// Total is the sum.
func (j Joules) Total() float64 { return j.Arrays + j.Buffer + j.Accumulators + j.OffChip + j.Vector }

// Energy estimates the energy of the run.
func (r *Report) Energy() Joules {
	e := r.Config.Energy
	pj := func(n int64, each float64) float64 { return float64(n) * each * 1e-12 }
	return Joules{
		Arrays:       pj(r.UsefulSlots, e.MAC),
		Buffer:       pj(r.BufferRead+r.BufferWritten, e.Buffer),
		Accumulators: pj(r.AccRead+r.AccWritten, e.Acc),
		OffChip:      pj(r.HBMRead+r.HBMWritten, e.OffChip),
		Vector:       pj(r.VectorOps, e.VectorOp),
	}
}

// Event is an instruction's way through a unit.
type Event struct {
	Unit       string
	PC         int
	Iteration  int
	Text       string // of the instruction
	Dispatched int64  // cycles
	Start, End int64
	Waited     string // what it waited for last before it started, "" for nothing
}

// DeadlockError is a program in which no unit can go on.
type DeadlockError struct {
	PC    int // of the instruction that the sequencer holds
	Cycle int64
	Waits []string // what each unit waits for
}

func (e *DeadlockError) Error() string {
	s := fmt.Sprintf("tpu: instruction %d cannot be dispatched, and nothing that it waits for can start (cycle %d)", e.PC, e.Cycle)
	for _, w := range e.Waits {
		s += "; " + w
	}
	return s
}
