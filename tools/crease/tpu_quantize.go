package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/tools/crease/train"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/quant"
	"github.com/crease-ml/crease/tpu/sim"
)

// quantizeFlags are the flags of crease tpu quantize.
type quantizeFlags struct {
	common
	chip, model, checkpoint, data     string
	epochs, calibrate, samples, batch int
	seed                              uint64
}

func tpuQuantizeCommand() *cobra.Command {
	var f quantizeFlags
	cmd := &cobra.Command{
		Use:   "quantize",
		Short: "Run a trained network in 8-bit integers and compare the accuracy",
		Long: "Round a trained Fashion-MNIST network to 8-bit integers, with a scale per tensor\n" +
			"and with one per output channel, run it on an emulated chip with an int8 array,\n" +
			"and print the accuracy before and after. The network comes from a checkpoint of\n" +
			"crease train fashion --save, or is trained first on --device.",
		Example: "  crease tpu quantize --data DIR\n  crease tpu quantize --model cnn --checkpoint cnn.safetensors --chip tpu:v1",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	nameFlag(cmd, &f.chip, "chip", "tpu:v1", "chip that runs the integers, as in tpu:v1, tpu:edge")
	choiceFlag(cmd, &f.model, "model", "", "mlp", []string{"mlp", "cnn"}, "model: mlp or cnn")
	nameFlag(cmd, &f.checkpoint, "checkpoint", "", "trained network; left out, one is trained")
	nameFlag(cmd, &f.data, "data", "", "directory of the data files (default: CREASE_DATA)")
	wholeFlag(cmd, &f.epochs, "epochs", "", 3, 1, maxCount, "epochs of training where there is no checkpoint")
	wholeFlag(cmd, &f.calibrate, "calibrate", "", 256, 1, maxCount, "training samples by which scales of activations are chosen")
	wholeFlag(cmd, &f.samples, "samples", "", 10000, 1, maxCount, "test samples")
	wholeFlag(cmd, &f.batch, "batch", "", 200, 1, maxCount, "samples of a run of the program")
	seedFlag(cmd, &f.seed, "seed of training")
	return f.bind(cmd, "table", "json")
}

// quantized is what crease tpu quantize found out.
type quantized struct {
	Model       string  `json:"model"`
	Chip        string  `json:"chip"`
	Samples     int     `json:"samples"`
	Float       float64 `json:"float_accuracy"`
	PerTensor   float64 `json:"per_tensor_accuracy"`
	PerChannel  float64 `json:"per_channel_accuracy"`
	Batch       int     `json:"batch"`
	Cycles      int64   `json:"cycles_per_batch"`
	Seconds     float64 `json:"seconds_per_batch"`
	Utilization float64 `json:"utilization"`

	report *sim.Report
}

func (f *quantizeFlags) run(cmd *cobra.Command) error {
	cfg, err := chipOf(f.chip)
	if err != nil {
		return err
	}
	dev, err := f.open(cmd)
	if err != nil {
		return err
	}
	dir, err := data.Dir(f.data)
	if err != nil {
		return err
	}
	path := f.checkpoint
	if path == "" {
		tmp, err := os.MkdirTemp("", "crease-quantize-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(tmp)
		path = filepath.Join(tmp, "model.safetensors")
		_, err = train.Run(cmd.Context(), train.Options{
			Task: train.Fashion, Device: dev, Data: dir, Seed: f.seed, Settings: train.Settings{Model: f.model, Epochs: f.epochs},
			Save: path, Reporter: newProgress(cmd.ErrOrStderr(), kept(cmd.Context())),
		})
		if err != nil {
			return err
		}
	}
	res, err := f.compare(path, dir, dev, cfg)
	if err != nil {
		return err
	}
	if f.output == "json" {
		return writeJSON(cmd.OutOrStdout(), res)
	}
	p := &lines{w: cmd.OutOrStdout()}
	p.printf("%s on %s, %d test samples\n\n", f.model, f.chip, res.Samples)
	p.printf("  %-24s  accuracy\n", "")
	for _, row := range []struct {
		name  string
		value float64
	}{{"float32", res.Float}, {"int8, scale per tensor", res.PerTensor}, {"int8, scale per channel", res.PerChannel}} {
		p.printf("  %-24s  %6.2f %%  %+.2f\n", row.name, 100*row.value, 100*(row.value-res.Float))
	}
	p.printf("\nA batch of %d on the chip (scale per channel):\n\n", res.Batch)
	printReport(p, res.report)
	return p.err
}

// chipOf is the core that a device name describes.
func chipOf(name string) (*arch.Config, error) {
	s, err := hal.ParseSpec(name)
	if err == nil && s.Kind != "tpu" {
		err = fmt.Errorf("%s is no emulated chip: want one as in tpu:v1", name)
	}
	if err != nil {
		return nil, usageError(err)
	}
	c, err := arch.Parse(s.Index, s.Options)
	return c, usageError(err)
}

// compare quantises the network in both ways and runs the test samples.
func (f *quantizeFlags) compare(path, dir string, dev *crease.Device, cfg *arch.Config) (res *quantized, err error) {
	if e := crease.Try(func() { res, err = f.measure(path, dir, dev, cfg) }); e != nil {
		return nil, e
	}
	return res, err
}

func (f *quantizeFlags) measure(path, dir string, dev *crease.Device, cfg *arch.Config) (*quantized, error) {
	training, test, err := train.Fashion.Load(dir, f.seed)
	if err != nil {
		return nil, err
	}
	model, err := train.Fashion.Build(f.model, dev, crease.NewGenerator(f.seed, crease.On(dev)))
	if err != nil {
		return nil, err
	}
	if err := restore(path, model); err != nil {
		return nil, fmt.Errorf("%w (is it a checkpoint of --model %s?)", err, f.model)
	}
	nn.Eval(model)
	net, err := integerNetwork(model, test.Shape)
	if err != nil {
		return nil, err
	}
	n := min(f.samples, test.Len())
	res := &quantized{Model: f.model, Chip: f.chip, Samples: n, Batch: f.batch}
	logits := forward(model, dev, test, n)
	res.Float = accuracy(logits, test.Y)
	for i := range min(4, n) {
		for k, v := range net.Forward(sample(test, i), nil) {
			if want := logits[i][k]; math.Abs(float64(v-want)) > 1e-3*(1+math.Abs(float64(want))) {
				return nil, fmt.Errorf("the network as read gives %g where the model gives %g: a layer that cannot be quantised", v, want)
			}
		}
	}
	var calibration [][]float32
	for i := range min(f.calibrate, training.Len()) {
		calibration = append(calibration, sample(training, i))
	}
	machine, err := sim.New(cfg, sim.Options{})
	if err != nil {
		return nil, err
	}
	for _, perChannel := range []bool{false, true} {
		q, err := quant.Quantize(net, calibration, perChannel)
		if err != nil {
			return nil, err
		}
		c, err := quant.Compile(q, cfg, f.batch)
		if err != nil {
			return nil, err
		}
		r, err := quant.NewRunner(c, machine)
		if err != nil {
			return nil, err
		}
		var out [][]float32
		for lo := 0; lo < n; lo += f.batch {
			var batch [][]float32
			for i := lo; i < min(lo+f.batch, n); i++ {
				batch = append(batch, sample(test, i))
			}
			part, err := r.Run(batch)
			if err != nil {
				return nil, err
			}
			out = append(out, part...)
		}
		if a := accuracy(out, test.Y); perChannel {
			res.PerChannel = a
		} else {
			res.PerTensor = a
		}
		res.report = &sim.Report{Counters: *r.Counters(), Engine: "fast", Config: cfg}
	}
	res.Cycles, res.Seconds, res.Utilization = res.report.Cycles, res.report.Seconds(), res.report.Utilization()
	return res, nil
}

// sample is a picture with its channels side by side.
func sample(a *data.Arrays, i int) []float32 {
	size := len(a.X) / a.Len()
	x := a.X[i*size:][:size]
	if a.Shape[0] == 1 {
		return x
	}
	return transposed(x, a.Shape[0], size/a.Shape[0])
}

func transposed(x []float32, rows, cols int) []float32 {
	out := make([]float32, len(x))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = x[r*cols+c]
		}
	}
	return out
}

