package main

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/crease-ml/crease/data/picture"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/tools/crease/train"
	loop "github.com/crease-ml/crease/train"
)

func init() { commands = append(commands, trainCommand) }

// trainFlags are the flags of crease train.
type trainFlags struct {
	common
	model, mode, save, resume  string
	picture, data              string
	preset, best               string
	epochs, steps, batch, stop int
	lr                         float64
	decay                      *float64
	seed                       uint64
	force                      bool
	logs                       logFlags
}

// maxCount is the most that flags which count something take.
const maxCount = 1_000_000_000

func trainCommand() *cobra.Command {
	var f trainFlags
	c := &cobra.Command{
		Use:   "train TASK",
		Short: "Train a model: uncrumple, fashion, chargpt or charlstm",
		Long: "Train a model on a device.\n\n" +
			"  uncrumple   a ball of five crumpled sheets comes apart; needs no data\n" +
			"  fashion     Fashion-MNIST pictures, from --data DIR or CREASE_DATA\n" +
			"  chargpt     a GPT writes Shakespeare, from the same directory; see crease sample\n" +
			"  charlstm    an LSTM writes Shakespeare\n\n" +
			"Ctrl-C saves a checkpoint and says how to go on. A resumed run ends with the\n" +
			"same bits as one that was never stopped.",
		Example: "  crease train uncrumple --picture out.png\n  crease train fashion --model cnn --data DIR --save cnn.safetensors\n" +
			"  crease train chargpt --preset nano-cpu --data DIR --save gpt.safetensors",
		Args:      exactTask,
		ValidArgs: taskArgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return f.run(cmd, args[0])
		},
	}
	fs := c.Flags()
	modelFlag(c, &f.model)
	nameFlag(c, &f.preset, "preset", "", "size and settings: nano-cpu or baby for chargpt")
	completes(c, "preset", train.CharGPT.Model)
	wholeFlag(c, &f.epochs, "epochs", "", 0, 1, maxCount, "passes over the training data (default: the task's)")
	wholeFlag(c, &f.steps, "steps", "", 0, 1, maxCount, "training steps; wins over --epochs (default: the task's)")
	wholeFlag(c, &f.batch, "batch", "", 0, 1, maxCount, "samples in a step (default: the task's)")
	realFlag(c, &f.lr, "lr", 0, 1e6, false, "highest learning rate of the schedule (default: the task's)")
	f.decay = new(float64)
	realFlag(c, f.decay, "weight-decay", 0, 1e6, true, "weight decay of AdamW, 0 for none (default: the task's)")
	seedFlag(c, &f.seed, "seed of the data, the weights and the order")
	choiceFlag(c, &f.mode, "mode", "", "eager", []string{"eager", "graph"}, "eager, or graph to compile the step")
	nameFlag(c, &f.save, "save", "", "write checkpoints to this file (safetensors)")
	nameFlag(c, &f.best, "keep-best", "", "write a checkpoint of the best evaluation to this file")
	fs.BoolVar(&f.force, "force", false, "replace files that are not of this run")
	nameFlag(c, &f.resume, "resume", "", "go on from this checkpoint")
	wholeFlag(c, &f.stop, "stop-at", "", 0, 1, maxCount, "save and stop after this step")
	nameFlag(c, &f.data, "data", "", "directory of the data files (default: CREASE_DATA, or what crease data get got)")
	endingFlag(c, &f.picture, "picture", []string{".png"}, "uncrumple: draw the ball after every layer to this PNG file")
	f.logs.bind(c)
	return f.bind(c, "table", "json")
}

// modelFlag adds --model; which models there are depends on the task.
func modelFlag(cmd *cobra.Command, at *string) {
	var names []string
	for _, t := range train.Tasks {
		names = append(names, t.Model...)
	}
	nameFlag(cmd, at, "model", "", "model: mlp, cnn or resnet for fashion, nano-cpu or baby for chargpt")
	completes(cmd, "model", names)
}

// taskArgs are the tasks with their descriptions, for completion.
func taskArgs() (list []string) {
	for _, t := range train.Tasks {
		list = append(list, t.Name+"\t"+t.Doc)
	}
	return list
}

