package bench

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/crease-ml/crease/bench/peer"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Result holds the measurement of one op of one size on one device.
type Result struct {
	Op      string  `json:"op"`
	Device  string  `json:"device"`
	DType   string  `json:"dtype"`
	Size    int     `json:"size"`
	Threads int     `json:"threads"`
	Served  string  `json:"served"`  // by a kernel's name, or the step of dispatch
	Samples int     `json:"samples"` // fewer than asked for where the time ran out
	Median  float64 `json:"median_seconds"`
	Mean    float64 `json:"mean_seconds"`
	Dev     float64 `json:"deviation_seconds"`
	GFlops  float64 `json:"gflops"`
	GBytes  float64 `json:"gbytes_per_second"`
	Peak    float64 `json:"peak_share"` // of the device's measured arithmetic limit
	// Peer is the peer's median over ours: above 1 we are faster.
	Peer     float64 `json:"peer_ratio"`
	PeerName string  `json:"peer"`

	Times []float64 `json:"-"` // of a call in every sample, in seconds
}

// Options of a measurement.
type Options struct {
	Samples int           // 5 when 0
	Limit   time.Duration // no sample begins later than this; 0 for no limit
	Peer    *peer.BLAS    // nil for none
}

// sampleTime is how long a sample lasts at least, so that threads that have only just woken
// do not decide its outcome.
const sampleTime = 50 * time.Millisecond

// settle is the pause between turns. Idle threads of OpenBLAS go on spinning for some tens of
// milliseconds and would take a core from whoever comes next.
const settle = 120 * time.Millisecond

// Measure times one op. Failures of the op are panics, as eager ops have them. When the
// context ends, its error comes within a call of the op.
func Measure(ctx context.Context, e *exec.Engine, op *ops.Op, size int, t dtype.Type, o Options) (Result, error) {
	if o.Samples == 0 {
		o.Samples = 5
	}
	switch {
	case size < 1 || size > maxSize:
		return Result{}, fmt.Errorf("size %d: want 1 to %d", size, maxSize)
	case o.Samples < 0:
		return Result{}, fmt.Errorf("%d samples: want at least 1", o.Samples)
	}
	w, err := newWorkload(e, op, size, t)
	if err != nil {
		return Result{}, err
	}
	defer w.release()
	info := e.Device().Info()
	res := Result{Op: op.Name, Device: info.Name, DType: t.String(), Size: size, Threads: info.Threads, Samples: o.Samples}
	e.ResetStats()
	theirs := rival(o.Peer, op, size, t, info.Threads, w.host)
	var mine, its []float64
	start := time.Now()
	for i := range o.Samples {
		if i > 0 && o.Limit > 0 && time.Since(start) > o.Limit {
			res.Samples = i
			break
		}
		s, err := timed(ctx, e, w.apply)
		if err != nil {
			return res, err
		}
		mine = append(mine, s)
		if theirs == nil {
			continue
		}
		time.Sleep(settle)
		if s, err = sample(ctx, theirs, func() error { return nil }); err != nil {
			return res, err
		}
		its = append(its, s)
		time.Sleep(settle)
	}
	res.Times = mine
	res.Median, res.Mean, res.Dev = median(mine), mean(mine), deviation(mine)
	cost := op.Cost(w.attrs, w.specs, w.outs)
	res.GFlops, res.GBytes = cost.Flops/res.Median/1e9, cost.Bytes/res.Median/1e9
	if p, ok := e.Device().(hal.Peaker); ok {
		if peak := p.PeakFlops(t); peak > 0 {
			res.Peak = cost.Flops / res.Median / peak
		}
	}
	if theirs != nil {
		res.Peer, res.PeerName = median(its)/res.Median, o.Peer.Name
	}
	res.Served = w.served()
	return res, nil
}

// Rivalled reports whether a peer computes the same as an op: BLAS libraries multiply
// matrices, and nothing else that is measured here.
func Rivalled(op *ops.Op) bool { return op == ops.MatMul }

// rival returns a function by which the peer computes the same, nil if it has none.
func rival(b *peer.BLAS, op *ops.Op, n int, t dtype.Type, threads int, in []ops.Host) func() {
	if b == nil || !Rivalled(op) {
		return nil
	}
	b.SetThreads(threads)
	switch t {
	case dtype.F32:
		x, y, z := dtype.Slice[float32](in[0].Data), dtype.Slice[float32](in[1].Data), make([]float32, n*n)
		return func() { b.Sgemm(n, n, n, x, y, z) }
	case dtype.F64:
		x, y, z := dtype.Slice[float64](in[0].Data), dtype.Slice[float64](in[1].Data), make([]float64, n*n)
		return func() { b.Dgemm(n, n, n, x, y, z) }
	}
	return nil
}

// timed does what sample does, but by the device's own time where that is not the host's. One
// call is then enough, since an emulator takes the same time for every call.
func timed(ctx context.Context, e *exec.Engine, f func()) (float64, error) {
	c, ok := e.Device().(hal.Clock)
	if !ok {
		return sample(ctx, f, e.Sync)
	}
	start := c.Now()
	f()
	if err := e.Sync(); err != nil {
		return 0, err
	}
	return (c.Now() - start).Seconds(), nil
}

// sample returns the mean time of a call over a stretch of calls. A first call wakes idle
// threads and is not counted. When the context ends, its error comes after the call that
// is running, if calls are as long as a sample, and otherwise after the stretch.
func sample(ctx context.Context, f func(), sync func() error) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	f()
	if err := sync(); err != nil {
		return 0, err
	}
	for n := 1; ; n *= 2 {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		start := time.Now()
		for range n {
			f()
		}
		if err := sync(); err != nil {
			return 0, err
		}
		if took := time.Since(start); took >= sampleTime {
			return took.Seconds() / float64(n), nil
		}
	}
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

func deviation(x []float64) float64 {
	m, s := mean(x), 0.0
	for _, v := range x {
		s += (v - m) * (v - m)
	}
	return math.Sqrt(s / float64(max(len(x)-1, 1)))
}
