package train

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/optim"
)

// Loop is a training run. The fields are set before Run and not changed after.
type Loop struct {
	Model     nn.Module
	Optimizer optim.Optimizer
	Rate      optim.Schedule // nil keeps the optimiser's learning rate
	Steps     int
	Batches   Batches
	// Loss is a scalar from the tensors of a batch. It is called with gradients.
	Loss func(in ...*crease.Tensor) *crease.Tensor
	// ClipNorm scales the gradients down where their joint norm is above it; 0 for never.
	ClipNorm float64
	// Compile replays every step as a graph; with the same bits.
	Compile bool

	// Every is how many steps lie between reports; 0 stands for a tenth of the run.
	Every int
	// Evaluate, when set, is called for a report, in evaluation mode and without
	// gradients. Metrics names what it gives. When its context ends it may return the
	// context's error; the run is saved then as after any step.
	Evaluate func(context.Context) ([]Metric, error)
	Metrics  []Metric

	// Save is a checkpoint written at every report, "" for none. Best is one
	// written when the metric Watch, or the first, was never better: smaller, or
	// for a share larger.
	Save, Best, Watch string
	// Keep is of how many reports, the last ones, the checkpoints are kept beside Save,
	// under names with the step ([KeptAt]).
	Keep int
	// Interrupt is the checkpoint of a run that is stopped without having Save. Where a
	// file has the name, a number is added to it.
	Interrupt string
	// Settings are kept in checkpoints, for whoever resumes: Open gives them back.
	Settings map[string]string
	// Generators are what the model draws from; their states are in checkpoints.
	Generators []*crease.Generator
	// StopAt ends the run after this step, as if cancelled; 0 for never.
	StopAt int

	Start    Start    // completed and given to the Reporter
	Reporter Reporter // nil shows nothing
	// OnStep, when set, sees the loss of every step, counted from 0.
	OnStep func(step int, loss float64)
	// OnSave, when set, is told of every checkpoint that was written.
	OnSave func(path string, step int)

	progress
	first int // the step that the run began with
	step  func(in ...*crease.Tensor) []*crease.Tensor
	began time.Time
	last  []Metric
	at    int      // the step of last
	saved string   // the checkpoint that was written last
	kept  []string // checkpoints of the last few reports, the oldest first
}

// progress is what a run needs to continue besides tensors.
type progress struct {
	done     int     // steps
	lossSum  float64 // since the last report
	lossN    int
	lastLoss float64 // the last report's mean
	best     float64 // of the watched metric
	hasBest  bool
}

// ErrInterrupted is what Run's error is when it stopped before the end.
var ErrInterrupted = errors.New("interrupted")

// Interrupted is the error of a run that stopped before its end.
type Interrupted struct {
	Step, Steps int
	Path        string // of the checkpoint, "" for none, and where no step was done
	Asked       bool   // by Loop.StopAt
}

func (e *Interrupted) Error() string {
	s := fmt.Sprintf("interrupted after step %d of %d", e.Step, e.Steps)
	if e.Path != "" {
		s += ", saved in " + e.Path
	}
	return s
}

// Is makes it ErrInterrupted.
func (e *Interrupted) Is(target error) bool { return target == ErrInterrupted }

// ExitCode is the command line's code after an interruption.
func (e *Interrupted) ExitCode() int { return 130 }

// Run does the steps that are left. It returns an *Interrupted when ctx is
// cancelled or StopAt is reached, and whatever goes wrong.
func (l *Loop) Run(ctx context.Context) (err error) {
	if e := crease.Try(func() { err = l.run(ctx) }); e != nil {
		return e
	}
	return err
}

func (l *Loop) run(ctx context.Context) error {
	if l.Steps < 1 || l.Every < 0 {
		return fmt.Errorf("train: %d steps with a report every %d: want positive numbers", l.Steps, l.Every)
	}
	every := l.Every
	if every == 0 {
		every = max(1, l.Steps/10)
	}
	if err := l.beginKeeping(); err != nil {
		return err
	}
	l.began, l.first = time.Now(), l.done
	if l.Reporter != nil {
		l.Start.Parameters, l.Start.Mode, l.Start.Metrics = nn.Count(l.Model), l.Mode(), l.Metrics
		l.Start.Step, l.Start.Steps = l.done, l.Steps
		l.Reporter.Start(l.Start)
	}
	do := l.StepFunc()
	for step, batch := range l.Batches(ctx, l.done, l.Steps) {
		if l.Rate != nil {
			l.Optimizer.SetLR(l.Rate(step))
		}
		loss := 0.0
		crease.Tidy(func() []*crease.Tensor {
			loss = do(batch()...)[0].Item()
			return nil
		})
		if err := l.converging(step+1, loss); err != nil {
			return err
		}
		l.done, l.lossSum, l.lossN = step+1, l.lossSum+loss, l.lossN+1
		if l.OnStep != nil {
			l.OnStep(step, loss)
		}
		if l.Reporter != nil {
			l.Reporter.Step(l.done, l.Steps, loss)
		}
		if l.done%every == 0 || l.done == l.Steps {
			switch err := l.report(ctx); {
			case err != nil && ctx.Err() != nil:
				return l.interrupted(false)
			case err != nil:
				return err
			}
		}
		if l.done == l.StopAt && l.done < l.Steps {
			return l.interrupted(true)
		}
	}
	if l.done < l.Steps {
		return l.interrupted(false)
	}
	return nil
}

