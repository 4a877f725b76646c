package train

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/models"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/shape"
	loop "github.com/crease-ml/crease/train"
)

// SampleOptions say what to write.
type SampleOptions struct {
	Checkpoint string
	Device     *crease.Device
	Prompt     string
	Tokens     int // to write
	NoCache    bool
	models.SampleConfig
}

// Sample is a text that was written.
type Sample struct {
	Task       string  `json:"task"`
	Model      string  `json:"model"`
	Device     string  `json:"device"`
	Prompt     string  `json:"prompt"`
	Text       string  `json:"text"` // after the prompt
	Tokens     int     `json:"tokens"`
	Seconds    float64 `json:"seconds"`
	MemoryPeak int     `json:"memory_high_water"` // of the device's memory, in bytes
}

// Write lets the model of a checkpoint go on with a prompt. Each character goes to
// w, which may be nil, as it is drawn.
func Write(ctx context.Context, o SampleOptions, w io.Writer) (s *Sample, err error) {
	if e := crease.Try(func() { s, err = write(ctx, o, w) }); e != nil {
		return nil, e
	}
	return s, err
}

func write(ctx context.Context, o SampleOptions, w io.Writer) (*Sample, error) {
	f, m, err := loop.Open(o.Checkpoint)
	if err != nil {
		return nil, err
	}
	bad := func(format string, args ...any) error {
		return &loop.CheckpointError{Path: o.Checkpoint, Reason: fmt.Sprintf(format, args...)}
	}
	l, ok := language{}, false
	if t, err := Find(m["task"]); err == nil {
		l, ok = t.kind.(language)
	}
	if !ok {
		return nil, bad("task %q does not write texts: want a checkpoint of chargpt or charlstm", m["task"])
	}
	// The configuration is believed when the file has as many numbers: a broken one could
	// ask for any amount of memory.
	want, err := l.count([]byte(m["config"]))
	if err != nil {
		return nil, bad("unreadable configuration: %v", err)
	}
	have := 0
	for _, t := range f.Tensors() {
		if strings.HasPrefix(t.Name, "model.") {
			have += shape.MustElements(t.Shape)
		}
	}
	if float64(have) != want {
		return nil, bad("its configuration has %.0f parameters and the file %d", want, have)
	}
	vocab := []rune(m["vocab"])
	model, err := l.build([]byte(m["config"]), o.Device, crease.NewGenerator(0, crease.On(o.Device)))
	if err != nil {
		return nil, bad("unreadable configuration: %v", err)
	}
	if err := loop.LoadModel(o.Checkpoint, f, model); err != nil {
		return nil, err
	}
	prompt, err := data.Encode(vocab, o.Prompt)
	if err != nil {
		return nil, fmt.Errorf("the prompt: %w", err)
	}
	nn.Eval(model)
	r := model.reader(!o.NoCache)
	defer r.Close()
	o.Device.ResetHighWater()
	s := &Sample{Task: m["task"], Model: m["model"], Device: o.Device.Name(), Prompt: o.Prompt}
	began := time.Now()
	for t, err := range models.Generate(ctx, r, prompt, o.Tokens, o.SampleConfig) {
		if err != nil {
			return nil, err
		}
		if t >= int64(len(vocab)) {
			return nil, bad("its vocabulary has %d characters and the model drew number %d", len(vocab), t)
		}
		text := data.Decode(vocab, t)
		s.Text += text
		s.Tokens++
		if w != nil {
			if _, err := io.WriteString(w, text); err != nil {
				return nil, err
			}
		}
	}
	s.Seconds, s.MemoryPeak = time.Since(began).Seconds(), o.Device.Memory().HighWater
	return s, nil
}
