package cpu

import (
	"fmt"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func init() {
	declare(func(d *device) {
		d.addFloats(ops.CrossEntropy.Name, nil, d.crossEntropy)
		d.addFloats(ops.CrossEntropyGrad.Name, nil, d.crossEntropyGrad)
		d.addFloats(ops.Mse.Name, nil, d.mse)
	})
}

// classesOf reads the targets of a batch and checks them.
func classesOf(op *ops.Op, target hal.View, classes int) ([]int, error) {
	list := positions(target)
	for i, k := range list {
		if k < 0 || k >= classes {
			return nil, &ops.AttrError{Op: op.Name, Reason: fmt.Sprintf("the target of sample %d is class %d, the logits have %d classes", i, k, classes)}
		}
	}
	return list, nil
}

// crossEntropy keeps the log probabilities of one row at a time.
func (d *device) crossEntropy(c *hal.Call) error {
	a := c.Attrs.(ops.CrossEntropyAttrs)
	n, classes := c.In[0].Shape[0], c.In[0].Shape[1]
	target, err := classesOf(ops.CrossEntropy, c.In[1], classes)
	if err != nil {
		return err
	}
	x, out := data[float32](c.In[0]), data[float32](c.Out[0])
	losses := out
	if a.Reduction != "none" {
		buf, err := d.Alloc(n * 4)
		if err != nil {
			return err
		}
		defer buf.Free()
		losses = data[float32](hal.View{Buf: buf, DType: c.In[0].DType, Shape: []int{n}, Strides: []int{1}})
	}
	d.rows(n, classes, func(lo, hi int) {
		s := lineScratch.Get().(*[3][]float32)
		defer lineScratch.Put(s)
		logp := grow(&s[0], classes)
		for i := lo; i < hi; i++ {
			d.vec.LogSoftmaxRow(logp, x[i*classes:(i+1)*classes])
			loss := -(1 - a.LabelSmoothing) * float64(logp[target[i]])
			if a.LabelSmoothing > 0 {
				loss -= a.LabelSmoothing / float64(classes) * float64(d.vec.Sum(logp))
			}
			losses[i] = float32(loss)
		}
	})
	if a.Reduction == "none" {
		return nil
	}
	out[0] = d.vec.Sum(losses)
	if a.Reduction == "mean" {
		out[0] /= float32(n)
	}
	return nil
}

func (d *device) crossEntropyGrad(c *hal.Call) error {
	a := c.Attrs.(ops.CrossEntropyAttrs)
	n, classes := c.In[1].Shape[0], c.In[1].Shape[1]
	target, err := classesOf(ops.CrossEntropyGrad, c.In[2], classes)
	if err != nil {
		return err
	}
	g, x, out := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.Out[0])
	scale := float32(1)
	if a.Reduction == "mean" {
		scale = 1 / float32(n)
	}
	spread, peak := float32(a.LabelSmoothing/float64(classes)), float32(1-a.LabelSmoothing)
	d.rows(n, classes, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			row := out[i*classes : (i+1)*classes]
			d.vec.SoftmaxRow(row, x[i*classes:(i+1)*classes])
			if spread != 0 {
				d.vec.SubS(row, row, spread)
			}
			row[target[i]] -= peak
			s := g[0]
			if a.Reduction == "none" {
				s = g[i]
			}
			d.vec.MulS(row, row, s*scale)
		}
	})
	return nil
}

// mse is the mean of squared differences.
func (d *device) mse(c *hal.Call) error {
	x, y, out := data[float32](c.In[0]), data[float32](c.In[1]), data[float32](c.Out[0])
	part := make([]float32, (len(x)+grain-1)/grain)
	d.chunks(len(x), grain, func(lo, hi int) {
		s := lineScratch.Get().(*[3][]float32)
		defer lineScratch.Put(s)
		diff := grow(&s[0], hi-lo)
		d.vec.Sub(diff, x[lo:hi], y[lo:hi])
		part[lo/grain] = d.vec.SumSq(diff)
	})
	out[0] = d.vec.Sum(part) / float32(len(x))
	return nil
}
