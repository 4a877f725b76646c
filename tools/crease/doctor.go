package main

import (
	"fmt"
	"math/rand/v2"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func init() { commands = append(commands, doctorCommand) }

// finding is one checked op on one device.
type finding struct {
	Device string `json:"device"`
	Op     string `json:"op"`
	Cases  int    `json:"cases"`
	Served string `json:"served"` // kernel, lowering or reference
	Error  string `json:"error,omitempty"`
}

func doctorCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check kernels on every present device against the reference",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []finding
			devs, err := c.doctorDevices(cmd)
			if err != nil {
				return err
			}
			for _, d := range devs {
				for _, op := range ops.All() {
					if op.Probe {
						all = append(all, examine(d, op))
					}
				}
			}
			if c.output == "json" {
				if err := writeJSON(cmd.OutOrStdout(), all); err != nil {
					return err
				}
			} else if err := printFindings(&lines{w: cmd.OutOrStdout()}, all); err != nil {
				return err
			}
			for _, f := range all {
				if f.Error != "" {
					return fmt.Errorf("device %s computes %s wrongly; crease ops %s -d %s shows its kernels", f.Device, f.Op, f.Op, f.Device)
				}
			}
			return nil
		},
	}
	return c.bind(cmd, "table", "json")
}

// doctorDevices are those asked for, or every present one.
func (c *common) doctorDevices(cmd *cobra.Command) ([]*crease.Device, error) {
	if c.device != "" {
		return c.openAll(cmd)
	}
	var out []*crease.Device
	for _, drv := range hal.Drivers() {
		for _, s := range drv.Probe() {
			if !s.Present {
				continue
			}
			name, err := withThreads(s.Name, c.threads, cmd.Flags().Changed("threads"))
			if err != nil {
				return nil, err
			}
			d, err := crease.Open(name)
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
	}
	return out, nil
}

// examine runs an op's cases in float32 and compares with the reference.
func examine(d *crease.Device, op *ops.Op) finding {
	f := finding{Device: d.Name(), Op: op.Name}
	d.Engine().ResetStats()
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range op.Cases {
		if err := compare(d, op, c, r); err != nil {
			f.Error = fmt.Sprintf("case %s: %v", c.Name, err)
			break
		}
		f.Cases++
	}
	for _, s := range d.Engine().Stats() {
		for step := range s.Count {
			if s.Op == op.Name && s.Count[step] > 0 {
				f.Served = exec.Step(step).String() // the lowest step taken
			}
		}
	}
	return f
}

func compare(d *crease.Device, op *ops.Op, c ops.Case, r *rand.Rand) error {
	host := make([]ops.Host, len(c.In))
	specs := make([]ops.Spec, len(c.In))
	for i, a := range c.In {
		host[i] = a.Make(dtype.F32, r)
		specs[i] = host[i].Spec
	}
	outs, err := op.Specs(c.Attrs, specs)
	if err != nil {
		return err
	}
	want := make([]ops.Host, len(outs))
	for i, s := range outs {
		want[i] = ops.NewHost(s)
	}
	op.Ref(c.Attrs, host, want)
	var got []ops.Host
	if err := crease.Try(func() {
		crease.Tidy(func() []*crease.Tensor {
			in := make([]*crease.Tensor, len(host))
			for i, h := range host {
				in[i] = crease.FromHost(h, crease.On(d))
			}
			for _, t := range crease.Apply(op, c.Attrs, in...) {
				got = append(got, t.Host())
			}
			return nil
		})
	}); err != nil {
		return err
	}
	for i, w := range want {
		if err := op.CheckOn(d.Info(), c.Attrs, specs, got[i], w); err != nil {
			return err
		}
	}
	return nil
}

func printFindings(p *lines, all []finding) error {
	p.printf("%-14s  %-14s  %5s  %-12s  %s\n", "DEVICE", "OP", "CASES", "SERVED BY", "RESULT")
	for _, f := range all {
		result := "ok"
		if f.Error != "" {
			result = "WRONG: " + wrap(f.Error, 80, 60)
		}
		p.printf("%-14s  %-14s  %5d  %-12s  %s\n", f.Device, f.Op, f.Cases, f.Served, result)
	}
	return p.err
}
