package bench

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/bench/peer"
)

// Overhead is what a small op costs in one way of running it. Times are in
// nanoseconds per op, and NumPy and Torch are nil where the peer is not there or
// has no such thing.
type Overhead struct {
	Workload string   `json:"workload"`
	Device   string   `json:"device"`
	Median   float64  `json:"median_ns"`
	P10      float64  `json:"p10_ns"`
	P90      float64  `json:"p90_ns"`
	Allocs   float64  `json:"allocs_per_op"` // by Go, as are Bytes
	Bytes    float64  `json:"bytes_per_op"`
	Samples  int      `json:"samples"`
	NumPy    *float64 `json:"numpy_ns"` // the median
	Torch    *float64 `json:"torch_ns"`

	// Ops is the number of ops of a sample, and Times has the time of one in every
	// sample. PeerTimes has those of the peers by library, of the same turns.
	Ops       int                  `json:"-"`
	Times     []float64            `json:"-"`
	PeerTimes map[string][]float64 `json:"-"`
}

// OverheadOptions of a measurement.
type OverheadOptions struct {
	Samples int           // of every workload; 25 when 0
	Length  time.Duration // of a sample, about; 10 ms when 0
	Peers   []*peer.Python
	// Failed decides what happens when a peer fails: nil goes on without it for
	// that workload, and for all if its process is gone. Any error is returned
	// when Failed is nil.
	Failed func(error) error
	Report func(Overhead) // gets every row when it is there
}

// OverheadWorkloads are the names of what [MeasureOverhead] measures, in order, with
// what an op of each is.
func OverheadWorkloads() (list [][2]string) {
	for _, w := range overheadSuite {
		list = append(list, [2]string{w.name, w.doc})
	}
	return list
}

// MeasureOverhead times small ops (8×8 matrices of f32) of the package crease on a
// device, where the arithmetic takes next to no time. The device is synchronised
// before the clock stops. Samples of the peers take turns with ours.
//
// Everything that Go does, the garbage collector included, runs on one thread
// meanwhile, as what a peer does runs on one: GOMAXPROCS is 1 for the whole process.
// Allocations are counted apart from the timing. An error comes with the rows before
// it; that of the context comes within a sample.
func MeasureOverhead(ctx context.Context, d *crease.Device, o OverheadOptions) (rows []Overhead, err error) {
	o.Samples, o.Length = cmp.Or(o.Samples, 25), cmp.Or(o.Length, 10*time.Millisecond)
	if o.Samples < 0 || o.Length < 0 {
		return nil, fmt.Errorf("%d samples of %v: want at least 1, of some length", o.Samples, o.Length)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	m := &overheadMeter{dev: d, OverheadOptions: o}
	run := func() {
		m.operands = newOverheadOperands(d)
		defer m.operands.free()
		for _, w := range overheadSuite {
			var row Overhead
			if row, err = m.measure(ctx, w); err != nil {
				return
			}
			rows = append(rows, row)
			if o.Report != nil {
				o.Report(row)
			}
		}
	}
	if e := crease.Try(run); e != nil {
		err = fmt.Errorf("%s: %w", overheadSuite[len(rows)].name, e)
	}
	return rows, err
}

// overheadMeter measures one workload after the other.
type overheadMeter struct {
	OverheadOptions
	dev      *crease.Device
	operands *overheadOperands
}

func (m *overheadMeter) measure(ctx context.Context, w overheadWorkload) (Overhead, error) {
	r := Overhead{Workload: w.name, Device: m.dev.Name(), Samples: m.Samples, PeerTimes: map[string][]float64{}}
	runtime.GC() // what the workload before left is not this one's
	calls, err := m.calls(ctx, w)
	if err != nil {
		return r, err
	}
	r.Ops = calls * w.ops
	if r.Allocs, r.Bytes, err = m.allocations(ctx, w, calls); err != nil {
		return r, err
	}
	peers := slices.DeleteFunc(slices.Clone(m.Peers), func(p *peer.Python) bool { return !p.Has(w.name) })
	for range m.Samples {
		took, err := m.run(ctx, w, calls)
		if err != nil {
			return r, err
		}
		r.Times = append(r.Times, took/float64(r.Ops))
		for _, p := range peers {
			if !p.Has(w.name) {
				continue // it has failed
			}
			ns, err := p.Sample(ctx, w.name, m.Length)
			if ctx.Err() != nil {
				return r, ctx.Err()
			}
			if err != nil {
				delete(r.PeerTimes, p.Library)
				if m.Failed != nil {
					err = m.Failed(err)
				}
				if err != nil {
					return r, err
				}
				continue
			}
			r.PeerTimes[p.Library] = append(r.PeerTimes[p.Library], ns)
		}
	}
	sorted := slices.Sorted(slices.Values(r.Times))
	r.P10, r.Median, r.P90 = quantile(sorted, 0.1), quantile(sorted, 0.5), quantile(sorted, 0.9)
	for library, times := range r.PeerTimes {
		ns := median(times)
		switch library {
		case "numpy":
			r.NumPy = &ns
		case "torch":
			r.Torch = &ns
		}
	}
	return r, nil
}

// warm is the number of calls before one is timed: the first ones compile kernels
// and fill pools and caches.
const warm = 10

// calls is how many of them last about as long as a sample.
func (m *overheadMeter) calls(ctx context.Context, w overheadWorkload) (int, error) {
	if _, err := m.run(ctx, w, warm); err != nil {
		return 0, err
	}
	length := float64(m.Length)
	for n := 1; ; n *= 2 {
		took, err := m.run(ctx, w, n)
		if err != nil {
			return 0, err
		}
		if took >= length/4 {
			return max(1, int(float64(n)*length/took)), nil
		}
	}
}

// run is the time of n calls in nanoseconds, until the device has done them.
func (m *overheadMeter) run(ctx context.Context, w overheadWorkload, n int) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	start := time.Now()
	for range n {
		w.call(m.operands)
	}
	err := m.dev.Sync()
	return float64(time.Since(start)), err
}

// allocations are what Go allocates for an op: the median of three stretches, since
// what else goes on in the process allocates too.
func (m *overheadMeter) allocations(ctx context.Context, w overheadWorkload, n int) (count, bytes float64, err error) {
	var counts, sizes []float64
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := m.run(ctx, w, n)
		runtime.ReadMemStats(&after)
		if err != nil {
			return 0, 0, err
		}
		ops := float64(n * w.ops)
		counts = append(counts, float64(after.Mallocs-before.Mallocs)/ops)
		sizes = append(sizes, float64(after.TotalAlloc-before.TotalAlloc)/ops)
	}
	hundredths := func(x float64) float64 { return math.Round(100*x) / 100 }
	return hundredths(median(counts)), hundredths(median(sizes)), nil
}

// quantile of a sorted sample, between neighbours where it falls between them.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}
