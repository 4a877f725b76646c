package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/tools/crease/train"
	"github.com/crease-ml/crease/tpu"
	"github.com/crease-ml/crease/tpu/sim"
	"github.com/crease-ml/crease/tpu/trace"
	loop "github.com/crease-ml/crease/train"
)

// workload is a step of a model that is run on emulated devices.
type workload struct {
	task              *train.Task
	model, mode, data string
	checkpoint        string
	batch             int
}

func (w *workload) bind(cmd *cobra.Command) {
	modelFlag(cmd, &w.model)
	choiceFlag(cmd, &w.mode, "mode", "", "train", []string{"train", "infer"}, "train, a training step, or infer, a forward pass")
	wholeFlag(cmd, &w.batch, "batch", "", 0, 1, maxCount, "samples (default: the task's)")
	nameFlag(cmd, &w.data, "data", "", "directory of the data files (default: CREASE_DATA)")
}

func (w *workload) check(name string) (err error) {
	if w.task, err = train.Find(name); err != nil {
		return err
	}
	if err := w.task.CheckModel(w.model); err != nil {
		return err
	}
	w.data, err = w.task.Dir(w.data)
	return err
}

// emulated is the emulated device behind a device of crease that can train.
func emulated(dev *crease.Device) (*tpu.Device, error) {
	d, ok := dev.HAL().(*tpu.Device)
	switch {
	case !ok:
		return nil, usagef("%s counts no cycles: want an emulated chip, as in --device tpu:v2", dev.Name())
	case !d.Trains():
		return nil, usagef("%s has no floating point: crease tpu quantize runs networks on it", dev.Name())
	}
	return d, nil
}

// run does one step on a device and returns what that took alone. Observe, if not nil, sees
// the programs of the step.
func (w *workload) run(dev *crease.Device, d *tpu.Device, observe func(tpu.Observed)) (c tpu.Count, err error) {
	e := crease.Try(func() {
		var step func()
		if step, err = w.prepare(dev); err != nil {
			return
		}
		d.ResetCount()
		dev.Engine().ResetStats()
		d.Observe(observe)
		defer d.Observe(nil)
		step()
		c = d.Count()
	})
	return c, errors.Join(err, e)
}

func (w *workload) prepare(dev *crease.Device) (func(), error) {
	if w.mode == "train" {
		s, err := train.FirstStep(train.Options{Task: w.task, Device: dev, Data: w.data, Settings: train.Settings{Model: w.model, Batch: w.batch}})
		if err != nil {
			return nil, err
		}
		return func() { s.Run(s.In...) }, nil
	}
	model, test, err := w.load(dev)
	if err != nil {
		return nil, err
	}
	n := min(max(w.batch, 1), test.Len())
	if w.batch == 0 {
		n = min(128, test.Len())
	}
	x := crease.From(test.X[:n*len(test.X)/test.Len()], append([]int{n}, test.Shape...), crease.On(dev))
	return func() { crease.NoGrad(func() { model.Forward(x) }) }, nil
}

// load makes the model, as trained if there is a checkpoint, and reads the test data.
func (w *workload) load(dev *crease.Device) (nn.Module, *data.Arrays, error) {
	_, test, err := w.task.Load(w.data, 0)
	if err != nil {
		return nil, nil, err
	}
	model, err := w.task.Build(w.model, dev, crease.NewGenerator(0, crease.On(dev)))
	if err != nil {
		return nil, nil, err
	}
	nn.Eval(model)
	if w.checkpoint != "" {
		err = restore(w.checkpoint, model)
	}
	return model, test, err
}

// restore gives a model the weights of a checkpoint.
func restore(path string, model nn.Module) error {
	f, _, err := loop.Open(path)
	if err != nil {
		return err
	}
	return loop.LoadModel(path, f, model)
}

