package bench

import (
	"context"
	"errors"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
)

// A search climbs over several parameters, measures no choice twice, and goes over
// choices that have no speed.
func TestDescend(t *testing.T) {
	params := []kernels.Param{{Name: "A", Value: 1, Among: []int{1, 2, 4, 8}}, {Name: "B", Value: 1, Among: []int{1, 2, 4}}, {Name: "C", Value: 7}}
	var seen []kernels.Params
	got, err := descend(params, func(p kernels.Params) (Trial, error) {
		for _, old := range seen {
			if maps.Equal(old, p) {
				t.Errorf("%v is measured twice", p)
			}
		}
		seen = append(seen, p)
		if p["A"] == 2 {
			return Trial{Params: p, Left: "no room"}, nil
		}
		// Best at A 4, B 4; at B 1 only a step to A 8 gains.
		d := math.Abs(float64(p["A"]-4)) + math.Abs(float64(p["B"]-4))
		return Trial{Params: p, Speed: 10 - d}, nil
	})
	if want := (kernels.Params{"A": 4, "B": 4, "C": 7}); err != nil || !maps.Equal(got.Params, want) || got.Speed != 10 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, c := range []struct {
		speeds []float64
		calls  int
		best   float64
	}{
		{[]float64{0.2, 9, 9, 9}, 1, 0.2},      // too slow to go on
		{[]float64{1, 1.01, 1.01, 1.01}, 4, 1}, // nothing but noise
		{[]float64{0, 0, 0.5, 0.4}, 4, 0.5},    // the start has no room
	} {
		n := 0
		got, _ := descend(params[:1], func(p kernels.Params) (Trial, error) {
			n++
			return Trial{Params: p, Speed: c.speeds[n-1]}, nil
		})
		if n != c.calls || got.Speed != c.best {
			t.Errorf("%v: %d measured, best %v", c.speeds, n, got.Speed)
		}
	}
	stop := errors.New("stop")
	if _, err := descend(params, func(kernels.Params) (Trial, error) { return Trial{}, stop }); err != stop {
		t.Error(err)
	}
}

func TestJudge(t *testing.T) {
	for _, c := range []struct {
		now, then [][]float64
		speed     float64
		keep      bool
	}{
		{[][]float64{{2, 2, 9}}, [][]float64{{1, 1, 9}}, 2, true},
		{[][]float64{{1}, {4}}, [][]float64{{1}, {1}}, 2, true},
		{[][]float64{{1}, {4}}, [][]float64{{1.01}, {1}}, 2 / math.Sqrt(1.01), false}, // slower at a size
		{[][]float64{{1.02}}, [][]float64{{1}}, 1.02, false},                          // not worth it
	} {
		if _, speed, keep := judge(c.now, c.then); math.Abs(speed-c.speed) > 1e-9 || keep != c.keep {
			t.Errorf("%v against %v: %v, %v", c.then, c.now, speed, keep)
		}
	}
}

// Kernels that are wrong, that fail, that have no room or that take too long have no
// speed; one that is right has.
func TestTry(t *testing.T) {
	e := engine(t)
	s := &tuner{e: e, o: TuneOptions{Sizes: []int{8, 9}, Samples: 1, Limit: time.Minute}}
	defer s.release()
	if err := s.prepare(t.Context(), ops.MatMul, dtype.F32); err != nil {
		t.Fatal(err)
	}
	right := s.loads[0].kernel()
	type run = func(s hal.Stream, at []hal.Operand, work hal.Buffer) error
	make := func(change func(right run) run) *hal.Kernel {
		return &hal.Kernel{Key: right.Key, Name: "tried", Plan: func(c *hal.Call) (hal.Launch, error) {
			l, err := right.Plan(c)
			l.Run = change(l.Run)
			return l, err
		}}
	}
	none := make(func(right run) run { return right })
	none.Accepts = func(c *hal.Call) bool { return c.Out[0].Shape[0] == 8 }
	for what, k := range map[string]*hal.Kernel{
		"":        right,
		"no room": none,
		"wrong": make(func(right run) run {
			return func(s hal.Stream, at []hal.Operand, work hal.Buffer) error {
				return right(s, []hal.Operand{at[0], at[0], at[2]}, work)
			}
		}),
		"fails: no luck": make(func(run) run {
			return func(hal.Stream, []hal.Operand, hal.Buffer) error { return errors.New("no luck") }
		}),
	} {
		r, err := s.try(t.Context(), k)
		if err != nil || (r.Speed > 0) != (what == "") || (r.Seconds > 0) && what == "wrong" {
			t.Errorf("%q: %+v, %v", what, r, err)
		}
		if word, rest, _ := strings.Cut(what, ": "); !strings.HasPrefix(r.Left, word) || !strings.Contains(r.Left, rest) {
			t.Errorf("left for %q, want %q", r.Left, what)
		}
	}
	s.o.Limit = time.Nanosecond
	if r, err := s.try(t.Context(), right); err != nil || r.Left != "over limit" || r.Speed != 0 {
		t.Errorf("without time: %+v, %v", r, err)
	}
	if err := s.prepare(t.Context(), ops.MatMul, dtype.F32); err == nil || !strings.Contains(err.Error(), "raise the limit") {
		t.Error(err)
	}
}

func TestTuneRefuses(t *testing.T) {
	_, err := Tune(context.Background(), engine(t), ops.MatMul, dtype.F32, TuneOptions{Sizes: []int{8}})
	if err == nil || !strings.Contains(err.Error(), "has no portable kernels") {
		t.Error(err)
	}
}
