package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/bench"
)

func benchTPUCommand() *cobra.Command {
	var c common
	var samples int
	cmd := &cobra.Command{
		Use:   "tpu",
		Short: "Measure the TPU emulator itself: how fast this machine runs it",
		Long: "Measure the TPU emulator on one core of this machine: multiply-adds of the fast\n" +
			"engine beside what its kernels reach by themselves, cycles of the register-exact\n" +
			"engine, and the time to time ResNet-18's layers. The goals are for a machine with\n" +
			"AVX-512 VNNI; others have 60 % of the kernel's speed as their goal.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkSamples(samples); err != nil {
				return usageError(err)
			}
			rows, err := bench.Emulator(cmd.Context(), samples)
			if err != nil {
				return err
			}
			if c.output == "json" {
				return writeJSON(cmd.OutOrStdout(), rows)
			}
			p := &lines{w: cmd.OutOrStdout()}
			p.printf("%-52s  %9s  %-16s  %8s  %s\n", "WHAT", "MEASURED", "", "OF PEAK", "GOAL")
			for _, r := range rows {
				share, goal := "-", "-"
				if r.Peak > 0 {
					share = fmt.Sprintf("%.0f %%", 100*r.Value/r.Peak)
				}
				if r.Goal > 0 {
					sign, verdict := "≥", "met"
					if r.Less {
						sign = "≤"
					}
					if !r.Met() {
						verdict = "MISSED"
					}
					goal = fmt.Sprintf("%s %g, %s", sign, r.Goal, verdict)
				}
				p.printf("%-52s  %9.4g  %-16s  %8s  %s\n", r.Name, r.Value, r.Unit, share, goal)
			}
			return p.err
		},
	}
	bindSamples(cmd, &samples, 5)
	return c.bindOutput(cmd, "table", "json")
}
