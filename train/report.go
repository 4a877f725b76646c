package train

// Reporter shows how a run gets on. Its methods are called one after the other.
type Reporter interface {
	Start(Start)
	Step(step, steps int, loss float64)
	Report(Report)
}

// Start describes a run that begins. The loop fills in the steps, the parameters
// and the mode; the rest is of whoever made the loop.
type Start struct {
	Task, Model, Device, Mode string
	Parameters, Samples       int
	Step, Steps, Batch        int
	Metrics                   []Metric // what reports will have, without values
}

// Report is made at the end of every stretch of [Loop.Every] steps.
type Report struct {
	Step, Steps int
	TrainLoss   float64 // mean since the last report
	Metrics     []Metric
	Seconds     float64 // since the run began or went on
}

// Metric is a number that an evaluation gave.
type Metric struct {
	Name  string // as in JSON: test_loss
	Value float64
	Share bool // it is a share of 1, to be shown in percent
}

// Value is that of the metric with the name.
func Value(list []Metric, name string) (float64, bool) {
	for _, m := range list {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}
