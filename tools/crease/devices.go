package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

func init() { commands = append(commands, devicesCommand) }

// deviceRow is a device as crease devices shows it.
type deviceRow struct {
	Name        string  `json:"name"`
	Present     bool    `json:"present"`
	Description string  `json:"description"`
	Threads     int     `json:"threads"`
	Memory      int     `json:"memory_bytes"`
	GFlops      float64 `json:"peak_f32_gflops"` // measured
	Reason      string  `json:"reason"`
	Remedy      string  `json:"remedy"`
}

func devicesCommand() *cobra.Command {
	var c common
	var measure bool
	cmd := &cobra.Command{
		Use:   "devices",
		Short: "List the devices, and why absent ones are absent",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rows, err := deviceRows(measure)
			if err != nil {
				return err
			}
			if c.output == "json" {
				return writeJSON(cmd.OutOrStdout(), rows)
			}
			return printDevices(&lines{w: cmd.OutOrStdout()}, rows)
		},
	}
	cmd.Flags().BoolVar(&measure, "measure", false, "measure the arithmetic limit of every device")
	return c.bindOutput(cmd, "table", "json")
}

func noArgs(cmd *cobra.Command, args []string) error { return usageError(cobra.NoArgs(cmd, args)) }

func deviceRows(measure bool) ([]deviceRow, error) {
	var all []hal.Status
	for _, d := range hal.Drivers() {
		all = append(all, d.Probe()...)
	}
	all = append(all, hal.AbsentKinds()...)
	rows := make([]deviceRow, len(all))
	for i, s := range all {
		rows[i] = deviceRow{Name: s.Name, Present: s.Present, Reason: s.Reason, Remedy: s.Remedy,
			Description: s.Info.Description, Threads: s.Info.Threads, Memory: s.Info.Memory}
		if !s.Present || !measure {
			continue
		}
		d, err := hal.Open(s.Name)
		if err != nil {
			return nil, err
		}
		if p, ok := d.(hal.Peaker); ok {
			rows[i].GFlops = p.PeakFlops(dtype.F32) / 1e9
		}
	}
	return rows, nil
}

func printDevices(p *lines, rows []deviceRow) error {
	t := p.table(column{"DEVICE", 12, false}, column{"STATE", 7, false}, column{"THREADS", 7, true}, column{"MEMORY", 10, true}, column{"HARDWARE", 36, false})
	for _, r := range rows {
		if !r.Present {
			continue
		}
		text := r.Description
		if r.GFlops > 0 {
			text += fmt.Sprintf(", %.0f GFLOP/s f32 measured", r.GFlops)
		}
		t.row(r.Name, "present", fmt.Sprint(r.Threads), fmt.Sprintf("%.1f GiB", float64(r.Memory)/(1<<30)), text)
	}
	p.printf("\n")
	for _, r := range rows {
		if !r.Present {
			head := fmt.Sprintf("%-12s  absent   ", r.Name)
			p.printf("%s%s\n", head, p.wrap(sentence(r.Reason)+" "+r.Remedy, len(head)))
		}
	}
	return p.err
}
