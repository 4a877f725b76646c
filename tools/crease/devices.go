package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
)

func init() { commands = append(commands, devicesCommand) }

// deviceRow is a device as crease devices shows it.
type deviceRow struct {
	Name        string  `json:"name"`
	Present     bool    `json:"present"`
	Description string  `json:"description,omitempty"`
	Threads     int     `json:"threads,omitempty"`
	Memory      int     `json:"memory_bytes,omitempty"`
	GFlops      float64 `json:"peak_f32_gflops,omitempty"` // measured
	Reason      string  `json:"reason,omitempty"`
	Remedy      string  `json:"remedy,omitempty"`
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
	p.printf("%-12s  %-7s  %7s  %10s  %s\n", "DEVICE", "STATE", "THREADS", "MEMORY", "HARDWARE")
	for _, r := range rows {
		if !r.Present {
			continue
		}
		text := r.Description
		if r.GFlops > 0 {
			text += fmt.Sprintf(", %.0f GFLOP/s f32 measured", r.GFlops)
		}
		p.printf("%-12s  %-7s  %7d  %6.1f GiB  %s\n", r.Name, "present", r.Threads, float64(r.Memory)/(1<<30), clip(text, 36))
	}
	p.printf("\n")
	for _, r := range rows {
		if !r.Present {
			p.printf("%-12s  absent   %s\n", r.Name, wrap(sentence(r.Reason)+" "+r.Remedy, 80, 23))
		}
	}
	return p.err
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// clip shortens a line's last column.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n-3] + "..."
}

// wrap breaks text into lines of the given width, the first of which begins at
// indent; the others are indented so far.
func wrap(s string, width, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(s) {
		if i > 0 && at+1+len(word) > width {
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		} else if i > 0 {
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