// exactTask wants one known task.
func exactTask(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("want one task: %s", orList(train.Names()))
	}
	_, err := train.Find(args[0])
	return err
}

func (f *trainFlags) run(cmd *cobra.Command, name string) (err error) {
	task, err := train.Find(name)
	if err != nil {
		return err
	}
	if err := f.check(cmd, task); err != nil {
		return err
	}
	if err := f.logs.check(f.save); err != nil {
		return err
	}
	dir, err := task.Dir(f.data)
	if err != nil {
		return err
	}
	dev, err := f.open(cmd)
	if err != nil {
		return err
	}
	if dev.Info().Supports(dtype.F32) < hal.Arithmetic {
		return usagef("device %s has no floating point, so nothing can be trained on it: train on another (tpu:v2 and later, cpu) and use crease tpu quantize", dev.Name())
	}
	if !cmd.Flags().Changed("weight-decay") {
		f.decay = nil
	}
	// With JSON, standard output is for the result alone.
	out := cmd.OutOrStdout()
	if f.output == "json" {
		out = cmd.ErrOrStderr()
	}
	k := kept(cmd.Context())
	k.set("no step was saved")
	defer k.finishing(0)
	log, err := f.logs.open(newProgress(out, k))
	if err != nil {
		return err
	}
	res, err := train.Run(cmd.Context(), train.Options{
		Task: task, Device: dev, Data: dir, Seed: f.seed, SeedSet: cmd.Flags().Changed("seed"), Graph: f.mode == "graph",
		Settings: train.Settings{Model: cmp.Or(f.preset, f.model), Epochs: f.epochs, Steps: f.steps, Batch: f.batch, LR: f.lr, WeightDecay: f.decay},
		Save:     f.save, Best: f.best, Force: f.force, Resume: f.resume, StopAt: f.stop, Reporter: log, Keep: f.logs.keep,
		OnSave: func(path string, step int) { k.set("%s holds step %d", path, step) },
	})
	err = f.finish(res, log, err)
	var end *loop.Interrupted
	switch {
	case errors.As(err, &end):
		return f.stopped(cmd, name, end, out)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, printCounts(out, dev)) }()
	if f.output == "json" {
		return writeJSON(cmd.OutOrStdout(), res)
	}
	return printResult(out, res, f.picture)
}

// check refuses, before anything is opened, what training would end with.
func (f *trainFlags) check(cmd *cobra.Command, task *train.Task) error {
	if err := task.CheckModel(cmp.Or(f.preset, f.model)); err != nil {
		return err
	}
	switch {
	case f.preset != "" && (!task.Sizes || f.model != ""):
		return usagef("--preset is for the sizes of chargpt and charlstm, without --model; %s has --model %s", task.Name, strings.Join(task.Model, ", "))
	case f.picture != "" && task.Layers == nil:
		return usagef("--picture is for uncrumple: the layers of %s have no picture", task.Name)
	case f.picture != "" && (f.picture == f.save || f.picture == f.best), f.save != "" && f.save == f.best:
		return usagef("--picture, --save and --keep-best name one file")
	case f.steps != 0 && f.stop > f.steps:
		return usagef("--stop-at %d is behind the last step, %d", f.stop, f.steps)
	}
	if f.picture != "" {
		ok := replaceable(f.picture, "\x89PNG")
		if f.force {
			ok = safefile.CheckWrite(f.picture)
		}
		if ok != nil {
			return ok
		}
	}
	if f.save == "" {
		if err := safefile.CheckWrite(train.DefaultSave(task)); err != nil {
			fmt.Fprintln(cmd.ErrOrStderr(), "crease: a run that is stopped will be lost, no file can be made here; --save names one elsewhere:", err)
		}
	}
	return nil
}

