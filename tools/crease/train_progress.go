package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/crease-ml/crease/internal/terminal"
	"github.com/crease-ml/crease/train"
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
	p.printf("\n%11s", "step")
	if p.narrow() {
		p.printf(" %8s", "loss")
		for _, m := range s.Metrics {
			_, last, _ := strings.Cut(metricName(m), " ")
			p.printf(" %9s", clip(last, 9))
		}
		p.printf("\n")
		return
	}
	p.printf("  %10s", "train loss")
	for _, m := range s.Metrics {
		p.printf("  %9s", metricName(m))
	}
	p.printf("  %8s\n", "time")
}

// metricName is a metric's name as a heading.
func metricName(m train.Metric) string { return strings.ReplaceAll(m.Name, "_", " ") }

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
		p.printf("%5d/%-5d %8.4f", r.Step, r.Steps, r.TrainLoss)
		for _, m := range r.Metrics {
			if m.Share {
				p.printf(" %7.2f %%", 100*m.Value)
			} else {
				p.printf(" %9.4f", m.Value)
			}
		}
		p.printf("\n")
		return
	}
	p.printf("%5d/%-5d  %10.4f", r.Step, r.Steps, r.TrainLoss)
	for _, m := range r.Metrics {
		width := max(9, len(metricName(m)))
		if m.Share {
			p.printf("  %*.2f %%", width-2, 100*m.Value)
		} else {
			p.printf("  %*.4f", width, m.Value)
		}
	}
	p.printf("  %6.1f s\n", r.Seconds)
}
