package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/graph"
)

// GraphReport says what became of a function when it was compiled, and what that is
// worth. Times are medians in seconds, sizes are bytes.
type GraphReport struct {
	Device string      `json:"device"`
	Passes []GraphPass `json:"passes"` // the recording first, whose name is empty
	Steps  []GraphStep `json:"steps"`
	// Arena is the memory of a run besides inputs, results and constants, and Apart what
	// its values would take if they did not share it.
	Arena int `json:"arena_bytes"`
	Apart int `json:"arena_bytes_unshared"`
	// Peaks are the most memory in use during a call, beyond what was in use before; -1
	// for a device that does not say.
	EagerPeak int     `json:"eager_peak_bytes"`
	GraphPeak int     `json:"graph_peak_bytes"`
	Eager     float64 `json:"eager_seconds"`
	Graph     float64 `json:"graph_seconds"`

	Stretches []graph.Stretch `json:"-"`
	DOT       string          `json:"-"`
}

// GraphPass holds what a graph was like after a pass.
type GraphPass struct {
	Name  string `json:"name"`
	Doc   string `json:"doc,omitempty"`
	Nodes int    `json:"nodes"`
	Text  string `json:"-"` // the program
}

// GraphStep holds a step of the compiled program and its time, which is measured with the
// device idle before and after the step.
type GraphStep struct {
	Name    string  `json:"name"`
	Text    string  `json:"text"`
	Served  string  `json:"served"`
	Seconds float64 `json:"seconds"`
}

// GraphOptions of a report.
type GraphOptions struct {
	Samples int            // of every time; 20 when 0
	Passes  *graph.PassSet // nil for the usual ones
	// Eager (optional) does eagerly what the function does compiled.
	Eager func(in ...*crease.Tensor) []*crease.Tensor
}

// MeasureGraph compiles a function and compares calls of it with eager ones, which take
// turns. The function may change its operands: it is called often.
func MeasureGraph(ctx context.Context, o GraphOptions, f func(in ...*crease.Tensor) []*crease.Tensor, in ...*crease.Tensor) (r *GraphReport, err error) {
	if e := crease.Try(func() { r, err = measureGraph(ctx, o, f, in) }); e != nil {
		return nil, e
	}
	return r, err
}

func measureGraph(ctx context.Context, o GraphOptions, f func(in ...*crease.Tensor) []*crease.Tensor, in []*crease.Tensor) (*GraphReport, error) {
	samples := o.Samples
	if samples == 0 {
		samples = 20
	}
	if samples < 1 {
		return nil, fmt.Errorf("%d samples: want at least 1", samples)
	}
	dev := in[0].Device()
	r := &GraphReport{Device: dev.Name()}
	docs := map[string]string{}
	for _, p := range graph.Passes() {
		docs[p.Name] = p.Doc
	}
	c := crease.Compile(f).Observe(func(pass string, g *graph.Graph) {
		var text strings.Builder
		g.Dump(&text, graph.Text) // a Builder takes everything
		r.Passes = append(r.Passes, GraphPass{pass, docs[pass], g.Len(), text.String()})
	})
	defer c.Free()
	if o.Passes != nil {
		c.Passes(*o.Passes)
	}
	call := func(f func()) (float64, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		crease.Tidy(func() []*crease.Tensor { f(); return nil })
		err := dev.Sync()
		return time.Since(start).Seconds(), err
	}
	if o.Eager == nil {
		o.Eager = f
	}
	eagerly, compiled := func() { o.Eager(in...) }, func() { c.Call(in...) }
	var err error
	for _, f := range []func(){eagerly, compiled} { // warm caches and pools, record
		if _, err = call(f); err != nil {
			return nil, err
		}
	}
	if r.EagerPeak, err = peak(dev, func() error { _, err := call(eagerly); return err }); err != nil {
		return nil, err
	}
	if r.GraphPeak, err = peak(dev, func() error { _, err := call(compiled); return err }); err != nil {
		return nil, err
	}
	r.describe(c)
	var eager, planned []float64
	steps := make([][]float64, len(r.Steps))
	timed := func() {
		c.Timed(func(i int, d time.Duration) { steps[i] = append(steps[i], d.Seconds()) }, in...)
	}
	for range samples {
		t, err := call(eagerly)
		if err != nil {
			return nil, err
		}
		eager = append(eager, t)
		if t, err = call(compiled); err != nil {
			return nil, err
		}
		planned = append(planned, t)
		if _, err = call(timed); err != nil {
			return nil, err
		}
	}
	r.Eager, r.Graph = median(eager), median(planned)
	for i, list := range steps {
		r.Steps[i].Seconds = median(list)
	}
	return r, nil
}

// peak returns how much more memory than before is in use at the peak of a call.
func peak(dev *crease.Device, call func() error) (int, error) {
	dev.ResetHighWater()
	before := dev.Memory()
	err := call()
	if after := dev.Memory(); after.Allocs > 0 {
		return after.HighWater - before.InUse, err
	}
	return -1, err
}

// describe fills in the part of the report that describes the executable.
func (r *GraphReport) describe(c *crease.Compiled) {
	x := c.Executables()[0]
	r.Arena, r.Apart, r.Stretches = x.Bytes(), x.Unplanned(), slices.Clone(x.Stretches())
	for _, s := range x.Steps() {
		r.Steps = append(r.Steps, GraphStep{Name: s.Name, Text: s.Text, Served: s.Served.String()})
	}
	var dot strings.Builder
	x.Graph().Dump(&dot, graph.DOT)
	r.DOT = dot.String()
}
