package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/timing"
)

func init() { commands = append(commands, tpuCommand) }

func tpuCommand() *cobra.Command {
	return family("tpu", "Emulated systolic-array accelerators: timing and programs",
		tpuCyclesCommand(), tpuPaperCommand(), tpuAsmCommand(), tpuDisasmCommand(), tpuQuantizeCommand(),
		tpuRunCommand(), tpuStepCommand(), tpuReportCommand(), tpuSweepCommand())
}

// dataflows are the names of what stays in the array.
var dataflows = []string{"ws", "os", "is"}

// tpuHardware are the flags that describe the hardware.
type tpuHardware struct {
	preset                  string
	rows, cols              int
	dataflow, dtype         string
	buffer, bandwidth, freq string
}

func (h *tpuHardware) bind(cmd *cobra.Command) {
	choiceFlag(cmd, &h.preset, "preset", "", "", arch.Names, "chip: "+strings.Join(arch.Names, ", "))
	wholeFlag(cmd, &h.rows, "rows", "", 0, 1, maxCount, "rows of the array")
	wholeFlag(cmd, &h.cols, "cols", "", 0, 1, maxCount, "columns of the array")
	choiceFlag(cmd, &h.dataflow, "dataflow", "", "", dataflows, "stationary operand: ws, os or is (default ws)")
	choiceFlag(cmd, &h.dtype, "dtype", "", "", []string{"int8", "bf16"}, "operands of the array: int8 or bf16")
	nameFlag(cmd, &h.buffer, "ub", "", "activation buffer in bytes, as in 24M")
	nameFlag(cmd, &h.bandwidth, "bandwidth", "", "off-chip memory in bytes per second, as in 34G")
	nameFlag(cmd, &h.freq, "freq", "", "clock in hertz, as in 700M")
}

// tpuOptions are the flags besides --preset.
var tpuOptions = []string{"rows", "cols", "dataflow", "dtype", "ub", "bandwidth", "freq"}

// given reports whether any of the flags was given.
func (h *tpuHardware) given(cmd *cobra.Command) bool {
	return h.preset != "" || slices.ContainsFunc(tpuOptions, func(name string) bool { return cmd.Flags().Changed(name) })
}

// config is the hardware that the flags describe. Unnamed flags take the values of
// fallback.
func (h *tpuHardware) config(cmd *cobra.Command, fallback map[string]string) (*arch.Config, error) {
	opts := map[string]string{}
	for _, name := range tpuOptions {
		if f := cmd.Flags().Lookup(name); f.Changed {
			opts[name] = f.Value.String()
		} else if v, ok := fallback[name]; ok && h.preset == "" {
			opts[name] = v
		}
	}
	if h.preset == "" && (opts["rows"] == "" || opts["cols"] == "") {
		return nil, usagef("want --preset, or --rows and --cols")
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
			t := p.table(column{"FIGURE", 38, false}, column{"MODEL", 9, true}, column{"PAPER", 9, true}, column{"DIFFERENCE", 11, false}, column{"", 6, false})
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
				t.row(k.Name, fmt.Sprintf("%.4g", k.Model), fmt.Sprintf("%.4g", k.Paper), fmt.Sprintf("%.2f%s", k.Difference, unit), verdict)
			}
			return p.err
		},
	}
	return c.bindOutput(cmd, "table")
}