// stopped says where a run that was stopped can be taken up again.
func (f *trainFlags) stopped(cmd *cobra.Command, task string, end *loop.Interrupted, out io.Writer) error {
	text := fmt.Sprintf("nothing was trained, and so nothing kept (step %d of %d)", end.Step, end.Steps)
	if end.Path != "" {
		text = fmt.Sprintf("step %d of %d is saved in %s; go on with: %s", end.Step, end.Steps, end.Path, goOn(cmd, task, end.Path))
	}
	if !end.Asked {
		return &said{text}
	}
	p := &lines{w: out}
	p.printf("stopped as --stop-at says: %s\n", text)
	if f.output == "json" {
		return writeJSON(cmd.OutOrStdout(), struct {
			Task       string `json:"task"`
			Step       int    `json:"step"`
			Steps      int    `json:"steps"`
			Checkpoint string `json:"checkpoint"`
		}{task, end.Step, end.Steps, end.Path})
	}
	return p.err
}

// goOn is the command that resumes a run with all its options. Those that a checkpoint
// keeps in another form, or that belong to one start only, are left out.
func goOn(cmd *cobra.Command, task, path string) string {
	words := []string{"crease", "train", task, "--resume", path, "--save", path}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch f.Name {
		case "resume", "save", "stop-at", "epochs", "force":
			return
		}
		words = append(words, "--"+f.Name, f.Value.String())
	})
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// plainWord is what a shell takes as it stands.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@,+-]+$`)

// shellWord quotes a word for a shell.
func shellWord(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// replaceable refuses to write over what is not a file of the same sort, which begins
// with this text.
func replaceable(path, begins string) error {
	if err := safefile.CheckWrite(path); err != nil {
		return err
	}
	ours, err := safefile.Begins(path, begins)
	if err == nil && !ours {
		err = fileError(fmt.Errorf("%s is there and is no file of this kind: remove it, or give another name", path))
	}
	return err
}

// finish draws the picture, where one is asked for, and ends the logs. err is that of the run.
func (f *trainFlags) finish(res *train.Result, log *logger, err error) error {
	if err != nil {
		if end := log.finish(nil, nil, err); end != nil && !errors.Is(err, end) { // the log's error may be what ended the run
			err = errors.Join(err, end)
		}
		return err
	}
	var img image.Image
	if len(res.Layers) > 0 && (f.picture != "" || f.logs.events != "") {
		if img, err = drawLayers(res); err != nil {
			return errors.Join(err, log.finish(nil, nil, err))
		}
	}
	if f.picture != "" {
		err = picture.Save(f.picture, img)
	}
	return errors.Join(err, log.finish(res, img, nil))
}

func drawLayers(res *train.Result) (image.Image, error) {
	panels := make([]picture.Panel, len(res.Layers))
	for i, l := range res.Layers {
		panels[i] = picture.Panel{Title: fmt.Sprintf("%s %.1f%%", layerName(i), 100*res.ProbeAccuracy[i]), Points: l.Points, Y: l.Y}
	}
	return picture.Render(panels, picture.Options{})
}

func layerName(i int) string {
	if i == 0 {
		return "ball"
	}
	return fmt.Sprintf("layer %d", i)
}

func printResult(w io.Writer, res *train.Result, drawn string) error {
	p := &lines{w: w}
	if res.Layers != nil {
		p.printf("\n%s\n\n", p.wrap("How far a linear classifier tells the sheets apart:", 0))
		for i, a := range res.ProbeAccuracy {
			p.printf("  %-8s %6.2f %%  %s\n", layerName(i), 100*a, bar(a, min(40, p.width()-21)))
		}
		p.printf("\n")
	}
	worth := ""
	if res.Written != nil {
		worth = fmt.Sprintf("validation loss %.4f", res.ValLoss)
	} else {
		worth = fmt.Sprintf("test accuracy %.2f %%, test loss %.4f", 100*res.TestAccuracy, res.TestLoss)
	}
	p.printf("%s\n", p.wrap(fmt.Sprintf("%s on %s (%s): %s, %d parameters, %.1f s", res.Task, res.Device, res.Mode, worth, res.Parameters, res.Seconds), 0))
	p.printf("memory high water: %.1f MiB\n", float64(res.MemoryPeak)/(1<<20))
	if drawn != "" {
		p.printf("picture: %s\n", drawn)
	}
	if res.Checkpoint != "" {
		p.printf("checkpoint: %s\n", res.Checkpoint)
	}
	return p.err
}
