package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/bench/peer"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func init() { commands = append(commands, benchCommand) }

// benchFlags are the flags of crease bench.
type benchFlags struct {
	common
	sizes   []int
	types   []dtype.Type
	threads []int
	peer    string
	samples int
	limit   time.Duration
}

func benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench OP...",
		Short: "Measure ops: time, GFLOP/s, GB/s, share of the device's limit",
		Long: "Measure ops on devices. A size n means n×n matrices; for convolution and\n" +
			"pooling 16 images of 28×28 with n channels; crease ops NAME shows what it means\n" +
			"for an op. matmul is compared with OpenBLAS when it is there (Debian:\n" +
			"libopenblas0-pthread), samples taking turns.",
		Example: "  crease bench matmul --shape 512-2048*2\n  crease bench matmul,softmax -d cpu/avx2,cpu/generic --threads 1,2",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("want the names of ops, as in: crease bench matmul,softmax")
			}
			return nil
		},
		ValidArgsFunction: completeOps,
		RunE:              f.run,
	}
	sizesFlag(cmd, &f.sizes, "256-1024*2")
	typesFlag(cmd, &f.types, 0, "element types, comma-separated")
	choiceFlag(cmd, &f.peer, "peer", "", "auto", []string{"auto", "openblas", "none"}, "auto, openblas or none")
	listFlag(cmd, &f.threads, "threads", "", 1, maxThreads, "threads of cpu devices, comma-separated (default: CREASE_THREADS, else all)")
	samplesFlag(cmd, &f.samples, 5)
	timeFlag(cmd, &f.limit, "limit", 30*time.Second, time.Millisecond, time.Hour, "time for one row: it has fewer samples where that is over")
	f.bindDevices(cmd)
	cmd.AddCommand(overheadCommand(), benchTPUCommand())
	return f.bindOutput(cmd, "table", "json", "csv", "md", "bench")
}

func (f *benchFlags) run(cmd *cobra.Command, args []string) error {
	list, err := benchable(args)
	if err != nil {
		return usageError(err)
	}
	blas, err := f.rival(cmd, list)
	if err != nil {
		return err
	}
	devs, err := f.devices(cmd)
	if err != nil {
		return err
	}
	out := newBenchWriter(cmd, f.output)
	err = f.measure(cmd.Context(), list, devs, blas, out)
	return errors.Join(err, out.end())
}

// measure writes a row for every op, type, size and device.
func (f *benchFlags) measure(ctx context.Context, list []*ops.Op, devs []*crease.Device, blas *peer.BLAS, out *benchWriter) error {
	rows := len(list) * len(f.types) * len(f.sizes) * len(devs)
	for _, op := range list {
		for _, t := range f.types {
			for _, n := range f.sizes {
				for _, d := range devs {
					kept(ctx).set("%d of %d measurements are complete", len(out.all), rows)
					var res bench.Result
					var err error
					if e := crease.Try(func() {
						res, err = bench.Measure(ctx, d.Engine(), op, n, t, bench.Options{Samples: f.samples, Limit: f.limit, Peer: blas})
					}); e != nil {
						err = e
					}
					if err != nil {
						return fmt.Errorf("%s %s %d on %s: %w", op.Name, t, n, d.Name(), err)
					}
					out.row(res)
					if out.err != nil {
						return out.err
					}
				}
			}
		}
	}
	return nil
}

// rival opens the peer for matmul.
func (f *benchFlags) rival(cmd *cobra.Command, list []*ops.Op) (*peer.BLAS, error) {
	if f.peer == "none" {
		return nil, nil
	}
	wanted := f.peer == "openblas"
	if !wanted && !slices.ContainsFunc(list, bench.Rivalled) {
		return nil, nil
	}
	b, err := peer.OpenBLAS()
	if err != nil && f.peer == "auto" {
		fmt.Fprintln(cmd.ErrOrStderr(), "crease: no peer:", oneLine(err.Error()))
		return nil, nil
	}
	return b, fileError(err)
}

