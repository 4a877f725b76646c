package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/bench/peer"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/near"
)

// overheadFlags are the flags of crease bench overhead.
type overheadFlags struct {
	common
	libraries []string // peers
	named     bool     // they were asked for by name
	python    string
	samples   int
	large     bool
}

func overheadCommand() *cobra.Command {
	var f overheadFlags
	long := "Measure what small ops cost besides arithmetic: 8×8 matrices of f32, hot, on one\n" +
		"thread, with Go's allocations, beside NumPy and PyTorch where a Python has them.\n" +
		"With --large also what fusing saves on matrices that fill caches or exceed them.\n" +
		"Times are nanoseconds per op, allocations and bytes are per op. An op is\n\n"
	for _, w := range bench.OverheadWorkloads(true) {
		long += fmt.Sprintf("  %-17s %s\n", w[0], wrap(w[1], 80, 20))
	}
	cmd := &cobra.Command{
		Use:     "overhead",
		Short:   "Measure what small ops cost besides arithmetic, beside NumPy and PyTorch",
		Long:    strings.TrimSuffix(long, "\n"),
		Example: "  crease bench overhead -d cpu\n  crease bench overhead --python venv/bin/python -o bench > old.txt",
		Args:    noArgs,
		RunE:    f.run,
	}
	f.libraries = peer.Libraries
	parsedFlag(cmd, "peer", "", "auto", "auto, none, or a list of "+strings.Join(peer.Libraries, ", "), f.setPeers)
	completes(cmd, "peer", append([]string{"auto", "none"}, peer.Libraries...))
	nameFlag(cmd, &f.python, "python", "", "Python of the peers (default: CREASE_PYTHON, else python3)")
	cmd.Flags().BoolVar(&f.large, "large", false, "measure the workloads of large matrices too")
	samplesFlag(cmd, &f.samples, 25)
	f.bindDevices(cmd)
	return f.bindOutput(cmd, "table", "json", "csv", "md", "bench")
}

func (f *overheadFlags) run(cmd *cobra.Command, _ []string) error {
	devs, err := f.devices(cmd)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	peers, err := f.peers(ctx, cmd)
	defer func() {
		for _, p := range peers {
			p.Close()
		}
	}()
	if err != nil {
		return err
	}
	out := &overheadWriter{lines: lines{w: cmd.OutOrStdout()}, format: f.output, peers: peers, all: []bench.Overhead{}}
	for i, d := range devs {
		out.begin(d)
		o := bench.OverheadOptions{Samples: f.samples, Large: f.large, Peers: peers, Failed: func(err error) error { return f.without(cmd, err) }}
		kept(ctx).set("%d of %d devices are measured", i, len(devs))
		rows, err := bench.MeasureOverhead(ctx, d, o)
		if err != nil {
			return errors.Join(fmt.Errorf("overhead on %s: %w", d.Name(), err), out.end())
		}
		for _, r := range rows {
			out.row(r)
		}
	}
	return out.end()
}

// setPeers reads --peer.
func (f *overheadFlags) setPeers(s string) error {
	f.named = false
	switch s {
	case "auto":
		f.libraries = peer.Libraries
		return nil
	case "none":
		f.libraries = nil
		return nil
	}
	list := strings.Split(s, ",")
	for _, l := range list {
		if !slices.Contains(peer.Libraries, l) {
			return fmt.Errorf("want auto, none, or a list of %s%s", strings.Join(peer.Libraries, ", "), near.Hint(l, peer.Libraries))
		}
	}
	slices.Sort(list)
	f.libraries, f.named = slices.Compact(list), true
	return nil
}

// peers starts a Python for each library, all at once: loading PyTorch takes
// seconds. Those that started are returned with an error too.
func (f *overheadFlags) peers(ctx context.Context, cmd *cobra.Command) (list []*peer.Python, err error) {
	libraries := f.libraries
	found, errs := make([]*peer.Python, len(libraries)), make([]error, len(libraries))
	var all sync.WaitGroup
	for i, l := range libraries {
		all.Go(func() { found[i], errs[i] = peer.StartPython(ctx, l, peer.PythonOptions{Path: f.python}) })
	}
	all.Wait()
	for i, p := range found {
		if p != nil {
			list = append(list, p)
		} else if err == nil {
			err = f.without(cmd, errs[i])
		}
	}
	return list, err
}

// without goes on without a peer that nobody asked for by name, and says so.
func (f *overheadFlags) without(cmd *cobra.Command, err error) error {
	if ctxErr := cmd.Context().Err(); ctxErr != nil {
		return ctxErr
	}
	err = fmt.Errorf("no peer: %w; --python or CREASE_PYTHON names another Python", err)
	if f.named || f.python != "" {
		return fileError(err)
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "crease:", oneLine(err.Error()))
	return nil
}

