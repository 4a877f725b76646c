// Command train teaches a small GPT a sentence with the loop that crease train runs:
// schedule, reports, a checkpoint of the best, and Ctrl-C, which stops it. Then the
// model writes.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
	"github.com/crease-ml/crease/train"
)

func main() {
	text := data.NewText("the quick brown fox jumps over the lazy dog. the quick brown fox jumps over the lazy dog. ")
	dev, err := crease.Default()
	check(err)
	g := crease.NewGenerator(1)
	model, err := models.NewGPT(models.GPTConfig{Vocab: len(text.Vocab), Context: 16, Layers: 2, Heads: 2, Dim: 32}, dev, g)
	check(err)
	dir, err := os.MkdirTemp("", "crease")
	check(err)
	defer os.RemoveAll(dir)

	loop := train.Loop{
		Model: model, Steps: 150, Every: 50, Compile: true, ClipNorm: 1, Generators: []*crease.Generator{g},
		Optimizer: optim.NewAdamW(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: 1e-2}), Rate: optim.Cosine(1e-2, 1e-3, 150, 10),
		Batches: train.Each(func(step int) []*crease.Tensor {
			x, y := data.RandomWindows(text.Tokens, 8, 16, 1, step)
			return []*crease.Tensor{crease.From(x, []int{8, 16}), crease.From(y, []int{8 * 16})}
		}),
		Loss: func(in ...*crease.Tensor) *crease.Tensor {
			return model.Forward(in[0]).Reshape(-1, len(text.Vocab)).CrossEntropy(in[1])
		},
		Save: filepath.Join(dir, "gpt.safetensors"), Reporter: reporter{},
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	check(loop.Run(ctx))

	prompt, err := data.Encode(text.Vocab, "the quick")
	check(err)
	reader := model.NewReader(true)
	defer reader.Close()
	fmt.Print("the quick")
	for token, err := range models.Generate(ctx, reader, prompt, 36, models.SampleConfig{}) {
		check(err)
		fmt.Print(data.Decode(text.Vocab, token))
	}
	fmt.Println()
}

// reporter prints how the run gets on.
type reporter struct{}

func (reporter) Start(s train.Start)    { fmt.Printf("%d parameters, %d steps\n", s.Parameters, s.Steps) }
func (reporter) Step(int, int, float64) {}
func (reporter) Report(r train.Report)  { fmt.Printf("step %3d  loss %.3f\n", r.Step, r.TrainLoss) }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
