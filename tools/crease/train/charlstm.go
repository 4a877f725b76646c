package train

import (
	"encoding/json"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/optim"
)

// CharLSTM is an LSTM that writes Shakespeare character by character.
var CharLSTM = &Task{
	Name:  "charlstm",
	Doc:   "an LSTM writes Shakespeare, character by character",
	Model: []string{"small"},
	Sizes: true, Files: true,
	Defaults: func(string) Settings { return Settings{Steps: 2000, Batch: 32, LR: 4e-3, WeightDecay: decay(1e-2)} },
	kind:     lstm,
}

var lstm = language{
	size: func(_ string, vocab int) (any, int) {
		c := models.LSTMConfig{Vocab: vocab, Context: 64, Layers: 1, Dim: 64, Hidden: 192}
		return c, c.Context
	},
	count: counted[models.LSTMConfig],
	build: func(config []byte, dev *crease.Device, g *crease.Generator) (writer, error) {
		var c models.LSTMConfig
		if err := json.Unmarshal(config, &c); err != nil {
			return nil, err
		}
		m, err := models.NewCharLSTM(c, dev, g)
		return lstmWriter{m}, err
	},
	plan: func(s Settings) (optim.Schedule, float64) {
		return optim.Cosine(s.LR, s.LR/10, s.Steps, min(100, s.Steps/10)), 0.999
	},
}

type lstmWriter struct{ *models.CharLSTM }

// reader has the state of all it has read: there is nothing to recompute.
func (m lstmWriter) reader(bool) models.Reader { return m.NewReader() }
