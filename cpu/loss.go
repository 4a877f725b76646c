package cpu

import "github.com/crease-ml/crease/ops"

func init() {
	declare(func(d *device) {
		d.addFloats(ops.CrossEntropy.Name, d.crossEntropy)
		d.addFloats(ops.CrossEntropyGrad.Name, d.crossEntropyGrad)
		d.addFloats(ops.Mse.Name, d.mse)
	})
}

// classed is a batch of samples with a class each for the losses.
type classed struct {
	ops.CrossEntropyAttrs
	op      *ops.Op
	target  *longs
	weight  *operand // of the classes, nil where all are 1
	n, c    int
	weights []float32 // of the run, nil likewise
}

func (d *device) classed(op *ops.Op, attrs any, logits, target *operand, weight []operand) *classed {
	a := &classed{CrossEntropyAttrs: attrs.(ops.CrossEntropyAttrs), op: op, target: newLongs(target), n: logits.Shape[0], c: logits.Shape[1]}
	if len(weight) > 0 {
		a.weight = &weight[0]
	}
	return a
}

// read finds and checks the targets of a run.
func (a *classed) read(work *[]byte) error {
	if a.weight != nil {
		a.weights = data[float32](a.weight)
	}
	for i, k := range a.target.read(work) {
		if (k < 0 || k >= int64(a.c)) && !a.ignored(k) {
			return ops.NoClass(a.op.Name, k, i, a.c)
		}
	}
	return nil
}

func (a *classed) ignored(class int64) bool { return a.Ignore && class == int64(a.IgnoreIndex) }

// of is the weight of a class.
func (a *classed) of(class int64) float64 {
	if a.weights == nil {
		return 1
	}
	return float64(a.weights[class])
}

// total is what a mean is divided by.
func (a *classed) total() float64 {
	if a.Reduction != "mean" {
		return 1
	}
	sum := 0.0
	for _, k := range a.target.list {
		if !a.ignored(k) {
			sum += a.of(k)
		}
	}
	return sum
}

// crossEntropy keeps the log probabilities of one row at a time.
func (d *device) crossEntropy(c *call) task {
	logits, out := &c.in[0], &c.out[0]
	a := d.classed(ops.CrossEntropy, c.attrs, logits, &c.in[1], c.in[2:])
	n, classes := a.n, a.c
	var losses []float32
	body := func(lo, hi int) {
		x := data[float32](logits)
		s := lineScratch.Get().(*[3][]float32)
		logp := grow(&s[0], classes)
		for i := lo; i < hi; i++ {
			t := a.target.list[i]
			if a.ignored(t) {
				losses[i] = 0
				continue
			}
			d.vec.LogSoftmaxRow(logp, x[i*classes:(i+1)*classes])
			loss := -(1 - a.LabelSmoothing) * a.of(t) * float64(logp[t])
			if a.LabelSmoothing > 0 {
				if a.weights != nil {
					d.vec.Mul(logp, logp, a.weights)
				}
				loss -= a.LabelSmoothing / float64(classes) * float64(d.vec.Sum(logp))
			}
			losses[i] = float32(loss)
		}
		lineScratch.Put(s)
	}
	room := 0
	if a.Reduction != "none" {
		room = aligned(n * 4)
	}
	return task{work: a.target.work + room, run: func(work []byte) error {
		if err := a.read(&work); err != nil {
			return err
		}
		if a.Reduction == "none" {
			losses = data[float32](out)
			d.rows(n, classes, body)
			return nil
		}
		losses = scratch[float32](&work, n)
		d.rows(n, classes, body)
		data[float32](out)[0] = float32(float64(d.vec.Sum(losses)) / a.total())
		return nil
	}}
}

func (d *device) crossEntropyGrad(c *call) task {
	slope, logits, out := &c.in[0], &c.in[1], &c.out[0]
	a := d.classed(ops.CrossEntropyGrad, c.attrs, logits, &c.in[2], c.in[3:])
	n, classes := a.n, a.c
	scale := float32(1)
	spread, peak := float32(a.LabelSmoothing/float64(classes)), 1-a.LabelSmoothing
	body := func(lo, hi int) {
		g, x, dx := data[float32](slope), data[float32](logits), data[float32](out)
		sum := float32(classes) // of the weights
		if a.weights != nil {
			sum = d.vec.Sum(a.weights)
		}
		for i := lo; i < hi; i++ {
			row, t := dx[i*classes:(i+1)*classes], a.target.list[i]
			if a.ignored(t) {
				clear(row)
				continue
			}
			d.vec.SoftmaxRow(row, x[i*classes:(i+1)*classes])
			own := float32(peak * a.of(t))
			switch {
			case a.weights != nil:
				d.vec.MulS(row, row, own+spread*sum)
				if spread != 0 {
					for k, w := range a.weights {
						row[k] -= spread * w
					}
				}
			case spread != 0:
				d.vec.SubS(row, row, spread)
			}
			row[t] -= own
			s := g[0]
			if a.Reduction == "none" {
				s = g[i]
			}
			d.vec.MulS(row, row, s*scale)
		}
	}
	return task{work: a.target.work, inPlace: over(pair{0, 1}), run: func(work []byte) error {
		if err := a.read(&work); err != nil {
			return err
		}
		scale = float32(1 / a.total())
		d.rows(n, classes, body)
		return nil
	}}
}

// mse is the mean of squared differences.
func (d *device) mse(c *call) task {
	first, second, out := &c.in[0], &c.in[1], &c.out[0]
	n := first.n
	parts := (n + grain - 1) / grain
	var part []float32
	body := func(lo, hi int) {
		s := lineScratch.Get().(*[3][]float32)
		diff := grow(&s[0], hi-lo)
		d.vec.Sub(diff, data[float32](first)[lo:hi], data[float32](second)[lo:hi])
		part[lo/grain] = d.vec.SumSq(diff)
		lineScratch.Put(s)
	}
	return task{work: aligned(parts * 4), run: func(work []byte) error {
		part = scratch[float32](&work, parts)
		d.chunks(n, grain, body)
		data[float32](out)[0] = d.vec.Sum(part) / float32(n)
		return nil
	}}
}
