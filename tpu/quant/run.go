package quant

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
)

// Runner runs a compiled network on batches of samples.
type Runner struct {
	c       *Compiled
	machine *sim.Machine
	loaded  *sim.Loaded
	host    []byte
}

// NewRunner loads the program into a machine.
func NewRunner(c *Compiled, m *sim.Machine) (*Runner, error) {
	r := &Runner{c: c, machine: m, host: make([]byte, c.host)}
	copy(r.host[c.tables:], c.Tables)
	var err error
	r.loaded, err = m.Load(context.Background(), c.Program, isa.Limits{HBM: int64(len(c.Weights)), Host: int64(len(r.host))})
	return r, err
}

// Counters are what every batch takes.
func (r *Runner) Counters() *sim.Counters { return r.loaded.Counters() }

// Run computes the results of up to a batch of samples; what is missing counts as zeros.
func (r *Runner) Run(samples [][]float32) ([][]float32, error) {
	n := r.c.Integers.Network
	if len(samples) > r.c.Batch {
		return nil, fmt.Errorf("quant: %d samples, the program takes %d", len(samples), r.c.Batch)
	}
	clear(r.host[:r.c.tables])
	for i, x := range samples {
		if len(x) != n.Inputs() {
			return nil, fmt.Errorf("quant: sample %d has %d values, want %d", i, len(x), n.Inputs())
		}
		r.c.Integers.Input(r.host[i*r.c.sample:], x)
	}
	if err := r.machine.Replay(r.loaded, sim.Memory{HBM: r.c.Weights, Host: r.host}); err != nil {
		return nil, err
	}
	out := make([][]float32, len(samples))
	size := n.Outputs()
	apart := aligned(4 * size)
	for i := range out {
		out[i] = make([]float32, size)
		for k := range out[i] {
			out[i][k] = math.Float32frombits(binary.LittleEndian.Uint32(r.host[r.c.results+i*apart+4*k:]))
		}
	}
	return out, nil
}
