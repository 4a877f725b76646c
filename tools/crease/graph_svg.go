package main

import (
	"fmt"
	"html"
	"io"

	"github.com/crease-ml/crease/bench"
)

// The drawing's measures, in pixels.
const (
	svgRow    = 15  // of a step
	svgNames  = 330 // the width of the names
	svgTimes  = 150 // of the times
	svgArena  = 480 // of the memory
	svgHead   = 74
	svgMargin = 12
)

// svgColours tell stretches of memory apart; they are told apart by colour-blind people
// too (Okabe and Ito, 2008).
var svgColours = []string{"#56b4e9", "#e69f00", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7"}

// drawPlan draws a compiled program: a row for every step, with its time, and beside it
// the arena from its first byte on the left to its last, where a box is a value from the
// step that makes it down to the last one that needs it.
func drawPlan(w io.Writer, r *bench.GraphReport) error {
	p := &lines{w: w}
	width := svgNames + svgTimes + svgArena + 4*svgMargin
	height := svgHead + svgRow*len(r.Steps) + svgMargin
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="monospace" font-size="10">`+"\n", width, height, width, height)
	p.printf(`<rect width="100%%" height="100%%" fill="white"/>` + "\n")
	times, arena := svgNames+2*svgMargin, svgNames+svgTimes+3*svgMargin
	p.text(svgMargin, 20, 13, fmt.Sprintf("%d steps on %s, %s; eager %s", len(r.Steps), r.Device, duration(r.Graph), duration(r.Eager)))
	p.text(svgMargin, svgHead-10, 11, "step")
	p.text(times, svgHead-10, 11, "time")
	p.text(arena, svgHead-26, 11, fmt.Sprintf("memory: %s in place of %s.", size(r.Arena), size(r.Apart)))
	p.text(arena, svgHead-10, 11, "A box is a value while it is needed.")
	slowest, end := 0.0, 1
	for _, s := range r.Steps {
		slowest = max(slowest, s.Seconds)
	}
	for _, s := range r.Stretches {
		end = max(end, s.Offset+s.Bytes)
	}
	for i, s := range r.Steps {
		y := svgHead + i*svgRow
		if i%2 == 0 {
			p.printf(`<rect x="0" y="%d" width="%d" height="%d" fill="#f4f4f4"/>`+"\n", y, width, svgRow)
		}
		p.printf(`<g><title>%s</title>`, html.EscapeString(s.Text))
		p.text(svgMargin, y+svgRow-4, 10, clip(s.Text, svgNames/6))
		p.printf(`<rect x="%d" y="%d" width="%.1f" height="%d" fill="#888"/></g>`+"\n", times, y+3, s.Seconds/max(slowest, 1e-12)*(svgTimes-50), svgRow-6)
		p.text(times+svgTimes-46, y+svgRow-4, 10, duration(s.Seconds))
	}
	scale := float64(svgArena) / float64(end)
	for i, s := range r.Stretches {
		x, wide := float64(arena)+scale*float64(s.Offset), scale*float64(s.Bytes)
		y, tall := svgHead+s.First*svgRow, (s.Last-s.First+1)*svgRow
		p.printf(`<g><title>%s, steps %d to %d, at byte %d</title><rect x="%.2f" y="%d" width="%.2f" height="%d" fill="%s" fill-opacity="0.75" stroke="#333" stroke-width="0.5"/></g>`+"\n",
			size(s.Bytes), s.First, s.Last, s.Offset, x, y+1, wide, tall-2, svgColours[i%len(svgColours)])
		if label := size(s.Bytes); wide > float64(7*len(label)) {
			p.text(int(x)+3, y+svgRow-4, 9, label)
		}
	}
	p.printf("</svg>\n")
	return p.err
}

func (p *lines) text(x, y, points int, s string) {
	p.printf(`<text x="%d" y="%d" font-size="%d" fill="#222" xml:space="preserve">%s</text>`+"\n", x, y, points, html.EscapeString(s))
}