// forward is the model's results for the first n samples.
func forward(model nn.Module, dev *crease.Device, a *data.Arrays, n int) (out [][]float32) {
	const batch = 500
	size := len(a.X) / a.Len()
	crease.NoGrad(func() {
		for lo := 0; lo < n; lo += batch {
			count := min(batch, n-lo)
			crease.Tidy(func() []*crease.Tensor {
				x := crease.From(a.X[lo*size:][:count*size], append([]int{count}, a.Shape...), crease.On(dev))
				y := crease.Data[float32](model.Forward(x))
				for i := range count {
					out = append(out, y[i*len(y)/count:(i+1)*len(y)/count])
				}
				return nil
			})
		}
	})
	return out
}

// accuracy is the share of samples whose class has the highest score.
func accuracy(scores [][]float32, y []int64) float64 {
	right := 0
	for i, s := range scores {
		best := 0
		for k, v := range s {
			if v > s[best] {
				best = k
			}
		}
		if int64(best) == y[i] {
			right++
		}
	}
	return float64(right) / float64(max(1, len(scores)))
}

// integerNetwork reads the layers of a model of dense layers and convolutions for
// pictures [channels, height, width]. Normalisations go into the convolutions before them.
func integerNetwork(model nn.Module, shape []int) (*quant.Network, error) {
	seq, ok := model.(*nn.Sequential)
	if !ok || len(shape) != 3 {
		return nil, fmt.Errorf("a model of another kind than layers one after the other (%T) cannot be quantised", model)
	}
	net := &quant.Network{}
	in, height, width := shape[0], shape[1], shape[2]
	var last *quant.Layer
	for i, m := range seq.Layers {
		refuse := func(what string) error { return fmt.Errorf("layer %d (%s) cannot be quantised", i, what) }
		switch l := m.(type) {
		case *nn.Conv2d:
			a := l.Attrs
			k := l.Weight.Shape()
			if a.Groups != 1 || a.Dilation != [2]int{1, 1} || a.Stride[0] != a.Stride[1] || a.Pad != [4]int{a.Pad[0], a.Pad[0], a.Pad[0], a.Pad[0]} || k[2] != k[3] {
				return nil, refuse("a convolution of groups, dilation or sides that differ")
			}
			net.Layers = append(net.Layers, quant.Layer{Name: "conv", Height: height, Width: width, In: in, Out: k[0], Kernel: k[2], Stride: a.Stride[0], Pad: a.Pad[0], Weights: channelsLast(l.Weight, k[1]), Bias: biasOf(l.Bias, k[0])})
			last = &net.Layers[len(net.Layers)-1]
		case *nn.Linear:
			k := l.Weight.Shape()
			if l.Act != "" && l.Act != "relu" || k[1] != in*height*width {
				return nil, refuse("linear with " + l.Act)
			}
			net.Layers = append(net.Layers, quant.Layer{Name: "dense", Height: height, Width: width, In: in, Out: k[0], Weights: channelsLast(l.Weight, in), Bias: biasOf(l.Bias, k[0]), ReLU: l.Act == "relu"})
			last = &net.Layers[len(net.Layers)-1]
		case *nn.BatchNorm2d:
			if last == nil || last.ReLU || last.Pool > 0 || last.Dense() {
				return nil, refuse("a normalisation that does not follow a convolution")
			}
			normalise(last, l)
		case *nn.Dropout:
		case *nn.Function:
			switch {
			case l.Name == "relu" && last != nil && last.Pool == 0:
				last.ReLU = true
			case l.Name == "max_pool2d" && last != nil && last.Pool == 0:
				probe := l.Forward(crease.Zeros([]int{1, in, height, width}))
				last.Pool = height / probe.Shape()[2]
			case l.Name == "flatten":
			default:
				return nil, refuse(l.Name)
			}
		default:
			return nil, refuse(fmt.Sprintf("%T", m))
		}
		if last != nil {
			height, width = last.Result()
			in = last.Out
		}
	}
	return net, net.Check()
}

