package models

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
)

// LSTMConfig is the size of a CharLSTM.
type LSTMConfig struct {
	Vocab   int     `json:"vocab"`
	Context int     `json:"context"` // tokens of a training sample; it sees any number
	Layers  int     `json:"layers"`
	Dim     int     `json:"dim"`    // of an embedding
	Hidden  int     `json:"hidden"` // of a layer
	Dropout float64 `json:"dropout"`
}

// Parameters is the number of trained numbers, as [GPTConfig.Parameters].
func (c LSTMConfig) Parameters() float64 {
	v, d, h := float64(c.Vocab), float64(c.Dim), float64(c.Hidden)
	return v*d + 4*h*(d+h+2) + float64(c.Layers-1)*4*h*(2*h+2) + (h+1)*v
}

// CharLSTM is an embedding, an LSTM and a linear layer, as in Karpathy, "The
// Unreasonable Effectiveness of Recurrent Neural Networks", 2015.
type CharLSTM struct {
	c      LSTMConfig
	Tokens *nn.Embedding
	LSTM   *nn.Recurrent
	Head   *nn.Linear
	drop   *nn.Dropout
}

// NewCharLSTM draws a model with PyTorch's initial weights. g also draws its
// dropout; nil stands for the device's default generator.
func NewCharLSTM(c LSTMConfig, dev *crease.Device, g *crease.Generator) (m *CharLSTM, err error) {
	if c.Vocab < 1 || c.Layers < 1 || c.Dim < 1 || c.Hidden < 1 || !(c.Dropout >= 0 && c.Dropout < 1) {
		return nil, fmt.Errorf("char lstm: %+v: want positive sizes and a dropout in [0, 1)", c)
	}
	at := []crease.Option{crease.On(dev)}
	if g != nil {
		at = append(at, crease.By(g))
	}
	err = crease.Try(func() {
		m = &CharLSTM{
			c: c, Tokens: nn.NewEmbedding(c.Vocab, c.Dim, at...),
			LSTM: nn.NewLSTM(c.Dim, c.Hidden, nn.RecurrentConfig{Layers: c.Layers, Dropout: c.Dropout, Draws: g}, at...),
			Head: nn.NewLinear(c.Hidden, c.Vocab, at...), drop: nn.NewDropout(c.Dropout, g),
		}
	})
	return m, err
}

// Config is the size of the model.
func (m *CharLSTM) Config() LSTMConfig { return m.c }

// Forward maps tokens [N, L], of type i32 or i64, to scores [N, L, vocabulary].
func (m *CharLSTM) Forward(x *crease.Tensor) *crease.Tensor {
	y, _ := m.run(x, nil)
	return y
}

func (m *CharLSTM) run(x *crease.Tensor, state []*crease.Tensor) (y *crease.Tensor, last []*crease.Tensor) {
	out := crease.Tidy(func() []*crease.Tensor {
		h, last := m.LSTM.Run(nn.Call(m.Tokens, x), state, nil)
		return append([]*crease.Tensor{nn.Call(m.Head, nn.Call(m.drop, h))}, last...)
	})
	return out[0], out[1:]
}

// Visit names the weights.
func (m *CharLSTM) Visit(v *nn.Visitor) {
	v.Child("embedding", m.Tokens)
	v.Child("lstm", m.LSTM)
	v.Child("drop", m.drop)
	v.Child("head", m.Head)
}

// NewReader reads from the start of a text.
func (m *CharLSTM) NewReader() Reader { return &lstmReader{m: m} }

type lstmReader struct {
	m     *CharLSTM
	state []*crease.Tensor
}

// Read adds tokens to the text.
func (r *lstmReader) Read(tokens ...int64) (scores []float64, err error) {
	if len(tokens) == 0 {
		return nil, fmt.Errorf("char lstm: there are no tokens to read")
	}
	err = crease.Try(func() {
		crease.NoGrad(func() {
			before := r.state
			next := crease.Tidy(func() []*crease.Tensor {
				x := crease.From(tokens, []int{1, len(tokens)}, crease.On(r.m.Head.Weight.Device()))
				y, state := r.m.run(x, before)
				scores = y.Index(0, len(tokens)-1).Floats()
				return state
			})
			r.state = nil
			for _, t := range next {
				r.state = append(r.state, t.Keep())
			}
			for _, t := range before {
				t.Free()
			}
		})
	})
	return scores, err
}

// Close frees the state.
func (r *lstmReader) Close() {
	for _, t := range r.state {
		t.Free()
	}
	r.state = nil
}
