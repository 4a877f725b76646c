package main

import (
	"errors"
	"image"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/runlog"
	"github.com/crease-ml/crease/tools/crease/train"
	loop "github.com/crease-ml/crease/train"
)

// logFlags are the flags that say what a run writes down, and which checkpoints it keeps.
type logFlags struct {
	lines, events string
	keep          int
}

func (l *logFlags) bind(c *cobra.Command) {
	nameFlag(c, &l.lines, "log", "", "add a line of JSON to this file for every report")
	nameFlag(c, &l.events, "tensorboard", "", "write event files for TensorBoard to this folder")
	wholeFlag(c, &l.keep, "keep", "", 0, 1, maxCount, "keep the checkpoints of the last this many reports beside --save")
}

// check refuses what does not go together before anything is opened.
func (l *logFlags) check(save string) error {
	if save == "" && l.keep > 0 {
		return usagef("--keep needs --save FILE, beside which it keeps checkpoints")
	}
	return nil
}

// logger writes a run to the logs and hands everything on. Its first error ends the run.
type logger struct {
	loop.Reporter
	lines  *runlog.Lines
	events *runlog.Events
	err    error
}

// open opens the logs that are asked for.
func (l *logFlags) open(next loop.Reporter) (*logger, error) {
	out := &logger{Reporter: next}
	var err error
	if l.lines != "" {
		if out.lines, err = runlog.OpenLines(filepath.Clean(l.lines)); err != nil {
			return nil, err
		}
	}
	if l.events != "" {
		if out.events, err = runlog.OpenEvents(filepath.Clean(l.events)); err != nil {
			return nil, errors.Join(err, out.close())
		}
	}
	return out, nil
}

func (l *logger) line(kind string, step int, values map[string]any) {
	if l.lines != nil && l.err == nil {
		l.err = l.lines.Write(kind, step, values)
	}
}

func (l *logger) scalar(tag string, step int, v float64) {
	if l.events != nil && l.err == nil {
		l.err = l.events.Scalar(tag, step, v)
	}
}

// Start is a line with the settings of the run.
func (l *logger) Start(s loop.Start) {
	l.line("start", s.Step, map[string]any{
		"task": s.Task, "model": s.Model, "device": s.Device, "mode": s.Mode, "parameters": s.Parameters,
		"samples": s.Samples, "steps": s.Steps, "batch": s.Batch,
	})
	l.Reporter.Start(s)
}

// Step is a point of the loss.
func (l *logger) Step(step, steps int, loss float64) {
	l.scalar("loss/step", step, loss)
	l.Reporter.Step(step, steps, loss)
}

// Report is a line, and a point of every chart.
func (l *logger) Report(r loop.Report) {
	values := map[string]any{"steps": r.Steps, "train_loss": r.TrainLoss, "seconds": r.Seconds}
	l.scalar("loss/train", r.Step, r.TrainLoss)
	for _, m := range r.Metrics {
		values[m.Name] = m.Value
		l.scalar(chart(m.Name), r.Step, m.Value)
	}
	l.line("report", r.Step, values)
	l.Reporter.Report(r)
}

// chart is the tag of a metric: of test_loss loss/test, so that losses are shown together.
func chart(metric string) string {
	of, kind, ok := strings.Cut(metric, "_")
	if !ok {
		return metric
	}
	return kind + "/" + of
}

// Observe writes how the parameters are distributed, and returns the first error of all
// that was written.
func (l *logger) Observe(r loop.Report, parameters []nn.Named) error {
	for _, p := range parameters {
		if l.events != nil && l.err == nil {
			l.err = l.events.Histogram("parameters/"+strings.ReplaceAll(p.Name, ".", "/"), r.Step, p.Tensor.Floats())
		}
	}
	return l.err
}

// finish writes how the run ended, and its picture where there is one, and closes the logs.
func (l *logger) finish(res *train.Result, img image.Image, err error) error {
	if err != nil {
		l.line("stopped", 0, map[string]any{"reason": err.Error()})
		return l.close()
	}
	end := map[string]any{"seconds": res.Seconds, "train_loss": res.TrainLoss}
	if res.Written != nil {
		end["val_loss"] = res.ValLoss
	}
	if res.Classified != nil {
		end["test_loss"], end["test_accuracy"] = res.TestLoss, res.TestAccuracy
		for i, a := range res.ProbeAccuracy {
			end["probe_accuracy_"+strings.ReplaceAll(layerName(i), " ", "_")] = a
			l.scalar("accuracy/probe", i, a)
		}
	}
	l.line("end", res.Steps, end)
	if l.events != nil && img != nil && l.err == nil {
		l.err = l.events.Image("layers", res.Steps, img)
	}
	return l.close()
}

func (l *logger) close() error {
	if l.lines != nil {
		l.fail(l.lines.Close())
		l.lines = nil
	}
	if l.events != nil {
		l.fail(l.events.Close())
		l.events = nil
	}
	return l.err
}

// fail keeps the first error.
func (l *logger) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}
