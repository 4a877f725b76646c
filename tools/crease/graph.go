package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/tools/crease/train"
)

func init() { commands = append(commands, graphCommand) }

// graphFlags are the flags of crease graph.
type graphFlags struct {
	common
	model, data, passes, diff, dot, svg string
	batch, samples                      int
}

func graphCommand() *cobra.Command {
	var f graphFlags
	long := "Compile a training step and show what each pass of the compiler left of it, what\n" +
		"memory and time that saves, and which steps take longest. The passes are\n\n"
	for _, p := range graph.Passes() {
		long += fmt.Sprintf("  %-9s %s\n", p.Name, wrap(p.Doc, 80, 12))
	}
	c := &cobra.Command{
		Use:       "graph TASK",
		Short:     "Show what compiling a training step does to it",
		Long:      strings.TrimSuffix(long, "\n"),
		Example:   "  crease graph uncrumple --diff fuse\n  crease graph fashion --model cnn --passes=-fuse,-arena --svg plan.svg --dot step.dot",
		Args:      exactTask,
		ValidArgs: taskArgs(),
		RunE:      func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	fs := c.Flags()
	fs.StringVar(&f.model, "model", "", "model: mlp, cnn or resnet for fashion, nano-cpu or baby for chargpt")
	fs.IntVar(&f.batch, "batch", 0, "samples in a step (default: the task's)")
	fs.StringVar(&f.data, "data", "", "directory of the data files (default: CREASE_DATA, or what crease data get got)")
	fs.StringVar(&f.passes, "passes", "", "passes to leave out, as in -fuse,-arena (default: CREASE_PASSES)")
	fs.StringVar(&f.diff, "diff", "", "print what this pass changed")
	fs.StringVar(&f.dot, "dot", "", "write the compiled graph to this file, for Graphviz")
	fs.StringVar(&f.svg, "svg", "", "draw the program and its memory to this file")
	bindSamples(c, &f.samples, 20)
	return f.bind(c, "table", "json")
}

func (f *graphFlags) run(cmd *cobra.Command, name string) error {
	task, err := train.Find(name)
	if err != nil {
		return usageError(err)
	}
	o := bench.GraphOptions{Samples: f.samples}
	if err := f.check(cmd, &o); err != nil {
		return usageError(err)
	}
	for _, path := range []string{f.dot, f.svg} {
		if err := writable(path); err != nil {
			return err
		}
	}
	dev, err := f.open(cmd)
	if err != nil {
		return err
	}
	dir := ""
	if task.Files {
		if dir, err = data.Dir(f.data); err != nil {
			return err
		}
	}
	step, err := train.FirstStep(train.Options{Task: task, Device: dev, Data: dir, Settings: train.Settings{Model: f.model, Batch: f.batch}})
	if err != nil {
		return err
	}
	r, err := bench.MeasureGraph(cmd.Context(), o, step.Run, step.In...)
	if err != nil {
		return err
	}
	if err := f.write(r); err != nil {
		return err
	}
	if f.output == "json" {
		return writeJSON(cmd.OutOrStdout(), r)
	}
	title := fmt.Sprintf("%s %s, a training step of %d samples, on %s", name, step.Model, step.Batch, r.Device)
	return f.print(&lines{w: cmd.OutOrStdout()}, title, r)
}

// check reads the flags.
func (f *graphFlags) check(cmd *cobra.Command, o *bench.GraphOptions) error {
	if f.batch < 0 {
		return errors.New("--batch must not be negative")
	}
	if cmd.Flags().Changed("passes") {
		set, err := graph.ParsePasses(f.passes)
		if err != nil {
			return fmt.Errorf("--passes: %w", err)
		}
		o.Passes = &set
	}
	if f.diff != "" && !slices.ContainsFunc(graph.Passes(), func(p graph.Pass) bool { return p.Name == f.diff }) {
		return fmt.Errorf("--diff %s: there is no such pass (crease graph --help lists them)", f.diff)
	}
	return checkSamples(f.samples)
}

// write writes the files that were asked for.
func (f *graphFlags) write(r *bench.GraphReport) error {
	files := map[string]func(io.Writer) error{
		f.dot: func(w io.Writer) error { _, err := io.WriteString(w, r.DOT); return err },
		f.svg: func(w io.Writer) error { return drawPlan(w, r) },
	}
	for path, draw := range files {
		if path == "" {
			continue
		}
		if err := safefile.Write(path, 0o644, draw); err != nil {
			return err
		}
	}
	return nil
}

func (f *graphFlags) print(p *lines, title string, r *bench.GraphReport) error {
	if f.diff != "" {
		return f.printDiff(p, r)
	}
	p.printf("%s\n\n%-10s %5s %6s  %s\n", title, "PASS", "NODES", "", "WHAT IT DOES")
	for i, s := range r.Passes {
		change := ""
		if i > 0 && s.Nodes != r.Passes[i-1].Nodes {
			change = fmt.Sprintf("%+d", s.Nodes-r.Passes[i-1].Nodes)
		}
		p.printf("%s\n", strings.TrimRight(fmt.Sprintf("%-10s %5d %6s  %s", cmp.Or(s.Name, "recorded"), s.Nodes, change, wrap(s.Doc, 80, 25)), " "))
	}
	p.printf("\n%-10s %10s %10s\n", "", "EAGER", "COMPILED")
	p.printf("%-10s %10s %10s  %.2fx as fast\n", "time", duration(r.Eager), duration(r.Graph), r.Eager/r.Graph)
	if r.GraphPeak >= 0 {
		p.printf("%-10s %10s %10s  %.2fx as much\n", "peak", size(r.EagerPeak), size(r.GraphPeak), float64(r.GraphPeak)/float64(max(r.EagerPeak, 1)))
	}
	p.printf("%-10s %10s %10s  %s without sharing\n", "arena", "", size(r.Arena), size(r.Apart))
	p.printf("%-10s %10s %10d  %s each\n", "steps", "", len(r.Steps), duration(r.Graph/float64(max(len(r.Steps), 1))))
	p.printf("\nThe steps that take longest, each measured by itself:\n\n")
	return printLongest(p, r.Steps)
}

// longest is how many steps are listed.
const longest = 10

func printLongest(p *lines, steps []bench.GraphStep) error {
	order, all := slices.Clone(steps), 0.0
	for _, s := range steps {
		all += s.Seconds
	}
	slices.SortStableFunc(order, func(a, b bench.GraphStep) int { return cmp.Compare(b.Seconds, a.Seconds) })
	for _, s := range order[:min(longest, len(order))] {
		text, _, _ := strings.Cut(s.Text, "  #")
		if s.Served != "kernel" {
			text = "(" + s.Served + ") " + text
		}
		p.printf("%5.1f %% %9s  %s\n", 100*s.Seconds/all, duration(s.Seconds), clip(text, 60))
	}
	return p.err
}

func (f *graphFlags) printDiff(p *lines, r *bench.GraphReport) error {
	for i, s := range r.Passes {
		if s.Name == f.diff && i > 0 {
			p.printf("%s", graph.Diff(r.Passes[i-1].Text, s.Text))
			return p.err
		}
	}
	for _, pass := range graph.Passes() {
		if pass.Name == f.diff && pass.Places() {
			return usageError(fmt.Errorf("--diff %s: the pass changes where values lie, not the program; --svg draws that", f.diff))
		}
	}
	return usageError(fmt.Errorf("--diff %s: the pass did not run", f.diff))
}

// size prints bytes.
func size(n int) string {
	switch v := float64(n); {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", v/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	default:
		return fmt.Sprintf("%.2f GiB", v/(1<<30))
	}
}