// channelsLast is weights [out][in][kernel] as [out][kernel][in].
func channelsLast(w *crease.Tensor, in int) []float32 {
	x := crease.Data[float32](w)
	out := w.Shape()[0]
	size := len(x) / out
	var y []float32
	for o := range out {
		y = append(y, transposed(x[o*size:][:size], in, size/in)...)
	}
	return y
}

func biasOf(b *crease.Tensor, n int) []float32 {
	if b == nil {
		return make([]float32, n)
	}
	return crease.Data[float32](b)
}

// normalise scales the weights and the bias of a convolution as the normalisation with
// running statistics would scale its results.
func normalise(l *quant.Layer, bn *nn.BatchNorm2d) {
	scale, shift := crease.Data[float32](bn.Weight), crease.Data[float32](bn.Bias)
	mean, variance := crease.Data[float32](bn.RunningMean), crease.Data[float32](bn.RunningVar)
	depth := l.Depth()
	for o := range l.Out {
		s := float64(scale[o]) / math.Sqrt(float64(variance[o])+bn.Eps)
		for k := range depth {
			l.Weights[o*depth+k] = float32(float64(l.Weights[o*depth+k]) * s)
		}
		l.Bias[o] = float32((float64(l.Bias[o])-float64(mean[o]))*s + float64(shift[o]))
	}
}