// Mode is "graph" for compiled steps, else "eager".
func (l *Loop) Mode() string {
	if l.Compile {
		return "graph"
	}
	return "eager"
}

// StepFunc is one step on the tensors of a batch, which returns the loss.
func (l *Loop) StepFunc() func(in ...*crease.Tensor) []*crease.Tensor {
	if l.step == nil {
		l.step = l.one
		if l.Compile {
			l.step = crease.Compile(l.one).Call
		}
	}
	return l.step
}

func (l *Loop) one(in ...*crease.Tensor) []*crease.Tensor {
	loss := l.Loss(in...)
	loss.Backward()
	if l.ClipNorm > 0 {
		optim.ClipGradNorm(nn.Tensors(nn.Trainable(l.Model)), l.ClipNorm, 2)
	}
	l.Optimizer.Step()
	l.Optimizer.ZeroGrad()
	return []*crease.Tensor{loss.Detach()}
}

// Done is the number of steps done.
func (l *Loop) Done() int { return l.done }

// TrainLoss is the mean loss of the last stretch that was reported.
func (l *Loop) TrainLoss() float64 { return l.lastLoss }

// Evaluation is what the model is worth now: the last report's metrics, or new
// ones if there were steps since.
func (l *Loop) Evaluation(ctx context.Context) ([]Metric, error) {
	if l.Evaluate == nil || l.last != nil && l.at == l.done {
		return l.last, nil
	}
	nn.Eval(l.Model)
	defer nn.Train(l.Model)
	var list []Metric
	var err error
	misuse := crease.Try(func() { crease.NoGrad(func() { list, err = l.Evaluate(ctx) }) })
	if misuse != nil {
		return nil, misuse
	}
	if err != nil {
		return nil, err
	}
	l.last, l.at = list, l.done
	return list, nil
}

// report evaluates, and saves when asked to.
func (l *Loop) report(ctx context.Context) error {
	l.lastLoss, l.lossSum, l.lossN = l.lossSum/float64(max(1, l.lossN)), 0, 0
	list, err := l.Evaluation(ctx)
	if err != nil {
		return err
	}
	for _, m := range list { // the step after which the weights are lost
		if err := l.converging(l.done, m.Value); err != nil {
			return err
		}
	}
	rep := Report{l.done, l.Steps, l.lastLoss, list, time.Since(l.began).Seconds()}
	if l.Reporter != nil {
		l.Reporter.Report(rep)
	}
	if l.better(list) && l.Best != "" {
		if err := l.Checkpoint(l.Best); err != nil {
			return err
		}
	}
	if err := l.keep(); err != nil {
		return err
	}
	if l.Save != "" {
		if err := l.Checkpoint(l.Save); err != nil {
			return err
		}
	}
	return l.observe(rep)
}

// better notes whether the watched metric was never better.
func (l *Loop) better(list []Metric) bool {
	for _, m := range list {
		if m.Name != l.Watch && l.Watch != "" {
			continue
		}
		better := m.Value < l.best
		if m.Share {
			better = m.Value > l.best
		}
		if better || !l.hasBest {
			l.best, l.hasBest = m.Value, true
			return true
		}
		return false
	}
	return false
}

// interrupted saves where the run stands, unless it has done nothing.
func (l *Loop) interrupted(asked bool) error {
	end := &Interrupted{Step: l.done, Steps: l.Steps, Asked: asked}
	var err error
	switch {
	case l.done == l.first:
		return end
	case l.Save != "":
		end.Path, err = l.Save, l.Checkpoint(l.Save)
	case l.Interrupt != "":
		end.Path, err = l.saveAnew(l.Interrupt)
	}
	if err != nil {
		return fmt.Errorf("stopped after step %d of %d: %w", l.done, l.Steps, err)
	}
	return end
}
