package main

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
)

// The chart's measures, in pixels.
const (
	chartWide   = 300 // of a panel's plot
	chartTall   = 200
	chartLeft   = 62 // room for numbers
	chartTop    = 62
	chartBottom = 44
	chartGap    = 24
)

// panel is a quantity of a sweep.
type panel struct {
	name  string
	log   bool
	unit  func(float64) string
	value func(*swept) (float64, bool)
}

var sweepPanels = []panel{
	{"cycles", true, func(v float64) string { return fmt.Sprintf("%.3g", v) }, func(s *swept) (float64, bool) { return float64(s.Cycles), true }},
	{"utilisation", false, percent, func(s *swept) (float64, bool) { return s.Utilization, true }},
	{"accuracy", false, percent, func(s *swept) (float64, bool) {
		if s.Accuracy == nil {
			return 0, false
		}
		return *s.Accuracy, true
	}},
}

func percent(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }

// drawSweep draws a panel for every quantity that the points have, with a line for every
// dataflow over the size of the array.
func drawSweep(w io.Writer, title string, points []swept) error {
	var flows []string
	var sizes []int
	for _, s := range points {
		if !slices.Contains(flows, s.Dataflow) {
			flows = append(flows, s.Dataflow)
		}
		if !slices.Contains(sizes, s.Size) {
			sizes = append(sizes, s.Size)
		}
	}
	slices.Sort(sizes)
	var panels []panel
	for _, q := range sweepPanels {
		if slices.ContainsFunc(points, func(s swept) bool { _, ok := q.value(&s); return ok }) {
			panels = append(panels, q)
		}
	}
	p := &lines{w: w}
	width, height := len(panels)*(chartLeft+chartWide+chartGap), chartTop+chartTall+chartBottom
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">`+"\n", width, height, width, height)
	p.printf(`<rect width="100%%" height="100%%" fill="white"/>` + "\n")
	p.printf(`<text x="%d" y="20" font-size="13">%s</text>`+"\n", chartGap/2, html.EscapeString(title))
	for i, f := range flows {
		x := chartGap/2 + i*70
		p.printf(`<line x1="%d" y1="34" x2="%d" y2="34" stroke="%s" stroke-width="2.5"/><text x="%d" y="38">%s</text>`+"\n", x, x+22, svgColours[(4+i)%len(svgColours)], x+28, html.EscapeString(f))
	}
	for i, q := range panels {
		drawPanel(p, &q, float64(i*(chartLeft+chartWide+chartGap)+chartLeft), points, flows, sizes)
	}
	p.printf("</svg>\n")
	return p.err
}

func drawPanel(p *lines, q *panel, left float64, points []swept, flows []string, sizes []int) {
	low, high := math.Inf(1), math.Inf(-1)
	for i := range points {
		if v, ok := q.value(&points[i]); ok {
			low, high = min(low, v), max(high, v)
		}
	}
	// Powers of ten where values are far apart, else round steps.
	log := q.log && high > 20*max(low, 1)
	scale := func(v float64) float64 {
		if log {
			return math.Log10(max(v, 1))
		}
		return v
	}
	ticks := 0
	if log {
		low, high = math.Floor(scale(low)), math.Ceil(scale(high))
		ticks = int(high-low) + 1
	} else {
		if q.log {
			low = 0
		}
		step := roundStep((high - low) / 4)
		low, high = math.Floor(low/step)*step, math.Ceil(high/step)*step
		if high <= low {
			high = low + step
		}
		ticks = int(math.Round((high-low)/step)) + 1
	}
	place := func(i int) float64 {
		return left + chartWide*(float64(i)+0.5)/float64(len(sizes))
	}
	y := func(v float64) float64 {
		return chartTop + chartTall*(1-(scale(v)-low)/(high-low))
	}
	p.printf(`<text x="%.1f" y="%d" font-weight="bold">%s</text>`+"\n", left, chartTop-6, q.name)
	for k := range ticks {
		v := low + (high-low)*float64(k)/float64(ticks-1)
		at := chartTop + chartTall*(1-float64(k)/float64(ticks-1))
		number := v
		if log {
			number = math.Pow(10, v)
		}
		p.printf(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", left, at, left+chartWide, at, left-6, at+4, q.unit(number))
	}
	for i, s := range sizes {
		p.printf(`<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", place(i), chartTop+chartTall+16, s)
	}
	p.printf(`<text x="%.1f" y="%d" text-anchor="middle">rows and columns of the array</text>`+"\n", left+chartWide/2, chartTop+chartTall+34)
	for k, f := range flows {
		colour := svgColours[(4+k)%len(svgColours)]
		path := ""
		for i := range points {
			s := &points[i]
			v, ok := q.value(s)
			if s.Dataflow != f || !ok {
				continue
			}
			at := place(slices.Index(sizes, s.Size))
			path += fmt.Sprintf(" %.1f,%.1f", at, y(v))
			p.printf(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"><title>%s</title></circle>`+"\n", at, y(v), colour, q.unit(v))
		}
		p.printf(`<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", path, colour)
	}
}

// roundStep is 1, 2 or 5 times a power of ten, not below a distance.
func roundStep(d float64) float64 {
	if !(d > 0) {
		return 0.01
	}
	power := math.Pow(10, math.Floor(math.Log10(d)))
	for _, f := range []float64{1, 2, 5} {
		if f*power >= d {
			return f * power
		}
	}
	return 10 * power
}
