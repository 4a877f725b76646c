package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/tools/crease/train"
)

func init() { commands = append(commands, sampleCommand) }

// sampleFlags are the flags of crease sample.
type sampleFlags struct {
	common
	ckpt, prompt string
	tokens, topK int
	temperature  float64
	seed         uint64
	noCache      bool
}

func sampleCommand() *cobra.Command {
	var f sampleFlags
	c := &cobra.Command{
		Use:   "sample --ckpt FILE",
		Short: "Let a trained language model write",
		Long: "Let the model of a checkpoint of chargpt or charlstm go on with a prompt. The text\n" +
			"appears as it is written. The same checkpoint, prompt, seed and settings give the\n" +
			"same text.",
		Example: "  crease sample --ckpt gpt.safetensors --prompt 'ROMEO:' --tokens 300 --temperature 0.8",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	fs := c.Flags()
	fs.StringVar(&f.ckpt, "ckpt", "", "checkpoint written by crease train")
	fs.StringVar(&f.prompt, "prompt", "\n", "text to go on with")
	fs.IntVar(&f.tokens, "tokens", 500, "how many characters to write")
	fs.Float64Var(&f.temperature, "temperature", 0.8, "below 1 the likely is likelier; 0 takes the likeliest")
	fs.IntVar(&f.topK, "top-k", 0, "draw among this many of the likeliest (default: all)")
	fs.Uint64Var(&f.seed, "seed", 0, "seed of what is drawn")
	fs.BoolVar(&f.noCache, "no-cache", false, "read everything again for each character: the same text, slower")
	return f.bind(c, "table", "json")
}

func (f *sampleFlags) run(cmd *cobra.Command) error {
	o := train.SampleOptions{
		Checkpoint: f.ckpt, Prompt: f.prompt, Tokens: f.tokens, NoCache: f.noCache,
		SampleConfig: models.SampleConfig{Temperature: f.temperature, TopK: f.topK, Seed: f.seed},
	}
	switch err := o.Check(); {
	case f.ckpt == "":
		return usageError(errors.New("--ckpt FILE names the checkpoint; crease train chargpt --save FILE makes one"))
	case f.prompt == "":
		return usageError(errors.New("--prompt must have a character to begin with"))
	case f.tokens < 1:
		return usageError(fmt.Errorf("--tokens %d must be positive", f.tokens))
	case err != nil:
		return usageError(err)
	}
	dev, err := f.open(cmd)
	if err != nil {
		return err
	}
	o.Device = dev
	var w io.Writer
	if f.output != "json" {
		w = cmd.OutOrStdout()
		if _, err := io.WriteString(w, f.prompt); err != nil {
			return err
		}
	}
	s, err := train.Write(cmd.Context(), o, w)
	if err != nil {
		return err
	}
	if f.output == "json" {
		return writeJSON(cmd.OutOrStdout(), s)
	}
	p := &lines{w: w}
	p.printf("\n")
	q := &lines{w: cmd.ErrOrStderr()}
	q.printf("%d characters by %s %s on %s: %.0f a second, memory high water %.1f MiB\n",
		s.Tokens, s.Task, s.Model, s.Device, float64(s.Tokens)/s.Seconds, float64(s.MemoryPeak)/(1<<20))
	return errors.Join(p.err, q.err)
}
