package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/data/picture"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/tools/crease/train"
)

func init() { commands = append(commands, trainCommand) }

// trainFlags are the flags of crease train.
type trainFlags struct {
	common
	model, mode, save, resume  string
	picture, data              string
	preset, best               string
	epochs, steps, batch, stop int
	lr, decay                  float64
	seed                       uint64
	logs                       logFlags
}

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
	fs.StringVar(&f.model, "model", "", "model: mlp, cnn or resnet for fashion")
	fs.StringVar(&f.preset, "preset", "", "size and settings: nano-cpu or baby for chargpt")
	fs.IntVar(&f.epochs, "epochs", 0, "passes over the training data (default: the task's)")
	fs.IntVar(&f.steps, "steps", 0, "training steps; wins over --epochs (default: the task's)")
	fs.IntVar(&f.batch, "batch", 0, "samples in a step (default: the task's)")
	fs.Float64Var(&f.lr, "lr", 0, "highest learning rate of the schedule (default: the task's)")
	fs.Float64Var(&f.decay, "weight-decay", 0, "weight decay of AdamW (default: the task's)")
	fs.Uint64Var(&f.seed, "seed", 0, "seed of the data, the weights and the order")
	fs.StringVar(&f.mode, "mode", "eager", "eager, or graph to compile the step")
	fs.StringVar(&f.save, "save", "", "write checkpoints to this file (safetensors)")
	fs.StringVar(&f.best, "keep-best", "", "write a checkpoint of the best evaluation to this file")
	fs.StringVar(&f.resume, "resume", "", "go on from this checkpoint")
	fs.IntVar(&f.stop, "stop-at", 0, "save and stop after this step, as Ctrl-C would")
	fs.StringVar(&f.data, "data", "", "directory of the data files (default: CREASE_DATA, or what crease data get got)")
	fs.StringVar(&f.picture, "picture", "", "uncrumple: draw the ball after every layer to this PNG file")
	f.logs.bind(c)
	return f.bind(c, "table", "json")
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
		return usageError(fmt.Errorf("want one task: %s", strings.Join(train.Names(), ", ")))
	}
	_, err := train.Find(args[0])
	return usageError(err)
}

func (f *trainFlags) run(cmd *cobra.Command, name string) (err error) {
	task, err := train.Find(name)
	if err != nil {
		return usageError(err)
	}
	switch {
	case f.mode != "eager" && f.mode != "graph":
		return usageError(fmt.Errorf("--mode %s: want eager or graph", f.mode))
	case f.epochs < 0 || f.steps < 0 || f.batch < 0 || f.stop < 0 || f.lr < 0 || f.decay < 0:
		return usageError(errors.New("--epochs, --steps, --batch, --lr, --weight-decay and --stop-at must not be negative"))
	case f.preset != "" && (!task.Sizes || f.model != ""):
		return usageError(fmt.Errorf("--preset is for the sizes of chargpt and charlstm, without --model; %s has --model %s", name, strings.Join(task.Model, ", ")))
	case f.picture != "" && task.Layers == nil:
		return usageError(fmt.Errorf("--picture is for uncrumple: the layers of %s have no picture", name))
	}
	if err := f.logs.check(cmd, f.save); err != nil {
		return err
	}
	for _, path := range []string{f.save, f.best, f.picture} {
		if err := writable(path); err != nil {
			return err
		}
	}
	dev, err := f.open(cmd)
	if err != nil {
		return err
	}
	if dev.Info().Supports(dtype.F32) < hal.Arithmetic {
		return usageError(fmt.Errorf("device %s has no floating point, so nothing can be trained on it: train on another (tpu:v2 and later, cpu) and use crease tpu quantize", dev.Name()))
	}
	dir := ""
	if task.Files {
		if dir, err = data.Dir(f.data); err != nil {
			return err
		}
	}
	// With JSON, standard output is for the result alone.
	out := cmd.OutOrStdout()
	if f.output == "json" {
		out = cmd.ErrOrStderr()
	}
	log, err := f.logs.open(newProgress(out))
	if err != nil {
		return err
	}
	res, err := train.Run(cmd.Context(), train.Options{
		Task: task, Device: dev, Data: dir, Seed: f.seed, SeedSet: cmd.Flags().Changed("seed"), Graph: f.mode == "graph",
		Settings: train.Settings{Model: cmp.Or(f.preset, f.model), Epochs: f.epochs, Steps: f.steps, Batch: f.batch, LR: f.lr, WeightDecay: f.decay},
		Save:     f.save, Best: f.best, Resume: f.resume, StopAt: f.stop, Reporter: log, Keep: f.logs.keep,
	})
	if err := f.finish(res, log, err); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, printCounts(out, dev)) }()
	if f.output == "json" {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(res)
	}
	return printResult(out, res, f.picture)
}

// writable refuses a path that could not be written when training has ended.
func writable(path string) error {
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	probe, err := os.CreateTemp(dir, ".crease-*")
	if err != nil {
		return fmt.Errorf("%s cannot be written: %w", path, err)
	}
	probe.Close()
	return os.Remove(probe.Name())
}

// finish draws the picture, where one is asked for, and ends the logs. err is that of the run.
func (f *trainFlags) finish(res *train.Result, log *logger, err error) error {
	if err != nil {
		return errors.Join(err, log.finish(nil, nil, err))
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
		p.printf("\nHow far a linear classifier tells the sheets apart:\n\n")
		for i, a := range res.ProbeAccuracy {
			p.printf("  %-8s %6.2f %%  %s\n", layerName(i), 100*a, bar(a, 40))
		}
		p.printf("\n")
	}
	p.printf("%s on %s (%s): ", res.Task, res.Device, res.Mode)
	if res.Written != nil {
		p.printf("validation loss %.4f, ", res.ValLoss)
	} else {
		p.printf("test accuracy %.2f %%, test loss %.4f, ", 100*res.TestAccuracy, res.TestLoss)
	}
	p.printf("%d parameters, %.1f s\n", res.Parameters, res.Seconds)
	p.printf("memory high water: %.1f MiB\n", float64(res.MemoryPeak)/(1<<20))
	if drawn != "" {
		p.printf("picture: %s\n", drawn)
	}
	if res.Checkpoint != "" {
		p.printf("checkpoint: %s\n", res.Checkpoint)
	}
	return p.err
}