// devices opens every device with every number of threads.
func (f *benchFlags) devices(cmd *cobra.Command) ([]*crease.Device, error) {
	if f.threads == nil {
		return f.openAll(cmd)
	}
	var out []*crease.Device
	for _, name := range f.names() {
		for _, n := range f.threads {
			resolved, err := withThreads(name, n)
			if err != nil {
				return nil, err
			}
			d, err := crease.Open(resolved)
			if err != nil {
				return nil, err
			}
			out = append(out, d)
		}
	}
	return out, nil
}

// benchWriter prints results in a format.
type benchWriter struct {
	lines
	format string
	table  *table
	all    []bench.Result
}

func newBenchWriter(cmd *cobra.Command, format string) *benchWriter {
	w := &benchWriter{lines: lines{w: cmd.OutOrStdout()}, format: format, all: []bench.Result{}}
	switch format {
	case "table":
		w.table = w.lines.table(column{"OP", 9, false}, column{"DEVICE", 15, false}, column{"TYPE", 4, false}, column{"SIZE", 5, true},
			column{"MEDIAN", 7, true}, column{"GFLOP/s", 7, true}, column{"GB/s", 6, true}, column{"PEAK", 4, true}, column{"PEER", 5, true})
	case "md":
		w.printf("| op | device | threads | type | size | median | GFLOP/s | GB/s | of peak | vs OpenBLAS |\n|---|---|---|---|---|---|---|---|---|---|\n")
	case "csv":
		w.printf("op,device,threads,dtype,size,kernel,samples,median_s,mean_s,deviation_s,gflops,gbytes_s,peak_share,peer_ratio\n")
	}
	return w
}

func (w *benchWriter) row(r bench.Result) {
	w.all = append(w.all, r)
	share, ratio := "-", "-"
	if r.Peak > 0 {
		share = fmt.Sprintf("%.0f%%", 100*r.Peak)
	}
	if r.Peer > 0 {
		ratio = fmt.Sprintf("%.2fx", r.Peer)
	}
	switch w.format {
	case "table":
		w.table.row(r.Op, r.Device, r.DType, fmt.Sprint(r.Size), duration(r.Median), short(r.GFlops), short(r.GBytes), share, ratio)
	case "md":
		w.printf("| %s | %s | %d | %s | %d | %s | %.1f | %.1f | %s | %s |\n", r.Op, r.Device, r.Threads, r.DType, r.Size, duration(r.Median), r.GFlops, r.GBytes, share, ratio)
	case "csv":
		w.printf("%s,%s,%d,%s,%d,%s,%d,%g,%g,%g,%g,%g,%g,%g\n", r.Op, quoted(r.Device), r.Threads, r.DType, r.Size, quoted(r.Served), r.Samples, r.Median, r.Mean, r.Dev, r.GFlops, r.GBytes, r.Peak, r.Peer)
	case "bench": // a line for every sample: benchstat compares their spread
		for _, s := range r.Times {
			w.printf("Benchmark%s/device=%s/dtype=%s/size=%d 1 %.0f ns/op %.3f GFLOP/s %.3f GB/s\n", r.Op, r.Device, r.DType, r.Size, s*1e9, r.GFlops*r.Median/s, r.GBytes*r.Median/s)
		}
	}
}

func (w *benchWriter) end() error {
	if w.format == "json" {
		return writeJSON(w.w, w.all)
	}
	if w.format == "table" && len(w.all) > 0 {
		for _, r := range w.all {
			if r.PeerName != "" {
				w.printf("\n%s\n%s\n", w.wrap("PEER: the peer's median time over ours, above 1 we are faster", 0), w.wrap(r.PeerName, 0))
				break
			}
		}
	}
	return w.err
}

// short prints a number of any size in six characters or so.
func short(v float64) string {
	switch {
	case v >= 1e6 || v != 0 && v < 0.001:
		return fmt.Sprintf("%.1e", v)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// duration prints seconds with three digits.
func duration(s float64) string {
	switch {
	case s < 1e-6:
		return fmt.Sprintf("%.3gns", s*1e9)
	case s < 1e-3:
		return fmt.Sprintf("%.3gµs", s*1e6)
	case s < 1:
		return fmt.Sprintf("%.3gms", s*1e3)
	}
	return fmt.Sprintf("%.3gs", s)
}
