package models_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
)

func write(t *testing.T, r models.Reader, prompt []int64, n int, c models.SampleConfig) (out []int64) {
	t.Helper()
	defer r.Close()
	for token, err := range models.Generate(t.Context(), r, prompt, n, c) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, token)
	}
	if len(out) != n {
		t.Fatalf("%d tokens, want %d", len(out), n)
	}
	return out
}

func newGPT(t *testing.T) *models.GPT {
	t.Helper()
	dev, err := crease.Default()
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.NewGPT(models.GPTConfig{Vocab: 9, Context: 12, Layers: 2, Heads: 2, Dim: 16}, dev, crease.NewGenerator(4))
	if err != nil {
		t.Fatal(err)
	}
	// Fresh weights are small and all tokens alike: make them differ.
	m.Tokens.Weight.Assign(crease.Randn(m.Tokens.Weight.Shape(), crease.By(crease.NewGenerator(5))))
	return m
}

// Decoding with the cache gives the tokens of decoding without, in the context and
// far beyond it, for any prompt.
func TestCacheGivesTheSameTokens(t *testing.T) {
	m := newGPT(t)
	for _, prompt := range [][]int64{{1}, {3, 1, 4, 1, 5}, slices.Repeat([]int64{2, 7}, 20)} {
		for _, c := range []models.SampleConfig{{}, {Temperature: 1, Seed: 3}, {Temperature: 0.7, TopK: 4, Seed: 8}} {
			a := write(t, m.NewReader(true), prompt, 40, c)
			b := write(t, m.NewReader(false), prompt, 40, c)
			if !slices.Equal(a, b) {
				t.Errorf("after %v by %+v: with the cache %v, without %v", prompt, c, a, b)
			}
		}
	}
}

// A reader of an LSTM that is given a text in pieces says what one pass says.
func TestLSTMReadsInPieces(t *testing.T) {
	dev, err := crease.Default()
	if err != nil {
		t.Fatal(err)
	}
	m, err := models.NewCharLSTM(models.LSTMConfig{Vocab: 9, Layers: 2, Dim: 6, Hidden: 10}, dev, nil)
	if err != nil {
		t.Fatal(err)
	}
	text := []int64{1, 5, 2, 8, 8, 0, 3}
	want := m.Forward(crease.From(text, []int{1, len(text)})).Index(0, len(text)-1).Floats()
	r := m.NewReader()
	defer r.Close()
	var got []float64
	for _, part := range [][]int64{text[:3], text[3:4], text[4:]} {
		if got, err = r.Read(part...); err != nil {
			t.Fatal(err)
		}
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-5 {
			t.Fatalf("scores are %v, want %v", got, want)
		}
	}
}

// Memory does not grow with the text.
func TestWritingKeepsMemoryFlat(t *testing.T) {
	m := newGPT(t)
	dev := m.Head.Weight.Device()
	r := m.NewReader(true)
	defer r.Close()
	read := func(n int) {
		for i := range n {
			if _, err := r.Read(int64(i % 9)); err != nil {
				t.Fatal(err)
			}
		}
	}
	read(60)
	runtime.GC() // what other tests left
	before := dev.Memory()
	read(300)
	if after := dev.Memory(); after.InUse > before.InUse || after.HighWater > before.HighWater || after.Allocs > before.Allocs {
		t.Errorf("memory went from %+v to %+v", before, after)
	}
}

// fixed always gives the same scores.
type fixed []float64

func (f fixed) Read(...int64) ([]float64, error) { return f, nil }
func (fixed) Close()                             {}