func tpuReportCommand() *cobra.Command {
	var c common
	var w workload
	var traced string
	cmd := &cobra.Command{
		Use:   "report TASK|TRACE.json",
		Short: "Show where a model's cycles go, layer by layer, or what a trace says",
		Long: "Run a step of a model on an emulated chip and print, for every kernel and shape of\n" +
			"its operands, calls, cycles, utilisation and bytes, then the totals. With the name\n" +
			"of a trace, print how busy its units were and what they waited for.",
		Example: "  crease tpu report fashion --model cnn --device tpu:v2\n  crease tpu report uncrumple --device tpu:v4 --trace step.json\n  crease tpu report step.json",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("want one task (%s) or one trace", orList(train.Names()))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.HasSuffix(args[0], ".json") {
				return reportTrace(cmd, args[0])
			}
			if err := w.check(args[0]); err != nil {
				return err
			}
			dev, err := c.open(cmd)
			if err != nil {
				return err
			}
			d, err := emulated(dev)
			if err != nil {
				return err
			}
			if traced != "" {
				if err := replaceable(traced, "["); err != nil {
					return err
				}
			}
			counts, err := w.traced(dev, d, traced)
			if err != nil {
				return err
			}
			if c.output == "json" {
				return writeJSON(cmd.OutOrStdout(), counts)
			}
			return printKernels(cmd, &w, dev, d, &counts)
		},
	}
	w.bind(cmd)
	nameFlag(cmd, &traced, "trace", "", "write a trace of the step for Chrome or Perfetto to this file")
	return c.bind(cmd, "table", "json")
}

// traced is run with a trace of all programs of the step in a file, if one is named.
func (w *workload) traced(dev *crease.Device, d *tpu.Device, path string) (counts tpu.Count, err error) {
	if path == "" {
		return w.run(dev, d, nil)
	}
	var seen []tpu.Observed
	if counts, err = w.run(dev, d, func(o tpu.Observed) { seen = append(seen, o) }); err != nil {
		return counts, err
	}
	f, end, err := safefile.Stream(path, 0o644)
	if err != nil {
		return counts, err
	}
	defer func() { err = end(err) }()
	t := trace.NewChrome(f)
	m, err := sim.New(d.Config(), sim.Options{TimingOnly: true, Trace: t.Event})
	if err != nil {
		return counts, err
	}
	for _, o := range seen {
		t.Program(o.Op+" "+o.Shape, o.Cycles)
		if err := m.Time(o.Program, o.Limits); err != nil {
			return counts, err
		}
		t.Done(o.Cycles)
	}
	return counts, t.Close()
}

func printKernels(cmd *cobra.Command, w *workload, dev *crease.Device, d *tpu.Device, c *tpu.Count) error {
	p := &lines{w: cmd.OutOrStdout()}
	p.printf("%s on %s, one step (%s)\n\n", w.task.Name, dev.Name(), w.mode)
	p.printf("%6s  %5s  %11s  %6s  %10s  %10s  %s\n", "SHARE", "CALLS", "CYCLES", "UTIL", "READ", "WRITTEN", "KERNEL")
	for _, k := range c.Kernels {
		r := sim.Report{Counters: k.Core, Config: d.Config()}
		util := "-"
		if k.Core.MACs > 0 {
			util = fmt.Sprintf("%.1f %%", 100*r.Utilization())
		}
		p.printf("%4.1f %%  %5d  %11d  %6s  %10s  %10s  %s %s\n", 100*float64(k.Core.Cycles)/float64(max(1, c.Core.Cycles)), k.Calls, k.Core.Cycles, util,
			size(k.Core.HBMRead), size(k.Core.HBMWritten), k.Op, k.Shape)
	}
	if p.err != nil {
		return p.err
	}
	return printCounts(cmd.OutOrStdout(), dev)
}

// reportTrace prints what a trace says.
func reportTrace(cmd *cobra.Command, path string) error {
	f, _, err := safefile.Open(path, maxProgram)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := trace.Read(f)
	if err != nil {
		return fileError(fmt.Errorf("%s: %w", path, err))
	}
	p := &lines{w: cmd.OutOrStdout()}
	p.printf("%d cycles\n\n%-12s  %8s  %12s  %7s\n", s.Cycles, "UNIT", "WORK", "CYCLES", "BUSY")
	for _, u := range s.Units {
		p.printf("%-12s  %8d  %12d  %5.1f %%\n", clip(u.Name, 12), u.Count, u.Busy, 100*float64(u.Busy)/float64(max(1, s.Cycles)))
		for _, wait := range u.Waits[:min(3, len(u.Waits))] {
			p.printf("    %s: %d times, %d cycles\n", wait.Why, wait.Count, wait.Cycles)
		}
	}
	return p.err
}
