package main

import (
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
	sizes   []int
	types   []dtype.Type
	table   string
	samples int
	limit   time.Duration
	dryRun  bool
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
				return usagef("want the names of ops, as in: crease tune matmul -d opencl")
			}
			return nil
		},
		ValidArgsFunction: completeOps,
		RunE:              f.run,
	}
	f.bind(cmd, "table", "json")
	sizesFlag(cmd, &f.sizes, "256-1024*2")
	typesFlag(cmd, &f.types, 1, "element type")
	nameFlag(cmd, &f.table, "table", "", "table to add to (default: CREASE_TUNING, else tuning.json in the configuration folder)")
	samplesFlag(cmd, &f.samples, 5)
	timeFlag(cmd, &f.limit, "limit", 5*time.Second, time.Millisecond, time.Hour, "time for one choice of parameters, compiling included")
	cmd.Flags().BoolVar(&f.dryRun, "dry-run", false, "search, but keep nothing")
	return cmd
}

func (f *tuneFlags) run(cmd *cobra.Command, args []string) error {
	list, err := benchable(args)
	if err != nil {
		return usageError(err)
	}
	if err := f.check(); err != nil {
		return err
	}
	d, err := f.open(cmd)
	if err != nil {
		return err
	}
	p := &lines{w: cmd.OutOrStdout()}
	all := []bench.Tuned{}
	o := bench.TuneOptions{Sizes: f.sizes, Samples: f.samples, Limit: f.limit}
	if f.output == "table" {
		t := p.table(column{"KERNEL", 26, false}, column{"PARAMETERS", 24, false}, column{"TIME", 9, true}, column{"SPEED", 10, true})
		o.Report = func(r bench.Trial) { t.row(trialRow(r)...) }
	}
	for _, op := range list {
		kept(cmd.Context()).set("%d of %d ops are tuned, the table has what was found for them", len(all), len(list))
		res, err := bench.Tune(cmd.Context(), d.Engine(), op, f.types[0], o)
		if err != nil {
			return fmt.Errorf("%s %s on %s: %w", op.Name, f.types[0], d.Name(), err)
		}
		if res.Best != nil && !f.dryRun {
			row := d.Engine().Device().(kernels.Tuner).Portable().Row()
			if err := kernels.SaveTuning(f.table, row, res.Best.Kernel, res.Save); err != nil {
				return err
			}
		}
		all = append(all, res)
		if f.output == "table" {
			p.printf("%s\n", p.wrap(f.verdict(res), 0))
		}
	}
	if f.output == "json" {
		return writeJSON(p.w, all)
	}
	return p.err
}

// check finds the table and sees whether it can be written, so that no search is in vain.
func (f *tuneFlags) check() error {
	if f.table == "" {
		f.table = kernels.TuningFile()
	}
	switch {
	case f.dryRun:
		return nil
	case f.table == "":
		return usagef("there is no table to add to (CREASE_TUNING is off, or there is no home folder): name one with --table, or search with --dry-run")
	}
	return kernels.CheckTuning(f.table)
}

// benchable reads names of ops that can be measured.
func benchable(args []string) ([]*ops.Op, error) {
	list, err := findOps(args)
	if err != nil {
		return nil, err
	}
	for _, op := range list {
		if _, _, err := bench.Inputs(op, 1, dtype.F32); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func trialRow(r bench.Trial) []string {
	if r.Left != "" {
		return []string{r.Kernel, parameters(r.Params), "", clip(r.Left, 10)}
	}
	return []string{r.Kernel, parameters(r.Params), duration(r.Seconds), fmt.Sprintf("%.2fx", r.Speed)}
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
