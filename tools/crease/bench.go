package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	sizes, types, threads, peer string
	samples                     int
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
				return usageError(errors.New("want the names of ops, as in: crease bench matmul,softmax"))
			}
			return nil
		},
		RunE: f.run,
	}
	fs := cmd.Flags()
	fs.StringVar(&f.sizes, "shape", "256-1024*2", "sizes: 64, 64-1024*2, 64-256+64, and lists of these")
	fs.StringVar(&f.types, "dtype", "f32", "element types, comma-separated")
	fs.StringVar(&f.peer, "peer", "auto", "auto, openblas or none")
	fs.StringVar(&f.threads, "threads", "", "threads of cpu devices, comma-separated (default: CREASE_THREADS, else all)")
	bindSamples(cmd, &f.samples, 5)
	f.bindDevices(cmd)
	cmd.AddCommand(overheadCommand(), benchTPUCommand())
	return f.bindOutput(cmd, "table", "json", "csv", "md", "bench")
}

func (f *benchFlags) run(cmd *cobra.Command, args []string) error {
	list, sizes, types, err := f.parse(args)
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
	for _, op := range list {
		for _, t := range types {
			for _, n := range sizes {
				for _, d := range devs {
					if err := cmd.Context().Err(); err != nil {
						return errors.Join(err, out.end())
					}
					var res bench.Result
					if e := crease.Try(func() {
						res, err = bench.Measure(d.Engine(), op, n, t, bench.Options{Samples: f.samples, Peer: blas})
					}); e != nil {
						err = e
					}
					if err != nil {
						return fmt.Errorf("%s %s %d on %s: %w", op.Name, t, n, d.Name(), err)
					}
					out.row(res)
				}
			}
		}
	}
	return out.end()
}

func (f *benchFlags) parse(args []string) (list []*ops.Op, sizes []int, types []dtype.Type, err error) {
	if list, err = benchable(args); err != nil {
		return nil, nil, nil, err
	}
	if sizes, err = bench.ParseSizes(f.sizes); err != nil {
		return nil, nil, nil, fmt.Errorf("--shape: %w", err)
	}
	for name := range strings.SplitSeq(f.types, ",") {
		t, err := dtype.Parse(name)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("--dtype: %w", err)
		}
		types = append(types, t)
	}
	return list, sizes, types, checkSamples(f.samples)
}

// bindSamples adds the number of samples to a command that measures.
func bindSamples(cmd *cobra.Command, n *int, usual int) {
	cmd.Flags().IntVarP(n, "repetitions", "r", usual, "samples of every measurement")
}

func checkSamples(n int) error {
	if n < 1 || n > 10000 {
		return fmt.Errorf("-r %d: want 1 to 10000 samples", n)
	}
	return nil
}

// rival opens the peer for matmul.
func (f *benchFlags) rival(cmd *cobra.Command, list []*ops.Op) (*peer.BLAS, error) {
	switch f.peer {
	case "none":
		return nil, nil
	case "auto", "openblas":
	default:
		return nil, usageError(fmt.Errorf("--peer %s: want auto, openblas or none", f.peer))
	}
	wanted := f.peer == "openblas"
	if !wanted && !slices.ContainsFunc(list, bench.Rivalled) {
		return nil, nil
	}
	b, err := peer.OpenBLAS()
	if err != nil && f.peer == "auto" {
		fmt.Fprintln(cmd.ErrOrStderr(), "crease: no peer:", err)
		return nil, nil
	}
	return b, err
}

// devices opens every device with every number of threads.
func (f *benchFlags) devices(cmd *cobra.Command) ([]*crease.Device, error) {
	if f.threads == "" {
		return f.openAll(cmd)
	}
	var out []*crease.Device
	for _, name := range f.names() {
		for s := range strings.SplitSeq(f.threads, ",") {
			n, err := strconv.Atoi(s)
			if err != nil {
				return nil, usageError(fmt.Errorf("--threads %q: want numbers", f.threads))
			}
			resolved, err := withThreads(name, n, true)
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
	all    []bench.Result
}

func newBenchWriter(cmd *cobra.Command, format string) *benchWriter {
	w := &benchWriter{lines: lines{w: cmd.OutOrStdout()}, format: format}
	switch format {
	case "table":
		w.printf("%-10s %-21s %4s %5s %8s %8s %6s %5s %5s\n", "OP", "DEVICE", "TYPE", "SIZE", "MEDIAN", "GFLOP/s", "GB/s", "PEAK", "PEER")
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
		w.printf("%-10s %-21s %4s %5d %8s %8.2f %6.1f %5s %5s\n", clip(r.Op, 10), clip(r.Device, 21), r.DType, r.Size, duration(r.Median), r.GFlops, r.GBytes, share, ratio)
	case "md":
		w.printf("| %s | %s | %d | %s | %d | %s | %.1f | %.1f | %s | %s |\n", r.Op, r.Device, r.Threads, r.DType, r.Size, duration(r.Median), r.GFlops, r.GBytes, share, ratio)
	case "csv":
		w.printf("%s,%s,%d,%s,%d,%s,%d,%g,%g,%g,%g,%g,%g,%g\n", r.Op, r.Device, r.Threads, r.DType, r.Size, r.Served, r.Samples, r.Median, r.Mean, r.Dev, r.GFlops, r.GBytes, r.Peak, r.Peer)
	case "bench":
		w.printf("Benchmark%s/device=%s/dtype=%s/size=%d 1 %.0f ns/op %.3f GFLOP/s %.3f GB/s\n", r.Op, r.Device, r.DType, r.Size, r.Median*1e9, r.GFlops, r.GBytes)
	}
}

func (w *benchWriter) end() error {
	if w.format == "json" {
		return writeJSON(w.w, w.all)
	}
	if w.format == "table" && len(w.all) > 0 {
		for _, r := range w.all {
			if r.PeerName != "" {
				w.printf("\nPEER: the peer's median time over ours, above 1 we are faster\n%s\n", wrap(r.PeerName, 80, 0))
				break
			}
		}
	}
	return w.err
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
