package cpu

import (
	"fmt"

	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.CrossEntropy.Name, d.crossEntropy)
		d.addFloats(ops.CrossEntropyGrad.Name, d.crossEntropyGrad)
		d.addFloats(ops.Mse.Name, d.mse)
	})
}

// classesOf reads the targets of a batch for a run and checks them.
func classesOf(op *ops.Op, target *longs, work *[]byte, classes int) error {
	for i, k := range target.read(work) {
		if k < 0 || k >= int64(classes) {
			return &ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("the target of sample %d is class %d, the logits have %d classes", i, k, classes)}
		}
	}
	return nil
}

// crossEntropy keeps the log probabilities of one row at a time.
func (d *device) crossEntropy(c *call) task {
	a := c.attrs.(ops.CrossEntropyAttrs)
	logits, out := &c.in[0], &c.out[0]
	n, classes := logits.Shape[0], logits.Shape[1]
	target := newLongs(&c.in[1])
	var losses []float32
	body := func(lo, hi int) {
		x := data[float32](logits)
		s := lineScratch.Get().(*[3][]float32)
		logp := grow(&s[0], classes)
		for i := lo; i < hi; i++ {
			d.vec.LogSoftmaxRow(logp, x[i*classes:(i+1)*classes])
			loss := -(1 - a.LabelSmoothing) * float64(logp[target.list[i]])
			if a.LabelSmoothing > 0 {
				loss -= a.LabelSmoothing / float64(classes) * float64(d.vec.Sum(logp))
			}
			losses[i] = float32(loss)
		}
		lineScratch.Put(s)
	}
	if a.Reduction == "none" {
		return task{work: target.work, run: func(work []byte) error {
			if err := classesOf(ops.CrossEntropy, target, &work, classes); err != nil {
				return err
			}
			losses = data[float32](out)
			d.rows(n, classes, body)
			return nil
		}}
	}
	return task{work: target.work + aligned(n*4), run: func(work []byte) error {
		if err := classesOf(ops.CrossEntropy, target, &work, classes); err != nil {
			return err
		}
		losses = scratch[float32](&work, n)
		d.rows(n, classes, body)
		total := data[float32](out)
		total[0] = d.vec.Sum(losses)
		if a.Reduction == "mean" {
			total[0] /= float32(n)
		}
		return nil
	}}
}

func (d *device) crossEntropyGrad(c *call) task {
	a := c.attrs.(ops.CrossEntropyAttrs)
	slope, logits, out := &c.in[0], &c.in[1], &c.out[0]
	n, classes := logits.Shape[0], logits.Shape[1]
	target := newLongs(&c.in[2])
	scale := float32(1)
	if a.Reduction == "mean" {
		scale = 1 / float32(n)
	}
	spread, peak := float32(a.LabelSmoothing/float64(classes)), float32(1-a.LabelSmoothing)
	body := func(lo, hi int) {
		g, x, dx := data[float32](slope), data[float32](logits), data[float32](out)
		for i := lo; i < hi; i++ {
			row := dx[i*classes : (i+1)*classes]
			d.vec.SoftmaxRow(row, x[i*classes:(i+1)*classes])
			if spread != 0 {
				d.vec.SubS(row, row, spread)
			}
			row[target.list[i]] -= peak
			s := g[0]
			if a.Reduction == "none" {
				s = g[i]
			}
			d.vec.MulS(row, row, s*scale)
		}
	}
	return task{work: target.work, inPlace: over(pair{0, 1}), run: func(work []byte) error {
		if err := classesOf(ops.CrossEntropyGrad, target, &work, classes); err != nil {
			return err
		}
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
