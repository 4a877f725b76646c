package sim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/scalar"
	"github.com/crease-ml/crease/tpu/sim"
)

// outcome is all that a run leaves.
type outcome struct {
	report            *sim.Report
	err               error
	hbm, host, buffer []byte
	acc               [][]uint32
}

func run(t testing.TB, c *arch.Config, p *isa.Program, hbm, host []byte, e sim.Engine, opts sim.Options) outcome {
	t.Helper()
	m, err := sim.New(c, opts)
	if err != nil {
		t.Fatal(err)
	}
	o := outcome{hbm: slices.Clone(hbm), host: slices.Clone(host)}
	mem := sim.Memory{HBM: o.hbm, Host: o.host}
	if opts.TimingOnly {
		mem = sim.Memory{HBMSize: int64(len(hbm)), HostSize: int64(len(host))}
	}
	o.report, o.err = m.Run(context.Background(), p, mem, e)
	o.buffer = m.Buffer()
	for i := range c.Arrays {
		if !opts.TimingOnly {
			o.acc = append(o.acc, m.Accumulators(i))
		}
	}
	return o
}

// sameSums compares accumulators: NaN has many forms there.
func sameSums(a, b []uint32, float bool) int {
	for i := range a {
		if a[i] != b[i] {
			x, y := math.Float32frombits(a[i]), math.Float32frombits(b[i])
			if !float || x == x || y == y {
				return i
			}
		}
	}
	return -1
}

func compareValues(a, b *outcome, float bool) error {
	for _, m := range []struct {
		name string
		x, y []byte
	}{{"buffer", a.buffer, b.buffer}, {"off-chip memory", a.hbm, b.hbm}, {"host memory", a.host, b.host}} {
		if !bytes.Equal(m.x, m.y) {
			i := 0
			for m.x[i] == m.y[i] {
				i++
			}
			return fmt.Errorf("%s differs at %#x: %x and %x", m.name, i, m.x[i:min(i+8, len(m.x))], m.y[i:min(i+8, len(m.y))])
		}
	}
	for i := range a.acc {
		if at := sameSums(a.acc[i], b.acc[i], float); at >= 0 {
			return fmt.Errorf("accumulators of array %d differ at %d: %#x and %#x", i, at, a.acc[i][at], b.acc[i][at])
		}
	}
	return nil
}

func text(c *arch.Config, p *isa.Program) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v\n", *c)
	if err := isa.Disassemble(&b, p); err != nil {
		return err.Error()
	}
	return b.String()
}

