package main

import (
	"fmt"
	"io"
	"time"

	"github.com/crease-ml/crease/internal/terminal"
	"github.com/crease-ml/crease/tools/crease/train"
)

// progress shows a run: one line per report, and on a terminal a line between reports
// that is written over.
type progress struct {
	lines
	keep  *keeper
	live  bool // a terminal
	last  time.Time
	step  time.Time // the end of the last step
	began time.Time
	first int // the step the run began with
	drawn bool
}

func newProgress(w io.Writer, k *keeper) *progress {
	return &progress{lines: lines{w: w}, keep: k, live: terminal.Live(w)}
}

func (p *progress) Start(s train.Start) {
	p.began, p.step, p.first = time.Now(), time.Now(), s.Step
	p.printf("%s\n", p.wrap(fmt.Sprintf("%s: model %s, %d parameters, %d samples, %d steps of %d", s.Task, s.Model, s.Parameters, s.Samples, s.Steps, s.Batch), 0))
	p.printf("%s\n", p.wrap(fmt.Sprintf("device %s, %s mode", s.Device, s.Mode), 0))
	if s.Step > 0 {
		p.printf("resumed after step %d\n", s.Step)
	}
	if p.narrow() {
		p.printf("\n%11s %8s %8s %6s\n", "step", "train", "test", "right")
		return
	}
	p.printf("\n%11s  %10s  %9s  %13s  %8s\n", "step", "train loss", "test loss", "test accuracy", "time")
}

// narrow reports whether there is no room for all columns.
func (p *progress) narrow() bool { return p.width() < 60 }

// Step redraws the live line at most ten times a second. Where a step takes so long that
// one could not be finished after Ctrl-C, it asks for the time.
func (p *progress) Step(step, steps int, loss float64) {
	now := time.Now()
	took := now.Sub(p.step)
	p.step = now
	if step > p.first+1 && 2*took > patience { // the first one compiles
		p.keep.finishing(3 * took)
	} else {
		p.keep.finishing(0)
	}
	if !p.live || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.drawn = now, true
	left := time.Duration(float64(now.Sub(p.began)) / float64(step-p.first) * float64(steps-step)).Round(time.Second)
	if p.narrow() {
		p.printf("\r%5d/%-5d %8.4f %s left\x1b[K", step, steps, loss, left)
		return
	}
	p.printf("\r%5d/%-5d  %10.4f  %s  %s left \x1b[K", step, steps, loss, bar(float64(step)/float64(steps), min(24, p.width()-45)), left)
}

func (p *progress) clear() {
	if p.drawn {
		p.printf("\r\x1b[K")
		p.drawn = false
	}
}

func (p *progress) Report(r train.Report) {
	p.clear()
	p.step = time.Now()
	if p.narrow() {
		p.printf("%5d/%-5d %8.4f %8.4f %5.1f%%\n", r.Step, r.Steps, r.TrainLoss, r.TestLoss, 100*r.TestAccuracy)
		return
	}
	p.printf("%5d/%-5d  %10.4f  %9.4f  %11.2f %%  %6.1f s\n", r.Step, r.Steps, r.TrainLoss, r.TestLoss, 100*r.TestAccuracy, r.Seconds)
}
