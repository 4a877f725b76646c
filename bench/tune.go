package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
)

// TuneOptions say how [Tune] searches.
type TuneOptions struct {
	Sizes   []int         // the problem sizes at which the op is measured, see [Inputs]
	Samples int           // how many samples the final comparison takes; 0 stands for 5
	Limit   time.Duration // how long one choice of parameters may take to compile and run; 0 stands for 5 s
	Report  func(Trial)   // is called with every choice that was measured; may be nil
}

// Trial holds one choice of a kernel's parameters and how fast it was.
type Trial struct {
	Kernel  string         `json:"kernel"` // as in tuning tables
	Params  kernels.Params `json:"params"`
	Seconds float64        `json:"seconds"` // of a call, summed over the sizes
	// Speed is how many times faster the choice is than the kernel that dispatch
	// chooses now: the geometric mean of the ratio over the sizes.
	Speed float64 `json:"speed"`
	Left  string  `json:"left"` // why the choice has no speed: it failed, was wrong, or took too long
}

// Tuned holds what a search found.
type Tuned struct {
	Op     string `json:"op"`
	DType  string `json:"dtype"`
	Device string `json:"device"`
	Now    string `json:"now"` // the kernel that dispatch chooses
	// Best is the fastest choice, if it is slower than the present kernel at no size. The
	// medians of samples decide, which both kernels took in turns. It is nil when there is
	// no such choice.
	Best *Trial `json:"best"`
	// Save holds what [kernels.SaveTuning] is to store: Best's parameters and, where
	// dispatch would otherwise choose another kernel, the priority that makes it choose
	// this one.
	Save kernels.Params `json:"save"`
}

const (
	hopeless = 0.25 // a kernel that begins with a lower speed than this is not searched any further
	noise    = 0.02 // the search ignores gains below this part, which repeated measurements differ by
	worth    = 0.03 // a choice is kept only if it gains at least this part
)

// Tune searches for the fastest parameters of the portable kernels that compute an op. It
// starts from the values in force and changes one parameter at a time. A choice counts
// only if its results equal those of the present kernel within the op's tolerance, and it
// is returned only if it is slower at no size. Where the op itself fails, Tune panics as
// eager ops do.
func Tune(ctx context.Context, e *exec.Engine, op *ops.Op, t dtype.Type, o TuneOptions) (Tuned, error) {
	info := e.Device().Info()
	res := Tuned{Op: op.Name, DType: t.String(), Device: info.Name}
	dev, ok := e.Device().(kernels.Tuner)
	if !ok {
		return res, fmt.Errorf("device %s has no portable kernels, so nothing to tune: choose one like opencl", info.Name)
	}
	list := slices.DeleteFunc(dev.Portable().Tunables(op, t), func(u *kernels.Tunable) bool {
		return !slices.ContainsFunc(u.Params, func(p kernels.Param) bool { return len(p.Among) > 0 })
	})
	if len(list) == 0 {
		return res, fmt.Errorf("no kernel for %s %s on %s has parameters", op.Name, t, info.Name)
	}
	if len(o.Sizes) == 0 {
		return res, errors.New("no sizes to tune for")
	}
	if o.Samples == 0 {
		o.Samples = 5
	}
	if o.Limit == 0 {
		o.Limit = 5 * time.Second
	}
	s := &tuner{e: e, o: o}
	defer s.release()
	if err := s.prepare(ctx, op, t); err != nil {
		return res, err
	}
	now := s.loads[0].kernel()
	if now != nil {
		res.Now = now.Name
	}
	var best Trial
	var winner *kernels.Tunable
	for _, u := range list {
		found, err := descend(u.Params, func(p kernels.Params) (Trial, error) {
			if err := ctx.Err(); err != nil {
				return Trial{}, err
			}
			r, err := s.try(ctx, u.With(p))
			r.Kernel, r.Params = u.Name, p
			if err == nil && o.Report != nil {
				o.Report(r)
			}
			return r, err
		})
		if err != nil {
			return res, err
		}
		if found.Speed > best.Speed {
			best, winner = found, u
		}
	}
	if winner == nil || best.Speed < 1 || winner.Kernel == res.Now && maps.Equal(best.Params, inForce(winner.Params)) {
		return res, nil
	}
	if better, err := s.compare(ctx, winner.With(best.Params), &best); err != nil || !better {
		return res, err
	}
	res.Best, res.Save = &best, maps.Clone(best.Params)
	if now != nil && winner.Kernel != now.Name {
		maps.Copy(res.Save, winner.Preferred(now))
	}
	return res, nil
}

// inForce returns the values that the parameters have now.
func inForce(list []kernels.Param) kernels.Params {
	values := kernels.Params{}
	for _, p := range list {
		values[p.Name] = p.Value
	}
	return values
}

// descend is a coordinate descent: it tries every value of one parameter after the other,
// keeps each change that gains more than noise, and goes round until none does.
func descend(params []kernels.Param, measure func(kernels.Params) (Trial, error)) (Trial, error) {
	best, err := measure(inForce(params))
	if err != nil || best.Speed > 0 && best.Speed < hopeless {
		return best, err
	}
	seen := []kernels.Params{best.Params}
	for from := math.Inf(-1); best.Speed > from; {
		from = best.Speed
		for _, p := range params {
			for _, v := range p.Among {
				next := maps.Clone(best.Params)
				next[p.Name] = v
				if slices.ContainsFunc(seen, func(old kernels.Params) bool { return maps.Equal(old, next) }) {
					continue
				}
				seen = append(seen, next)
				r, err := measure(next)
				if err != nil {
					return best, err
				}
				if r.Speed > best.Speed*(1+noise) {
					best = r
				}
			}
		}
	}
	return best, nil
}

