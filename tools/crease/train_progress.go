package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/crease-ml/crease/train"
)

// progress shows a run: one line per report, and on a terminal a line between
// reports that is written over.
type progress struct {
	lines
	live  bool // a terminal
	last  time.Time
	began time.Time
	first int // the step the run began with
	drawn bool
}

func newProgress(w io.Writer) *progress {
	p := &progress{lines: lines{w: w}}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		p.live = err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
	}
	return p
}

func (p *progress) Start(s train.Start) {
	p.began, p.first = time.Now(), s.Step
	p.printf("%s: model %s, %d parameters, %d samples, %d steps of %d\n", s.Task, s.Model, s.Parameters, s.Samples, s.Steps, s.Batch)
	p.printf("device %s, %s mode\n", s.Device, s.Mode)
	if s.Step > 0 {
		p.printf("resumed after step %d\n", s.Step)
	}
	p.printf("\n%11s  %10s", "step", "train loss")
	for _, m := range s.Metrics {
		p.printf("  %9s", metricName(m))
	}
	p.printf("  %8s\n", "time")
}

// Step redraws the live line at most ten times a second.
func (p *progress) Step(step, steps int, loss float64) {
	if !p.live || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.drawn = time.Now(), true
	took := time.Since(p.began)
	left := time.Duration(float64(took) / float64(step-p.first) * float64(steps-step)).Round(time.Second)
	p.printf("\r%5d/%-5d  %10.4f  %s  %s left \x1b[K", step, steps, loss, bar(float64(step)/float64(steps), 24), left)
}

func (p *progress) clear() {
	if p.drawn {
		p.printf("\r\x1b[K")
		p.drawn = false
	}
}

func (p *progress) Report(r train.Report) {
	p.clear()
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

// metricName is a metric's name as a heading.
func metricName(m train.Metric) string { return strings.ReplaceAll(m.Name, "_", " ") }

// lines writes text and remembers the first error.
type lines struct {
	w   io.Writer
	err error
}

func (l *lines) printf(format string, args ...any) {
	if l.err == nil {
		_, l.err = fmt.Fprintf(l.w, format, args...)
	}
}

// bar draws a share of 1 as a bar of the given width.
func bar(share float64, width int) string {
	full := min(max(int(share*float64(width)+0.5), 0), width)
	return strings.Repeat("#", full) + strings.Repeat(".", width-full)
}