// devices opens the devices asked for, processors with one thread unless their
// names say another number.
func (f *overheadFlags) devices(cmd *cobra.Command) (out []*crease.Device, err error) {
	for _, name := range f.names() {
		asked := name
		if strings.EqualFold(name, "auto") {
			d, err := hal.Open(name)
			if err != nil {
				return nil, err
			}
			name = d.Info().Name
		}
		s, err := hal.ParseSpec(name)
		if err != nil {
			return nil, err
		}
		if _, given := s.Options["threads"]; s.Kind == "cpu" && !given {
			if name, err = withThreads(name, 1); err != nil {
				return nil, err
			}
		}
		d, err := crease.Open(name)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(asked, "auto") {
			sayAuto(cmd, d)
		}
		out = append(out, d)
	}
	return out, nil
}

// overheadWriter prints rows in a format.
type overheadWriter struct {
	lines
	format string
	table  *table
	peers  []*peer.Python
	all    []bench.Overhead
	begun  bool
}

// begin prints what stands before a device's rows.
func (w *overheadWriter) begin(d *crease.Device) {
	first := !w.begun
	w.begun = true
	switch {
	case w.format == "table":
		if !first {
			w.printf("\n")
		}
		w.printf("%s\n\n", w.wrap(fmt.Sprintf("8×8 f32 on %s, nanoseconds per op:", d.Name()), 0))
		w.table = w.lines.table(column{"WORKLOAD", 17, false}, column{"MEDIAN", 7, true}, column{"P10", 7, true}, column{"P90", 7, true},
			column{"ALLOCS", 6, true}, column{"BYTES", 6, true}, column{"NUMPY", 7, true}, column{"TORCH", 7, true})
	case w.format == "bench":
		if first {
			w.printf("goos: %s\ngoarch: %s\n", runtime.GOOS, runtime.GOARCH)
		}
		w.printf("device: %s\n", d.Name())
	case w.format == "md" && first:
		w.printf("| workload | device | ns/op | p10 | p90 | allocs/op | B/op | NumPy | PyTorch |\n|---|---|---|---|---|---|---|---|---|\n")
	case w.format == "csv" && first:
		w.printf("workload,device,samples,median_ns,p10_ns,p90_ns,allocs_per_op,bytes_per_op,numpy_ns,torch_ns\n")
	}
}

func (w *overheadWriter) row(r bench.Overhead) {
	w.all = append(w.all, r)
	switch w.format {
	case "table":
		w.table.row(r.Workload, nanoseconds(&r.Median), nanoseconds(&r.P10), nanoseconds(&r.P90), fmt.Sprintf("%.4g", r.Allocs), fmt.Sprintf("%.0f", r.Bytes), nanoseconds(r.NumPy), nanoseconds(r.Torch))
	case "md":
		w.printf("| %s | %s | %s | %s | %s | %.4g | %.0f | %s | %s |\n", r.Workload, r.Device, nanoseconds(&r.Median), nanoseconds(&r.P10), nanoseconds(&r.P90), r.Allocs, r.Bytes, nanoseconds(r.NumPy), nanoseconds(r.Torch))
	case "csv":
		optional := func(ns *float64) string {
			if ns == nil {
				return ""
			}
			return fmt.Sprintf("%g", *ns)
		}
		w.printf("%s,%s,%d,%g,%g,%g,%g,%g,%s,%s\n", r.Workload, quoted(r.Device), r.Samples, r.Median, r.P10, r.P90, r.Allocs, r.Bytes, optional(r.NumPy), optional(r.Torch))
	case "bench":
		for i, ns := range r.Times {
			w.printf("BenchmarkOverhead/%s %d %.1f ns/op %g B/op %g allocs/op", r.Workload, r.Ops, ns, r.Bytes, r.Allocs)
			for _, l := range peer.Libraries {
				if times := r.PeerTimes[l]; i < len(times) {
					w.printf(" %.1f %s-ns/op", times[i], l)
				}
			}
			w.printf("\n")
		}
	}
}

func (w *overheadWriter) end() error {
	switch w.format {
	case "json":
		return writeJSON(w.w, w.all)
	case "table":
		var beside []string
		for _, p := range w.peers {
			beside = append(beside, fmt.Sprintf("%s: %s in Python %s", strings.ToUpper(p.Library), p.Version, p.Runs))
		}
		if len(beside) > 0 {
			w.printf("\n%s\n", w.wrap(strings.Join(beside, ", "), 0))
		}
	}
	return w.err
}

// nanoseconds prints a time for a column, a dash for none.
func nanoseconds(ns *float64) string {
	switch {
	case ns == nil:
		return "-"
	case *ns < 100:
		return fmt.Sprintf("%.1f", *ns)
	case *ns >= 1e7: // too long for a column
		return fmt.Sprintf("%.1fe6", *ns/1e6)
	}
	return fmt.Sprintf("%.0f", *ns)
}

// quoted is a field of a CSV line. Options of a device may have a comma.
func quoted(s string) string {
	if strings.ContainsAny(s, ",\"") {
		return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
	}
	return s
}