// programs is how many random programs the engines are compared on.
func programs(t *testing.T) int {
	n := 10000
	if testing.Short() {
		n = 1000
	}
	if s := os.Getenv("CREASE_TPU_PROGRAMS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestEnginesAreEqual runs random programs on random machines with both engines and
// with the scalar oracle: the same values, cycles and counters.
func TestEnginesAreEqual(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("CREASE_TPU_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	levels := []cpufeat.Level{cpufeat.Generic}
	for _, l := range []cpufeat.Level{cpufeat.AVX2, cpufeat.AVX512} {
		if cpufeat.Available(l) {
			levels = append(levels, l)
		}
	}
	n := programs(t)
	deadlocks, cycles, instructions := 0, int64(0), int64(0)
	var functions [isa.VectorFns]int
	for i := range n {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		c := randomConfig(r)
		hbm, host := randomBytes(r, memoryBytes, c), randomBytes(r, memoryBytes, c)
		p := randomProgram(r, c)
		level := levels[i%len(levels)]
		opts := sim.Options{Level: &level}
		fast, exact := run(t, c, p, hbm, host, sim.Fast, opts), run(t, c, p, hbm, host, sim.Exact, opts)
		fail := func(format string, args ...any) {
			t.Fatalf("seed %d, program %d (%v): %s\n%s", seed, i, level, fmt.Sprintf(format, args...), text(c, p))
		}
		if fast.err != nil || exact.err != nil {
			var d1, d2 *sim.DeadlockError
			if !errors.As(fast.err, &d1) || !errors.As(exact.err, &d2) || d1.Error() != d2.Error() {
				fail("errors %v and %v", fast.err, exact.err)
			}
			deadlocks++
			continue
		}
		if fast.report.Counters != exact.report.Counters {
			fail("counters\n%+v and\n%+v", fast.report.Counters, exact.report.Counters)
		}
		float := c.OperandBytes() == 2
		if err := compareValues(&fast, &exact, float); err != nil {
			fail("fast and exact: %v", err)
		}
		s := scalar.New(c, slices.Clone(hbm), slices.Clone(host))
		if err := s.Run(p); err != nil {
			fail("scalar: %v", err)
		}
		if err := compareValues(&fast, &outcome{hbm: s.HBM, host: s.Host, buffer: s.Buffer, acc: s.Acc}, float); err != nil {
			fail("fast and scalar: %v", err)
		}
		if again, err := replay(c, p, hbm, host, opts); err != nil {
			fail("loaded: %v", err)
		} else if again.report.Counters != fast.report.Counters {
			fail("loaded: other counters")
		} else if err := compareValues(&fast, again, float); err != nil {
			fail("fast and loaded: %v", err)
		}
		if err := conserved(fast.report); err != nil {
			fail("%v", err)
		}
		blind := run(t, c, p, hbm, host, sim.Fast, sim.Options{TimingOnly: true})
		if blind.err != nil || blind.report.Counters != fast.report.Counters {
			fail("without values: %v", blind.err)
		}
		if i%16 == 0 {
			blind = run(t, c, p, hbm, host, sim.Exact, sim.Options{TimingOnly: true})
			if blind.err != nil || blind.report.Counters != fast.report.Counters {
				fail("exact without values: %v", blind.err)
			}
		}
		countVector(c, p, &functions)
		cycles += fast.report.Cycles
		instructions += fast.report.Executed()
	}
	t.Logf("%d programs, %d deadlocks, %d instructions, %d cycles", n, deadlocks, instructions, cycles)
	for fn, k := range functions {
		if k < n/200 {
			t.Errorf("only %d of %d programs run %v", k, n, isa.VectorFn(fn))
		}
	}
	if deadlocks > n/4 {
		t.Errorf("%d of %d programs are deadlocks", deadlocks, n)
	}
}

// replay loads a program and computes its values, twice on one machine: the second time
// with the scratch memory of the first.
func replay(c *arch.Config, p *isa.Program, hbm, host []byte, opts sim.Options) (*outcome, error) {
	m, err := sim.New(c, opts)
	if err != nil {
		return nil, err
	}
	l, err := m.Load(context.Background(), p, isa.Limits{HBM: int64(len(hbm)), Host: int64(len(host))})
	if err != nil {
		return nil, err
	}
	o := &outcome{report: &sim.Report{Counters: *l.Counters()}, buffer: m.Buffer()}
	for i := range c.Arrays {
		o.acc = append(o.acc, m.Accumulators(i))
	}
	for range 2 {
		o.hbm, o.host = slices.Clone(hbm), slices.Clone(host)
		clear(o.buffer)
		for _, acc := range o.acc {
			clear(acc)
		}
		if err := m.Replay(l, sim.Memory{HBM: o.hbm, Host: o.host}); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// countVector counts the programs that have a vector operation.
func countVector(c *arch.Config, p *isa.Program, seen *[isa.VectorFns]int) {
	var here [isa.VectorFns]bool
	r := isa.NewResolver(p, c, isa.Limits{HBM: memoryBytes, Host: memoryBytes})
	var op isa.Op
	for {
		more, err := r.Next(&op)
		if err != nil || !more {
			break
		}
		if op.Code == isa.Vector {
			here[op.Vector.Fn] = true
		}
	}
	for fn, ran := range here {
		if ran {
			seen[fn]++
		}
	}
}

// conserved checks what holds of every run.
func conserved(r *sim.Report) error {
	arrays := int64(r.Config.Arrays)
	switch {
	case r.Active+r.WeightStall+r.WeightShift+r.Other != r.Cycles*arrays:
		return fmt.Errorf("active %d, weight stall %d, shift %d and other %d are not %d cycles of %d arrays", r.Active, r.WeightStall, r.WeightShift, r.Other, r.Cycles, arrays)
	case r.UsefulSlots+r.UnusedSlots != r.Active*int64(r.Config.Rows*r.Config.Cols):
		return fmt.Errorf("useful %d and unused %d slots are not those of %d active cycles", r.UsefulSlots, r.UnusedSlots, r.Active)
	case r.InputStall+r.RAWStall > r.Other:
		return fmt.Errorf("stalls %d and %d exceed %d other cycles", r.InputStall, r.RAWStall, r.Other)
	case r.UnusedSlots < 0 || r.Utilization() > 1:
		return fmt.Errorf("utilization %v", r.Utilization())
	}
	return nil
}
