package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/onnx"
	"github.com/crease-ml/crease/tools/crease/train"
)

func init() { commands = append(commands, graphCommand) }

// graphFlags are the flags of crease graph.
type graphFlags struct {
	common
	model, data, diff, dot, svg string
	passes                      *graph.PassSet
	batch, samples              int
}

func graphCommand() *cobra.Command {
	var f graphFlags
	long := "Compile a training step, or an ONNX model, and show what each pass of the compiler\n" +
		"left of it, what memory and time that saves, and which steps take longest. Inputs of\n" +
		"a model are random, and sizes that it leaves open are --batch. The passes are\n\n"
	for _, p := range graph.Passes() {
		long += fmt.Sprintf("  %-9s %s\n", p.Name, wrap(p.Doc, 80, 12))
	}
	c := &cobra.Command{
		Use:     "graph TASK|MODEL.onnx",
		Short:   "Show what compiling a training step or a model does to it",
		Long:    strings.TrimSuffix(long, "\n"),
		Example: "  crease graph uncrumple --diff fuse\n  crease graph fashion --model cnn --passes=-fuse,-arena --svg plan.svg --dot step.dot\n  crease graph model.onnx --batch 8",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && isModel(args[0]) {
				return nil
			}
			return exactTask(cmd, args)
		},
		ValidArgs: taskArgs(),
		RunE:      func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	modelFlag(c, &f.model)
	wholeFlag(c, &f.batch, "batch", "", 0, 1, maxCount, "samples in a step (default: the task's, 1 for a model)")
	nameFlag(c, &f.data, "data", "", "directory of the data files (default: CREASE_DATA, or what crease data get got)")
	parsedFlag(c, "passes", "", "", "passes to leave out, as in -fuse,-arena (default: CREASE_PASSES)", func(s string) error {
		set, err := graph.ParsePasses(s)
		f.passes = &set
		return err
	})
	choiceFlag(c, &f.diff, "diff", "", "", passNames(), "print what this pass changed")
	nameFlag(c, &f.dot, "dot", "", "write the compiled graph to this file, for Graphviz")
	nameFlag(c, &f.svg, "svg", "", "draw the program and its memory to this file")
	samplesFlag(c, &f.samples, 20)
	return f.bind(c, "table", "json")
}

func passNames() (names []string) {
	for _, p := range graph.Passes() {
		names = append(names, p.Name)
	}
	return names
}

func (f *graphFlags) run(cmd *cobra.Command, name string) error {
	if err := f.check(); err != nil {
		return err
	}
	measure := f.step
	if isModel(name) {
		measure = f.onnx
	}
	title, r, err := measure(cmd, name)
	if err != nil {
		return err
	}
	if err := f.write(r); err != nil {
		return err
	}
	if f.output == "json" {
		return writeJSON(cmd.OutOrStdout(), r)
	}
	return f.print(&lines{w: cmd.OutOrStdout()}, title, r)
}

// step measures a training step of a task.
func (f *graphFlags) step(cmd *cobra.Command, name string) (title string, r *bench.GraphReport, err error) {
	task, err := train.Find(name)
	if err != nil {
		return "", nil, err
	}
	if err := task.CheckModel(f.model); err != nil {
		return "", nil, err
	}
	dev, err := f.open(cmd)
	if err != nil {
		return "", nil, err
	}
	dir, err := task.Dir(f.data)
	if err != nil {
		return "", nil, err
	}
	step, err := train.FirstStep(train.Options{Task: task, Device: dev, Data: dir, Settings: train.Settings{Model: f.model, Batch: f.batch}})
	if err != nil {
		return "", nil, err
	}
	r, err = bench.MeasureGraph(cmd.Context(), bench.GraphOptions{Samples: f.samples, Passes: f.passes}, step.Run, step.In...)
	return fmt.Sprintf("%s %s, a training step of %d samples, on %s", name, step.Model, step.Batch, dev.Name()), r, err
}

func isModel(name string) bool { return strings.EqualFold(filepath.Ext(name), ".onnx") }

