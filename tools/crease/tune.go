package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
)

func init() { commands = append(commands, tuneCommand) }

// tuneFlags are the flags of crease tune.
type tuneFlags struct {
	common
	shape, dtype, table string
	samples             int
	limit               time.Duration
	dryRun              bool
}

func tuneCommand() *cobra.Command {
	var f tuneFlags
	cmd := &cobra.Command{
		Use:   "tune OP...",
		Short: "Find kernel parameters that are faster on a device, and keep them",
		Long: "Search parameters for the portable kernels of ops: group sizes, tiles, and which\n" +
			"kernel comes first. A choice is kept if its results are right and if it is\n" +
			"faster at every size than what runs now, measured in turns. It goes to the\n" +
			"table of this device in the user's configuration, which later runs read.",
		Example: "  crease tune matmul -d opencl --shape 256-1024*2\n  crease tune softmax,relu -d opencl --dry-run",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(errors.New("want the names of ops, as in: crease tune matmul -d opencl"))
			}
			return nil
		},
		RunE: f.run,
	}
	f.bind(cmd, "table", "json")
	fs := cmd.Flags()
	fs.StringVar(&f.shape, "shape", "256-1024*2", "sizes: 64, 64-1024*2, 64-256+64, and lists of these")
	fs.StringVar(&f.dtype, "dtype", "f32", "element type")
	fs.StringVar(&f.table, "table", "", "table to add to (default: CREASE_TUNING, else tuning.json in the configuration folder)")
	fs.IntVarP(&f.samples, "repetitions", "r", 5, "samples of the last comparison")
	fs.DurationVar(&f.limit, "limit", 5*time.Second, "time for one choice of parameters, compiling included")
	fs.BoolVar(&f.dryRun, "dry-run", false, "search, but keep nothing")
	return cmd
}

func (f *tuneFlags) run(cmd *cobra.Command, args []string) error {
	list, err := benchable(args)
	if err != nil {
		return usageError(err)
	}
	o := bench.TuneOptions{Samples: f.samples, Limit: f.limit}
	t, err := f.parse(&o)
	if err != nil {
		return usageError(err)
	}
	d, err := f.open(cmd)
	if err != nil {
		return err
	}
	p := &lines{w: cmd.OutOrStdout()}
	var all []bench.Tuned
	if f.output == "table" {
		p.printf("%-26s %-24s %9s %9s\n", "KERNEL", "PARAMETERS", "TIME", "SPEED")
		o.Report = func(r bench.Trial) { p.printf("%s\n", trialRow(r)) }
	}
	for _, op := range list {
		res, err := bench.Tune(cmd.Context(), d.Engine(), op, t, o)
		if err != nil {
			return fmt.Errorf("%s %s on %s: %w", op.Name, t, d.Name(), err)
		}
		if res.Best != nil && !f.dryRun {
			row := d.Engine().Device().(kernels.Tuner).Portable().Row()
			if err := kernels.SaveTuning(f.table, row, res.Best.Kernel, res.Save); err != nil {
				return err
			}
		}
		all = append(all, res)
		if f.output == "table" {
			p.printf("%s\n", wrap(f.verdict(res), 80, 0))
		}
	}
	if f.output == "json" {
		return writeJSON(p.w, all)
	}
	return p.err
}

// parse checks the flags and finds the table, so that no search is in vain.
func (f *tuneFlags) parse(o *bench.TuneOptions) (t dtype.Type, err error) {
	if o.Sizes, err = bench.ParseSizes(f.shape); err != nil {
		return t, fmt.Errorf("--shape: %w", err)
	}
	if t, err = dtype.Parse(f.dtype); err != nil {
		return t, fmt.Errorf("--dtype: %w", err)
	}
	if err := checkSamples(f.samples); err != nil {
		return t, err
	}
	if f.limit < time.Millisecond || f.limit > time.Hour {
		return t, fmt.Errorf("--limit %v: want 1ms to 1h", f.limit)
	}
	if f.table == "" {
		f.table = kernels.TuningFile()
	}
	if f.table == "" && !f.dryRun {
		return t, errors.New("there is no table to add to (CREASE_TUNING is off, or there is no home folder): name one with --table, or search with --dry-run")
	}
	return t, nil
}

// benchable reads names of ops that can be measured.
func benchable(args []string) (list []*ops.Op, err error) {
	for _, arg := range args {
		for name := range strings.SplitSeq(arg, ",") {
			op := ops.Get(name)
			if op == nil {
				return nil, fmt.Errorf("no op %q (crease ops lists them)", name)
			}
			if _, _, err := bench.Inputs(op, 1, dtype.F32); err != nil {
				return nil, err
			}
			list = append(list, op)
		}
	}
	return list, nil
}

func trialRow(r bench.Trial) string {
	s := fmt.Sprintf("%-26s %-24s ", r.Kernel, parameters(r.Params))
	if r.Left != "" {
		return s + fmt.Sprintf("%19s", clip(r.Left, 19))
	}
	return s + fmt.Sprintf("%9s %8.2fx", duration(r.Seconds), r.Speed)
}

// parameters prints "EACH 4, SIDE 16".
func parameters(p kernels.Params) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(p)) {
		list = append(list, fmt.Sprintf("%s %d", name, p[name]))
	}
	return strings.Join(list, ", ")
}

func (f *tuneFlags) verdict(r bench.Tuned) string {
	what := r.Op + " " + r.DType + ": "
	if r.Best == nil {
		return what + "nothing is better than " + r.Now + " as it is; the table stays as it was"
	}
	what += fmt.Sprintf("%s with %s is %.2f times as fast as before", r.Best.Kernel, parameters(r.Best.Params), r.Best.Speed)
	if f.dryRun {
		return what + "; nothing was kept"
	}
	return what + "; kept in " + f.table
}