// tuner measures choices of parameters and compares them with the kernel that dispatch
// chooses now.
type tuner struct {
	e     *exec.Engine
	o     TuneOptions
	loads []*workload
	want  [][]ops.Host // for every size, the results of the present kernel
	now   []float64    // for every size, the seconds that the present kernel takes
}

// prepare makes the inputs for every size, and runs and times the present kernel on them.
func (s *tuner) prepare(ctx context.Context, op *ops.Op, t dtype.Type) error {
	for _, size := range s.o.Sizes {
		w, err := newWorkload(s.e, op, size, t)
		if err != nil {
			return err
		}
		s.loads = append(s.loads, w)
		out := s.e.Apply(op, w.attrs, w.in...)
		want, err := hosts(out)
		release(out)
		if err != nil {
			return err
		}
		seconds, err := s.quick(ctx, w.apply, time.Now().Add(s.o.Limit))
		if err != nil {
			return err
		}
		if math.IsInf(seconds, 1) {
			return fmt.Errorf("size %d: a call takes longer now than the limit of %v: raise the limit, or tune for smaller sizes", size, s.o.Limit)
		}
		s.want, s.now = append(s.want, want), append(s.now, seconds)
	}
	return nil
}

func (s *tuner) release() {
	for _, w := range s.loads {
		w.release()
	}
}

// hosts downloads the results of an op.
func hosts(list []ops.Value) (out []ops.Host, err error) {
	for _, v := range list {
		h, err := v.(*exec.Array).Host()
		if err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	return out, nil
}

// try runs a kernel at every size, checks its results and measures it. What is wrong with
// the kernel alone is noted in Trial.Left; an error is a failure of the device and ends
// the search.
func (s *tuner) try(ctx context.Context, k *hal.Kernel) (r Trial, err error) {
	deadline := time.Now().Add(s.o.Limit)
	logs := 0.0
	for i, w := range s.loads {
		if err := ctx.Err(); err != nil {
			return r, err
		}
		out, err := s.e.ApplyWith(k, w.op, w.attrs, w.in...)
		if err != nil {
			r.Left = "fails: " + err.Error()
			if errors.Is(err, hal.ErrUnsupported) {
				r.Left = "no room"
			}
			return r, nil
		}
		got, err := hosts(out)
		release(out)
		if err != nil {
			return r, err
		}
		for j := range got {
			if w.op.CheckOn(s.e.Device().Info(), w.attrs, w.specs, got[j], s.want[i][j]) != nil {
				r.Left = "wrong"
				return r, nil
			}
		}
		seconds := math.Inf(1)
		if time.Now().Before(deadline) {
			if seconds, err = s.quick(ctx, func() { s.run(w, k) }, deadline); err != nil {
				return r, err
			}
		}
		if math.IsInf(seconds, 1) {
			r.Left = "over limit"
			return r, nil
		}
		r.Seconds += seconds
		logs += math.Log(s.now[i] / seconds)
	}
	r.Speed = math.Exp(logs / float64(len(s.loads)))
	return r, nil
}

// run runs an op once with a kernel that has already succeeded, so that an error is a panic.
func (s *tuner) run(w *workload, k *hal.Kernel) {
	out, err := s.e.ApplyWith(k, w.op, w.attrs, w.in...)
	if err != nil {
		panic(err)
	}
	release(out)
}

// quick returns the seconds of a call by the shortest of three samples. It takes fewer
// samples when the deadline passes, and returns +Inf when not even one call ended before it.
func (s *tuner) quick(ctx context.Context, f func(), deadline time.Time) (float64, error) {
	best := math.Inf(1)
	for range 3 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		f()
		if err := s.e.Sync(); err != nil {
			return 0, err
		}
		now := time.Now()
		if now.After(deadline) {
			return best, nil
		}
		if now.Sub(start) > sampleTime { // one call is long enough to be a sample
			best = min(best, now.Sub(start).Seconds())
			continue
		}
		seconds, err := sample(ctx, f, s.e.Sync)
		if err != nil {
			return 0, err
		}
		best = min(best, seconds)
	}
	return best, nil
}

// compare takes samples of the present kernel and of k in turns, sets r's time and speed
// by their medians, and reports whether k is worth keeping.
func (s *tuner) compare(ctx context.Context, k *hal.Kernel, r *Trial) (bool, error) {
	now, then := make([][]float64, len(s.loads)), make([][]float64, len(s.loads))
	for i, w := range s.loads {
		for range s.o.Samples {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			a, err := sample(ctx, w.apply, s.e.Sync)
			if err != nil {
				return false, err
			}
			b, err := sample(ctx, func() { s.run(w, k) }, s.e.Sync)
			if err != nil {
				return false, err
			}
			now[i], then[i] = append(now[i], a), append(then[i], b)
		}
	}
	var keep bool
	r.Seconds, r.Speed, keep = judge(now, then)
	return keep, nil
}

// judge compares samples of two kernels, which are lists by size. It says to keep the
// second if its median is slower at no size and it gains enough over all of them.
func judge(now, then [][]float64) (seconds, speed float64, keep bool) {
	logs, keep := 0.0, true
	for i := range now {
		a, b := median(now[i]), median(then[i])
		seconds += b
		logs += math.Log(a / b)
		keep = keep && b <= a
	}
	speed = math.Exp(logs / float64(len(now)))
	return seconds, speed, keep && speed >= 1+worth
}
