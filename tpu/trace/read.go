package trace

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
)

// Summary is what a trace says of every unit.
type Summary struct {
	Cycles int64 // of the last event's end
	Units  []Unit
}

// Unit is a track of a trace.
type Unit struct {
	Name  string
	Count int   // pieces of work
	Busy  int64 // cycles
	Waits []Wait
}

// Wait is a reason to wait.
type Wait struct {
	Why    string
	Count  int
	Cycles int64
}

// maxEvents bounds what is read: a trace of more is no file to look at.
const maxEvents = 1 << 24

// Read sums up a trace in Chrome's format: an array of events, or an object whose
// traceEvents is one.
func Read(r io.Reader) (*Summary, error) {
	d := json.NewDecoder(bufio.NewReader(r))
	bad := func(format string, args ...any) (*Summary, error) {
		return nil, fmt.Errorf("trace: byte %d: %s", d.InputOffset(), fmt.Sprintf(format, args...))
	}
	t, err := d.Token()
	if err != nil {
		return bad("no trace: %v", err)
	}
	if t == json.Delim('{') {
		for t != json.Delim('[') {
			key, err := d.Token()
			if err != nil {
				return bad("no traceEvents: %v", err)
			}
			if key != "traceEvents" {
				if key == json.Delim('}') {
					return bad("no traceEvents")
				}
				var skip json.RawMessage
				if err := d.Decode(&skip); err != nil {
					return bad("%v", err)
				}
				continue
			}
			if t, err = d.Token(); err != nil || t != json.Delim('[') {
				return bad("traceEvents is no array")
			}
		}
	}
	if t != json.Delim('[') {
		return bad("want an array of events, found %v", t)
	}
	s := &summing{names: map[int]string{}, units: map[int]*Unit{}, waits: map[waitKey]*Wait{}}
	for n := 0; d.More(); n++ {
		if n >= maxEvents {
			return bad("more than %d events", maxEvents)
		}
		var e record
		if err := d.Decode(&e); err != nil {
			return bad("event %d: %v", n, err)
		}
		if err := s.add(&e); err != nil {
			return bad("event %d: %v", n, err)
		}
	}
	if _, err := d.Token(); err != nil {
		return bad("the array has no end: %v", err)
	}
	return s.summary(), nil
}

type waitKey struct {
	tid int
	why string
}

// summing is a trace being read.
type summing struct {
	cycles int64
	names  map[int]string
	units  map[int]*Unit
	waits  map[waitKey]*Wait
}

func (s *summing) add(e *record) error {
	if e.Phase == "M" {
		if name, ok := e.Args["name"].(string); ok && e.Name == "thread_name" {
			s.names[e.TID] = name
		}
		return nil
	}
	if e.Phase != "X" {
		return nil
	}
	const limit = 1 << 60
	if e.Time < 0 || e.Dur < 0 || e.Time > limit || e.Dur > limit {
		return fmt.Errorf("times %d and %d", e.Time, e.Dur)
	}
	switch e.Cat {
	case "wait":
		k := waitKey{e.TID, e.Name}
		w := s.waits[k]
		if w == nil {
			w = &Wait{Why: e.Name}
			s.waits[k] = w
		}
		w.Count++
		w.Cycles += e.Dur
	case "work":
		u := s.units[e.TID]
		if u == nil {
			u = &Unit{}
			s.units[e.TID] = u
		}
		u.Count++
		u.Busy += e.Dur
		s.cycles = max(s.cycles, e.Time+e.Dur)
	}
	return nil
}

func (s *summing) summary() *Summary {
	out := &Summary{Cycles: s.cycles}
	for tid, u := range s.units {
		if u.Name = s.names[tid]; u.Name == "" {
			u.Name = fmt.Sprint("track ", tid)
		}
		for k, w := range s.waits {
			if k.tid == tid {
				u.Waits = append(u.Waits, *w)
			}
		}
		slices.SortFunc(u.Waits, func(a, b Wait) int { return cmp.Or(cmp.Compare(b.Cycles, a.Cycles), cmp.Compare(a.Why, b.Why)) })
		out.Units = append(out.Units, *u)
	}
	slices.SortFunc(out.Units, func(a, b Unit) int { return cmp.Or(cmp.Compare(b.Busy, a.Busy), cmp.Compare(a.Name, b.Name)) })
	return out
}
