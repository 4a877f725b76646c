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

// Overhead holds what a small op costs in one way of running it. Times are in nanoseconds
// per op. NumPy and Torch are nil where the peer is not there or has no such thing.
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
	Large   bool          // add elementwise chains on 512×512 and 4096×4096 matrices
	Peers   []*peer.Python
	// Failed decides what happens when a peer fails: nil goes on without its figures
	// for that workload, or without any if its process is gone. When Failed is nil,
	// any such error is returned.
	Failed func(error) error
}

// OverheadWorkloads returns the names of what [MeasureOverhead] measures, in order, each with
// what one op of it is.
func OverheadWorkloads(large bool) (list [][2]string) {
	for _, w := range overheadWorkloads(large) {
		list = append(list, [2]string{w.name, w.doc})
	}
	return list
}

// MeasureOverhead times small ops (8×8 matrices of f32) of the package crease on a
// device, where the arithmetic takes next to no time, and large ones if asked to. The
// device is synchronised before the clock stops. Workloads take turns, a sample of ours
// and one of every peer at a time: a slow second of the machine falls on all of them.
//
// Everything that Go does, the garbage collector included, runs on one thread
// meanwhile, as what a peer does runs on one: GOMAXPROCS is 1 for the whole process.
// Allocations are counted apart from the timing. When the context ends, its error
// comes within a sample.
func MeasureOverhead(ctx context.Context, d *crease.Device, o OverheadOptions) (rows []Overhead, err error) {
	o.Samples, o.Length = cmp.Or(o.Samples, 25), cmp.Or(o.Length, 10*time.Millisecond)
	if o.Samples < 0 || o.Length < 0 {
		return nil, fmt.Errorf("%d samples of %v: want at least 1, of some length", o.Samples, o.Length)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	m := &overheadMeter{OverheadOptions: o, dev: d, suite: overheadWorkloads(o.Large)}
	if e := crease.Try(func() { err = m.measure(ctx) }); e != nil {
		err = fmt.Errorf("%s: %w", m.now, e)
	}
	if err != nil {
		return nil, err
	}
	return m.rows, nil
}

// overheadMeter measures the suite.
type overheadMeter struct {
	OverheadOptions
	dev      *crease.Device
	suite    []overheadWorkload
	operands *overheadOperands
	now      string // the workload that runs
	calls    []int  // of a sample, by workload
	rows     []Overhead
}

func (m *overheadMeter) measure(ctx context.Context) error {
	m.operands = newOverheadOperands(m.dev)
	defer m.operands.free()
	for _, w := range m.suite {
		calls, err := m.callsLasting(ctx, w, m.Length)
		if err != nil {
			return err
		}
		r := Overhead{Workload: w.name, Device: m.dev.Name(), Samples: m.Samples, Ops: calls * w.ops, PeerTimes: map[string][]float64{}}
		if r.Allocs, r.Bytes, err = m.allocations(ctx, w, calls); err != nil {
			return err
		}
		m.calls, m.rows = append(m.calls, calls), append(m.rows, r)
	}
	for range m.Samples {
		for i, w := range m.suite {
			if _, err := m.run(ctx, w, 1+m.calls[i]/10); err != nil { // caches have seen others meanwhile
				return err
			}
			took, err := m.run(ctx, w, m.calls[i])
			if err != nil {
				return err
			}
			r := &m.rows[i]
			r.Times = append(r.Times, took/float64(r.Ops))
			for _, p := range m.Peers {
				if err := m.samplePeer(ctx, p, r); err != nil {
					return err
				}
			}
		}
	}
	for i := range m.rows {
		m.rows[i].summarise()
	}
	return nil
}

// samplePeer takes one sample of a peer, if it has the row's workload.
func (m *overheadMeter) samplePeer(ctx context.Context, p *peer.Python, r *Overhead) error {
	if !p.Has(r.Workload) {
		return nil
	}
	ns, err := p.Sample(ctx, r.Workload, m.Length)
	switch {
	case err == nil:
		r.PeerTimes[p.Library] = append(r.PeerTimes[p.Library], ns)
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	for i := range m.rows { // of what it cannot go on with, it has no figures
		if !p.Has(m.rows[i].Workload) {
			delete(m.rows[i].PeerTimes, p.Library)
		}
	}
	if m.Failed == nil {
		return err
	}
	return m.Failed(err)
}

// summarise fills in what follows from the samples.
func (r *Overhead) summarise() {
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
}

// warm is the number of calls before one is timed: the first ones compile kernels
// and fill pools and caches.
const warm = 10

// callsLasting warms a workload up and returns how many of its calls take about the given time.
func (m *overheadMeter) callsLasting(ctx context.Context, w overheadWorkload, length time.Duration) (int, error) {
	if _, err := m.run(ctx, w, warm); err != nil {
		return 0, err
	}
	for n := 1; ; n *= 2 {
		took, err := m.run(ctx, w, n)
		if err != nil {
			return 0, err
		}
		if took >= float64(length)/4 {
			return max(1, int(float64(n)*float64(length)/took)), nil
		}
	}
}

// run returns the time of n calls in nanoseconds, up to when the device has done them.
func (m *overheadMeter) run(ctx context.Context, w overheadWorkload, n int) (float64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.now = w.name
	start := time.Now()
	for range n {
		w.call(m.operands)
	}
	err := m.dev.Sync()
	return float64(time.Since(start)), err
}

// allocations returns what Go allocates for an op. It is the median of three measurements,
// since whatever else goes on in the process allocates too.
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

// quantile returns a quantile of a sorted sample. It interpolates where that falls between two
// values.
func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	j := min(i+1, len(sorted)-1)
	return sorted[i] + (at-float64(i))*(sorted[j]-sorted[i])
}
