package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/timing"
)

func init() { commands = append(commands, tpuCommand) }

func tpuCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tpu",
		Short: "Emulated systolic-array accelerators: timing and programs",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(fmt.Errorf("no command tpu %s (see crease tpu --help)", args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(tpuCyclesCommand(), tpuPaperCommand(), tpuAsmCommand(), tpuDisasmCommand(), tpuQuantizeCommand(),
		tpuRunCommand(), tpuStepCommand(), tpuReportCommand(), tpuSweepCommand())
	return cmd
}

// tpuHardware are the flags that describe the hardware.
type tpuHardware struct {
	preset                  string
	rows, cols              int
	dataflow, dtype         string
	buffer, bandwidth, freq string
}

func (h *tpuHardware) bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&h.preset, "preset", "", "chip: "+strings.Join(arch.Names, ", "))
	fs.IntVar(&h.rows, "rows", 0, "rows of the array")
	fs.IntVar(&h.cols, "cols", 0, "columns of the array")
	fs.StringVar(&h.dataflow, "dataflow", "", "stationary operand: ws, os or is (default ws)")
	fs.StringVar(&h.dtype, "dtype", "", "operands of the array: int8 or bf16")
	fs.StringVar(&h.buffer, "ub", "", "activation buffer in bytes, as in 24M")
	fs.StringVar(&h.bandwidth, "bandwidth", "", "off-chip memory in bytes per second, as in 34G")
	fs.StringVar(&h.freq, "freq", "", "clock in hertz, as in 700M")
	if err := cmd.RegisterFlagCompletionFunc("preset", cobra.FixedCompletions(arch.Names, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag was added above
	}
}

// config is the hardware that the flags describe. Unnamed flags take the values of
// fallback.
func (h *tpuHardware) config(cmd *cobra.Command, fallback map[string]string) (*arch.Config, error) {
	opts := map[string]string{}
	for _, name := range []string{"rows", "cols", "dataflow", "dtype", "ub", "bandwidth", "freq"} {
		if f := cmd.Flags().Lookup(name); f.Changed {
			opts[name] = f.Value.String()
		} else if v, ok := fallback[name]; ok && h.preset == "" {
			opts[name] = v
		}
	}
	if h.preset == "" && (opts["rows"] == "" || opts["cols"] == "") {
		return nil, usageError(errors.New("want --preset, or --rows and --cols"))
	}
	c, err := arch.Parse(h.preset, opts)
	return c, usageError(err)
}

func tpuPaperCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "paper",
		Short: "Compare the model of TPU v1 with the figures of its paper",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := &lines{w: cmd.OutOrStdout()}
			p.printf("%-37s  %9s  %9s  %-11s  %s\n", "FIGURE", "MODEL", "PAPER", "DIFFERENCE", "")
			for _, k := range timing.Paper() {
				verdict := "within"
				switch {
				case k.Miss:
					verdict = "miss"
				case k.Bound && k.Holds():
					verdict = "above"
				case !k.Holds():
					verdict = "OUT"
				}
				unit := "%"
				if k.Unit == "%" {
					unit = " points"
				}
				p.printf("%-37s  %9.4g  %9.4g  %-11s  %s\n", clip(k.Name, 37), k.Model, k.Paper, fmt.Sprintf("%.2f%s", k.Difference, unit), verdict)
			}
			return p.err
		},
	}
	return c.bindOutput(cmd, "table")
}
