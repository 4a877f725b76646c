package train

import (
	"encoding/json"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/optim"
)

// CharGPT is a GPT that writes Shakespeare character by character, in the sizes
// and with the settings of Karpathy's nanoGPT: nano-cpu is what its page trains on
// a laptop, baby what it trains on a GPU. The learning rate of nano-cpu is three
// times its, with which 2,000 steps come to a validation loss of 1.78 and not 1.92.
var CharGPT = &Task{
	Name:  "chargpt",
	Doc:   "a GPT writes Shakespeare, character by character",
	Model: []string{"nano-cpu", "baby"},
	Sizes: true, Files: true,
	Defaults: func(model string) Settings {
		if model == "baby" {
			return Settings{Steps: 5000, Batch: 64, LR: 1e-3, WeightDecay: decay(0.1)}
		}
		return Settings{Steps: 2000, Batch: 12, LR: 3e-3, WeightDecay: decay(0.1)}
	},
	kind: gpt,
}

var gpt = language{
	size: func(model string, vocab int) (any, int) {
		c := models.GPTConfig{Vocab: vocab, Context: 64, Layers: 4, Heads: 4, Dim: 128}
		if model == "baby" {
			c = models.GPTConfig{Vocab: vocab, Context: 256, Layers: 6, Heads: 6, Dim: 384, Dropout: 0.2}
		}
		return c, c.Context
	},
	count: counted[models.GPTConfig],
	build: func(config []byte, dev *crease.Device, g *crease.Generator) (writer, error) {
		var c models.GPTConfig
		if err := json.Unmarshal(config, &c); err != nil {
			return nil, err
		}
		m, err := models.NewGPT(c, dev, g)
		return gptWriter{m}, err
	},
	plan: func(s Settings) (optim.Schedule, float64) {
		return optim.Cosine(s.LR, s.LR/10, s.Steps, min(100, s.Steps/10)), 0.99
	},
}

type gptWriter struct{ *models.GPT }

func (m gptWriter) reader(cached bool) models.Reader { return m.NewReader(cached) }
