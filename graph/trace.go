package graph

import (
	"fmt"
	"strings"
	"time"

	"github.com/crease-ml/crease/internal/debug"
)

// tracePass prints, at debug level 3, how many nodes a pass found and left, and how long
// it took since it began.
func tracePass(name string, before, after int, began time.Time) {
	if debug.On(debug.Graphs) {
		debug.Printf("%-10s pass %-10s %5d nodes -> %5d %10s", "graph", name, before, after, time.Since(began).Round(100*time.Nanosecond))
	}
}

// trace prints, at debug level 3, the program that the passes made of a graph: what it
// takes, and a line per node.
func (x *Executable) trace() {
	if !debug.On(debug.Graphs) {
		return
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-10s program for %s: %d steps, %d bytes besides inputs and results\n", "graph", x.engine.Device().Info().Name, len(x.program), x.Bytes())
	_ = x.g.Dump(&b, Text) // a builder takes everything
	debug.Print(b.String())
}
