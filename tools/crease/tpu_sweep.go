package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/tpu/arch"
)

// sweepFlags are the flags of crease tpu sweep.
type sweepFlags struct {
	common
	workload
	base      string
	sizes     []int
	dataflows []string
	samples   int
	chart     string
}

// swept is a point of a sweep.
type swept struct {
	Device      string   `json:"device"`
	Size        int      `json:"size"`
	Dataflow    string   `json:"dataflow"`
	Cycles      int64    `json:"cycles"`
	Seconds     float64  `json:"seconds"`
	Utilization float64  `json:"utilization"`
	Joules      float64  `json:"joules"`
	Accuracy    *float64 `json:"accuracy,omitempty"`
}

func tpuSweepCommand() *cobra.Command {
	var f sweepFlags
	cmd := &cobra.Command{
		Use:   "sweep TASK",
		Short: "Run a model on arrays of several sizes and dataflows",
		Long: "Run a step of a model on chips that differ in the size of their array and in the\n" +
			"dataflow, print cycles, utilisation and energy, and draw them. With --checkpoint,\n" +
			"test samples are classified on every chip, too.",
		Example: "  crease tpu sweep uncrumple --sizes 32,64,128 --chart sweep.svg\n  crease tpu sweep fashion --model cnn --mode infer --checkpoint cnn.safetensors --samples 500",
		Args:    exactTask,
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	f.workload.bind(cmd)
	choiceFlag(cmd, &f.base, "base", "", "v2", arch.Names, "chip that is changed: "+strings.Join(arch.Names, ", "))
	listFlag(cmd, &f.sizes, "sizes", "32,64,128,256", 1, 1<<16, "rows and columns of the array")
	parsedFlag(cmd, "dataflows", "", "ws,os", "dataflows: "+strings.Join(dataflows, ", "), func(s string) error {
		f.dataflows = strings.Split(s, ",")
		for _, d := range f.dataflows {
			if !slices.Contains(dataflows, d) {
				return fmt.Errorf("want %s, comma-separated", orList(dataflows))
			}
		}
		return nil
	})
	nameFlag(cmd, &f.checkpoint, "checkpoint", "", "trained model, for the accuracy")
	wholeFlag(cmd, &f.samples, "samples", "", 500, 1, maxCount, "test samples for the accuracy")
	endingFlag(cmd, &f.chart, "chart", []string{".svg"}, "draw the sweep to this file (SVG)")
	return f.bindOutput(cmd, "table", "jsonl")
}

func (f *sweepFlags) run(cmd *cobra.Command, task string) error {
	if err := f.workload.check(task); err != nil {
		return err
	}
	if f.chart != "" {
		if err := replaceable(f.chart, "<svg"); err != nil {
			return err
		}
	}
	slices.Sort(f.sizes)
	var names []string
	for _, flow := range f.dataflows {
		for _, size := range f.sizes {
			name := fmt.Sprintf("tpu:%s@rows=%d,cols=%d,dataflow=%s", f.base, size, size, flow)
			if _, err := chipOf(name); err != nil {
				return err
			}
			names = append(names, name)
		}
	}
	p := &lines{w: cmd.OutOrStdout()}
	var t *table
	if f.output == "table" {
		t = p.table(column{"ARRAY", 5, true}, column{"FLOW", 4, true}, column{"CYCLES", 12, true}, column{"TIME", 10, true},
			column{"UTILISATION", 11, true}, column{"ENERGY", 10, true}, column{"ACCURACY", 8, true})
	}
	var points []swept
	for i, name := range names {
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		s, err := f.point(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.Size, s.Dataflow = f.sizes[i%len(f.sizes)], f.dataflows[i/len(f.sizes)]
		points = append(points, s)
		if f.output == "jsonl" {
			if err := writeJSON(cmd.OutOrStdout(), s); err != nil {
				return err
			}
			continue
		}
		accuracy := "-"
		if s.Accuracy != nil {
			accuracy = fmt.Sprintf("%.2f %%", 100**s.Accuracy)
		}
		t.row(fmt.Sprint(s.Size), s.Dataflow, fmt.Sprint(s.Cycles), seconds(s.Seconds), fmt.Sprintf("%.2f %%", 100*s.Utilization), fmt.Sprintf("%.3g J", s.Joules), accuracy)
	}
	if f.chart != "" {
		title := fmt.Sprintf("%s, a step (%s) on %s with other arrays", f.task.Name, f.mode, f.base)
		err := safefile.Write(f.chart, 0o644, func(w io.Writer) error { return drawSweep(w, title, points) })
		if err != nil {
			return err
		}
	}
	return p.err
}

// point runs the workload on one chip.
func (f *sweepFlags) point(name string) (s swept, err error) {
	dev, err := crease.Open(name)
	if err != nil {
		return s, err
	}
	defer dev.Close()
	d, err := emulated(dev)
	if err != nil {
		return s, err
	}
	c, err := f.workload.run(dev, d, nil)
	if err != nil {
		return s, err
	}
	r := reportOf(d, &c)
	s = swept{Device: name, Cycles: r.Cycles, Seconds: r.Seconds(), Utilization: r.Utilization(), Joules: r.Energy().Total()}
	if f.checkpoint == "" {
		return s, nil
	}
	e := crease.Try(func() {
		model, test, fail := f.load(dev)
		if err = fail; err != nil {
			return
		}
		a := accuracy(forward(model, dev, test, min(f.samples, test.Len())), test.Y)
		s.Accuracy = &a
	})
	return s, errors.Join(err, e)
}
