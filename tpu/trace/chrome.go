// Package trace writes what happened in an emulated core for other programs to show, and
// reads it again.
//
//   - chrome.go writes the trace format of Chrome, which Perfetto opens too: a track for
//     every unit, what it waited for before each piece of work, and an arrow from the
//     instruction that was waited for;
//   - read.go reads such a file and sums it up;
//   - vcd.go writes the registers of the arrays, cycle by cycle, as a value change dump,
//     which waveform viewers open.
//
// A file that is no trace is an error that says where; nothing in it is trusted.
package trace

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/tpu/sim"
)

// record is an event of the format. A cycle is a microsecond, its unit of time.
type record struct {
	Name  string         `json:"name"`
	Phase string         `json:"ph"`
	Time  int64          `json:"ts"`
	Dur   int64          `json:"dur,omitempty"`
	PID   int            `json:"pid"`
	TID   int            `json:"tid"`
	ID    int            `json:"id,omitempty"`
	Cat   string         `json:"cat,omitempty"`
	Bind  string         `json:"bp,omitempty"`
	Args  map[string]any `json:"args,omitempty"`
}

// Chrome writes a trace while a program runs. Its errors are kept for Close.
type Chrome struct {
	w      *bufio.Writer
	err    error
	count  int
	tracks map[string]int
	ends   map[int]end // of instructions, by number
	arrows int
	base   int64 // cycles of the programs before
	last   int64 // the end of what was written
}

// end is where an instruction ended: the latest of a repeated one.
type end struct {
	track int
	cycle int64
}

// NewChrome begins a trace.
func NewChrome(w io.Writer) *Chrome {
	c := &Chrome{w: bufio.NewWriter(w), tracks: map[string]int{}, ends: map[int]end{}}
	c.write("[")
	return c
}

func (c *Chrome) write(s string) {
	if c.err == nil {
		_, c.err = c.w.WriteString(s)
	}
}

func (c *Chrome) put(r record) {
	b, err := json.Marshal(r)
	if err != nil && c.err == nil {
		c.err = err
	}
	if c.count > 0 {
		c.write(",")
	}
	c.write("\n")
	c.write(string(b))
	c.count++
}

func (c *Chrome) track(unit string) int {
	id, ok := c.tracks[unit]
	if !ok {
		id = len(c.tracks) + 1
		c.tracks[unit] = id
		c.put(record{Name: "thread_name", Phase: "M", PID: 1, TID: id, Args: map[string]any{"name": unit}})
	}
	return id
}

// Event adds an instruction (it is a sim.Options.Trace).
func (c *Chrome) Event(e sim.Event) {
	tid := c.track(e.Unit)
	name, _, _ := strings.Cut(e.Text, " ")
	args := map[string]any{"instruction": e.PC, "text": e.Text, "dispatched": e.Dispatched}
	if e.Waited != "" {
		args["waited"] = e.Waited
		if e.Start > e.Dispatched {
			c.put(record{Name: "waits for " + e.Waited, Phase: "X", Cat: "wait", Time: c.base + e.Dispatched, Dur: e.Start - e.Dispatched, PID: 2, TID: tid})
		}
	}
	c.put(record{Name: name, Phase: "X", Cat: "work", Time: c.base + e.Start, Dur: max(e.End-e.Start, 0), PID: 1, TID: tid, Args: args})
	if n, ok := strings.CutPrefix(e.Waited, "instruction "); ok {
		if pc, err := strconv.Atoi(n); err == nil {
			if from, ok := c.ends[pc]; ok && from.cycle <= c.base+e.Start {
				c.arrows++
				c.put(record{Name: "waited", Phase: "s", Cat: "flow", Time: from.cycle, PID: 1, TID: from.track, ID: c.arrows})
				c.put(record{Name: "waited", Phase: "f", Cat: "flow", Bind: "e", Time: c.base + e.Start, PID: 1, TID: tid, ID: c.arrows})
			}
		}
	}
	c.ends[e.PC] = end{tid, c.base + e.End}
	c.last = max(c.last, c.base+e.End)
}

// Program marks the beginning of another program, which runs behind those before.
func (c *Chrome) Program(name string, cycles int64) {
	c.put(record{Name: name, Phase: "X", Cat: "program", Time: c.base, Dur: cycles, PID: 1, TID: c.track("programs")})
	clear(c.ends)
}

// Done moves the time behind a program of so many cycles.
func (c *Chrome) Done(cycles int64) { c.base += cycles }

// Close ends the file and returns the first error.
func (c *Chrome) Close() error {
	c.write("\n]\n")
	if c.err == nil {
		c.err = c.w.Flush()
	}
	if c.err != nil {
		return fmt.Errorf("trace: %w", c.err)
	}
	return nil
}