// onnx measures a model, on random inputs.
func (f *graphFlags) onnx(cmd *cobra.Command, path string) (title string, r *bench.GraphReport, err error) {
	if f.model != "" || f.data != "" {
		return "", nil, usagef("--model and --data are for tasks")
	}
	m, err := onnx.Load(path)
	if err != nil {
		return "", nil, err
	}
	defer m.Close()
	dev, err := f.open(cmd)
	if err != nil {
		return "", nil, err
	}
	s, err := onnx.NewSession(m, dev)
	if err != nil {
		return "", nil, err
	}
	defer s.Close()
	if e := crease.Try(func() { r, err = f.session(cmd, m, s, dev) }); e != nil {
		err = e
	}
	return fmt.Sprintf("%s, %d nodes, on %s", filepath.Base(path), m.Nodes(), dev.Name()), r, err
}

func (f *graphFlags) session(cmd *cobra.Command, m *onnx.Model, s *onnx.Session, dev *crease.Device) (*bench.GraphReport, error) {
	var in []onnx.Value
	g := crease.NewGenerator(0, crease.On(dev))
	for _, d := range m.Inputs() {
		dims := slices.Clone(d.Shape)
		for i, n := range dims {
			if n < 0 {
				dims[i] = max(1, f.batch)
			}
		}
		t := d.Elem.DType()
		if t == dtype.Invalid || d.Shape == nil {
			return nil, fileError(fmt.Errorf("the model does not say what its input %s is", d))
		}
		x := crease.Zeros(dims, crease.On(dev), crease.As(t))
		if t.IsFloat() {
			x = crease.Randn(dims, crease.On(dev), crease.As(t), crease.By(g))
		}
		in = append(in, onnx.Value{Tensor: x, Elem: d.Elem})
	}
	fs, err := s.Functions(in...)
	if err != nil {
		return nil, err
	}
	return bench.MeasureGraph(cmd.Context(), bench.GraphOptions{Samples: f.samples, Passes: f.passes, Eager: fs.Eager}, fs.Recorded, fs.Args...)
}

// check refuses passes that change no program, and files that could not be written or
// are no drawings.
func (f *graphFlags) check() error {
	for _, pass := range graph.Passes() {
		if pass.Name == f.diff && pass.Places() {
			return usagef("--diff %s: the pass changes where values lie, not the program; --svg draws that", f.diff)
		}
	}
	if f.dot != "" && f.dot == f.svg {
		return usagef("--dot and --svg name one file")
	}
	for path, begins := range map[string]string{f.dot: "digraph", f.svg: "<svg"} {
		if path == "" {
			continue
		}
		if err := replaceable(path, begins); err != nil {
			return err
		}
	}
	return nil
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
	p.printf("%s\n\n", p.wrap(title, 0))
	t := p.table(column{"PASS", 10, false}, column{"NODES", 5, true}, column{"", 6, true}, column{"WHAT IT DOES", 0, false})
	for i, s := range r.Passes {
		change := ""
		if i > 0 && s.Nodes != r.Passes[i-1].Nodes {
			change = fmt.Sprintf("%+d", s.Nodes-r.Passes[i-1].Nodes)
		}
		t.row(cmp.Or(s.Name, "recorded"), fmt.Sprint(s.Nodes), change, s.Doc)
	}
	p.printf("\n")
	t = p.table(column{"", 6, false}, column{"EAGER", 9, true}, column{"COMPILED", 9, true}, column{"", 0, false})
	t.row("time", duration(r.Eager), duration(r.Graph), fmt.Sprintf("%.2fx as fast", r.Eager/r.Graph))
	if r.GraphPeak >= 0 {
		t.row("peak", size(r.EagerPeak), size(r.GraphPeak), fmt.Sprintf("%.2fx as much", float64(r.GraphPeak)/float64(max(r.EagerPeak, 1))))
	}
	t.row("arena", "", size(r.Arena), size(r.Apart)+" without sharing")
	t.row("steps", "", fmt.Sprint(len(r.Steps)), duration(r.Graph/float64(max(len(r.Steps), 1)))+" each")
	p.printf("\n%s\n\n", p.wrap("The steps that take longest, each measured by itself:", 0))
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
		p.printf("%5.1f %% %9s  %s\n", 100*s.Seconds/all, duration(s.Seconds), clip(text, max(p.width()-20, least)))
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
	return usagef("--diff %s: the pass did not run", f.diff)
}

// size is a number of bytes in a readable unit, in nine characters at most.
func size[T int | int64](n T) string {
	v := float64(n)
	for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1024 {
			return fmt.Sprintf("%.4g %s", v, u)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.4g TiB", v)
}
