package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/tpu"
	"github.com/crease-ml/crease/tpu/sim"
)

// printCounts says what an emulated device has counted: cycles, utilisation, and what ran
// on the host. Other devices count nothing.
func printCounts(w io.Writer, dev *crease.Device) error {
	d, ok := dev.HAL().(*tpu.Device)
	if !ok {
		return nil
	}
	p := &lines{w: w}
	c := d.Count()
	r := reportOf(d, &c)
	p.printf("\n%s: %d calls, %s emulated, %d cycles\n", dev.Name(), c.Launches, seconds(d.Config().Seconds(c.Cycles())), c.Cycles())
	printReport(p, r)
	p.printf("  %-14s  %d cycles: %s in, %s out, %d transfers\n", "host link", c.HostCycles, size(c.HostBytesIn), size(c.HostBytesOut), c.HostTransfers)
	if c.CopiedBytes > 0 {
		p.printf("  %-14s  %d cycles: %s within off-chip memory\n", "copies", c.CopyCycles, size(c.CopiedBytes))
	}
	printFallbacks(p, dev)
	return p.err
}

// reportOf is what the programs of a device have counted.
func reportOf(d *tpu.Device, c *tpu.Count) *sim.Report {
	return &sim.Report{Counters: c.Core, Engine: "fast", Config: d.Config()}
}

// printFallbacks lists the ops that ran on the host.
func printFallbacks(p *lines, dev *crease.Device) {
	var list []string
	calls := 0
	for _, s := range dev.Engine().Stats() {
		if n := s.Count[exec.Reference]; n > 0 {
			list = append(list, fmt.Sprintf("%s ×%d", s.Op, n))
			calls += n
		}
	}
	if calls == 0 {
		p.printf("  %-14s  none\n", "host fallbacks")
		return
	}
	p.printf("  %-14s  %d calls: %s\n", "host fallbacks", calls, strings.Join(list, ", "))
}

// printReport prints the partition of the arrays' cycles, bytes, roofline and energy.
func printReport(p *lines, r *sim.Report) {
	all := float64(max(1, r.Cycles*int64(r.Config.Arrays)))
	share := func(n int64) float64 { return 100 * float64(n) / all }
	p.printf("  %-14s  %d (%s), utilisation %.2f %%\n", "program cycles", r.Cycles, seconds(r.Seconds()), 100*r.Utilization())
	p.printf("  %-14s  active %.1f %% + weight stall %.1f %% + weight shift %.1f %% + other %.1f %%\n", "arrays", share(r.Active), share(r.WeightStall), share(r.WeightShift), share(r.Other))
	p.printf("  %-14s  input stall %.1f %%, RAW stall %.1f %%; useful slots %d, unused %d\n", "of other", share(r.InputStall), share(r.RAWStall), r.UsefulSlots, r.UnusedSlots)
	p.printf("  %-14s  off-chip %s read, %s written (%s weights); buffer %s, %s; accumulators %s, %s; host %s, %s\n", "bytes",
		size(r.HBMRead), size(r.HBMWritten), size(r.Weights), size(r.BufferRead), size(r.BufferWritten), size(r.AccRead), size(r.AccWritten), size(r.HostRead), size(r.HostWritten))
	line := r.Roofline()
	p.printf("  %-14s  %.3g of %.3g Tops/s under the roof; %.3g operations per off-chip byte, %.3g multiply-adds per weight byte (ridge at %.3g)\n", "roofline",
		line.Reached/1e12, line.Ceiling/1e12, line.OpsPerByte, line.MACsPerWeightByte, line.Ridge)
	j := r.Energy()
	p.printf("  %-14s  %.3g J (an estimate of dynamic energy): arrays %.3g, buffer %.3g, accumulators %.3g, off-chip %.3g, vector %.3g\n", "energy", j.Total(), j.Arrays, j.Buffer, j.Accumulators, j.OffChip, j.Vector)
}

// seconds is a time in a readable unit.
func seconds(s float64) string {
	for _, u := range []struct {
		size float64
		name string
	}{{1, "s"}, {1e-3, "ms"}, {1e-6, "µs"}} {
		if s >= u.size {
			return fmt.Sprintf("%.4g %s", s/u.size, u.name)
		}
	}
	return fmt.Sprintf("%.4g ns", s*1e9)
}