func TestDraws(t *testing.T) {
	scores := fixed{math.Log(0.1), math.Log(0.6), math.Log(0.3), math.Inf(-1)}
	share := func(c models.SampleConfig) []float64 {
		out := make([]float64, 4)
		for _, token := range write(t, scores, []int64{0}, 20000, c) {
			out[token] += 1.0 / 20000
		}
		return out
	}
	for _, x := range []struct {
		c    models.SampleConfig
		want []float64
	}{
		{models.SampleConfig{}, []float64{0, 1, 0, 0}},
		{models.SampleConfig{Temperature: 1}, []float64{0.1, 0.6, 0.3, 0}},
		{models.SampleConfig{Temperature: 0.5, Seed: 1}, []float64{1.0 / 46, 36.0 / 46, 9.0 / 46, 0}},
		{models.SampleConfig{Temperature: 1, TopK: 2, Seed: 2}, []float64{0, 2.0 / 3, 1.0 / 3, 0}},
		{models.SampleConfig{Temperature: 9, TopK: 1}, []float64{0, 1, 0, 0}},
	} {
		for i, got := range share(x.c) {
			if math.Abs(got-x.want[i]) > 0.015 {
				t.Errorf("%+v draws token %d with %v, want %v", x.c, i, got, x.want[i])
			}
		}
	}
	if a, b := write(t, scores, nil, 50, models.SampleConfig{Temperature: 1}), write(t, scores, nil, 50, models.SampleConfig{Temperature: 1, Seed: 1}); slices.Equal(a, b) {
		t.Error("two seeds draw the same")
	}
}

func TestGenerateStops(t *testing.T) {
	first := func(ctx context.Context, r models.Reader, c models.SampleConfig) error {
		for _, err := range models.Generate(ctx, r, []int64{1}, 3, c) {
			return err
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first(ctx, fixed{1}, models.SampleConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	for name, err := range map[string]error{
		"a score that is no number": first(t.Context(), fixed{math.NaN(), 1}, models.SampleConfig{}),
		"a negative temperature":    first(t.Context(), fixed{1}, models.SampleConfig{Temperature: -1}),
		"no tokens":                 func() error { _, err := newGPT(t).NewReader(true).Read(); return err }(),
		"a token out of range":      func() error { _, err := newGPT(t).NewReader(true).Read(9); return err }(),
	} {
		if err == nil {
			t.Errorf("%s gave no error", name)
		}
	}
}

// A thousand steps of training use no more memory than the first ones, eager and
// compiled.
func TestTrainingKeepsMemoryFlat(t *testing.T) {
	for _, compiled := range []bool{false, true} {
		m := newGPT(t)
		dev := m.Head.Weight.Device()
		opt := optim.NewAdamW(nn.Tensors(nn.Parameters(m)), optim.AdamConfig{LR: 1e-3})
		x, y := crease.From([]int64{1, 2, 3, 4, 5, 6, 7, 8}, []int{2, 4}), crease.From([]int64{2, 3, 4, 5, 6, 7, 8, 0}, nil)
		step := func(in ...*crease.Tensor) []*crease.Tensor {
			loss := m.Forward(in[0]).Reshape(8, 9).CrossEntropy(in[1])
			loss.Backward()
			opt.Step()
			opt.ZeroGrad()
			return []*crease.Tensor{loss.Detach()}
		}
		if compiled {
			step = crease.Compile(step).Call
		}
		run := func(n int) (loss float64) {
			for range n {
				crease.Tidy(func() []*crease.Tensor {
					loss = step(x, y)[0].Item()
					return nil
				})
			}
			return loss
		}
		first := run(20)
		runtime.GC() // what other tests left
		before := dev.Memory()
		steps := 1000
		if testing.Short() {
			steps = 100
		}
		last := run(steps)
		if after := dev.Memory(); after.InUse > before.InUse || after.HighWater > before.HighWater || after.Allocs > before.Allocs {
			t.Errorf("compiled %v: memory went from %+v to %+v", compiled, before, after)
		}
		if !(last < first) {
			t.Errorf("compiled %v: the loss went from %v to %v", compiled, first, last)
		}
	}
}

// The count of a configuration is that of its model.
func TestParametersOfConfigurations(t *testing.T) {
	dev, err := crease.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, bias := range []bool{false, true} {
		c := models.GPTConfig{Vocab: 9, Context: 12, Layers: 3, Heads: 2, Dim: 16, Bias: bias}
		m, err := models.NewGPT(c, dev, nil)
		if err != nil || float64(nn.Count(m)) != c.Parameters() {
			t.Errorf("%+v counts %v, the model has %d (%v)", c, c.Parameters(), nn.Count(m), err)
		}
	}
	c := models.LSTMConfig{Vocab: 9, Layers: 3, Dim: 6, Hidden: 10}
	m, err := models.NewCharLSTM(c, dev, nil)
	if err != nil || float64(nn.Count(m)) != c.Parameters() {
		t.Errorf("%+v counts %v, the model has %d (%v)", c, c.Parameters(), nn.Count(m), err)
	}
}
