package cpu

import (
	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Convolution is a matrix product whose right operand is never written down: the
// packing step of the product reads patches straight from the image (implicit
// GEMM: Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", 2014).
// Images are spread over the threads, each product runs on one.

func init() {
	declare(func(d *device) {
		d.addFloats(ops.Conv2d.Name, conv2d[float32](d))
		d.addFloats(ops.Conv2dAct.Name, conv2d[float32](d))
		d.addFloats(ops.Conv2dGradInput.Name, convGradInput[float32](d))
		d.addFloats(ops.Conv2dGradWeight.Name, convGradWeight[float32](d))
		d.addDense(ops.Conv2d.Name, dtype.F64, conv2d[float64](d))
		d.addDense(ops.Conv2dAct.Name, dtype.F64, conv2d[float64](d))
		d.addDense(ops.Conv2dGradInput.Name, dtype.F64, convGradInput[float64](d))
		d.addDense(ops.Conv2dGradWeight.Name, dtype.F64, convGradWeight[float64](d))
	})
}

// conv2d is, for every image and group, w [O, C·KH·KW] times the patches, with or without
// an activation.
func conv2d[T gemm.Float](d *device) planner {
	return func(c *call) task {
		act := gemm.None
		a, plain := c.attrs.(ops.ConvAttrs)
		if !plain {
			with := c.attrs.(ops.ConvActAttrs)
			a, act = with.ConvAttrs, activations[with.Act]
		}
		x, w := c.in[0].Shape, c.in[1].Shape
		v := newConvolution[T](d, forwardPatches(a, x, w, c.out[0].Shape), x[0], a.Groups, w[0]/a.Groups)
		v.act = act
		return task{run: func([]byte) error {
			var bias []T
			if len(c.in) > 2 {
				bias = data[T](&c.in[2])
			}
			v.run(data[T](&c.out[0]), data[T](&c.in[0]), data[T](&c.in[1]), bias)
			return nil
		}}
	}
}

// convolution multiplies w [groups, o, rows] by the patches of every image and group.
type convolution[T gemm.Float] struct {
	d                 *device
	p                 *patches
	images, groups, o int
	matrix, flat      bool
	depthwise         bool
	act               gemm.Activation
	body              func(i int)

	y, x, w, bias []T // of the run; bias may be nil
}

func newConvolution[T gemm.Float](d *device, p *patches, images, groups, o int) *convolution[T] {
	v := &convolution[T]{d: d, p: p, images: images, groups: groups, o: o, matrix: p.matrix(), flat: p.flat(), depthwise: p.depthwise(o)}
	v.body = v.image
	return v
}

func (v *convolution[T]) run(y, x, w, bias []T) {
	if len(y) == 0 {
		return
	}
	if v.p.rows() == 0 {
		clear(y)
	}
	v.y, v.x, v.w, v.bias = y, x, w, bias
	v.d.workers.For(v.images*v.groups, v.body)
}

// image convolves one group of an image.
func (v *convolution[T]) image(i int) {
	p, o, rows, cols := v.p, v.o, v.p.rows(), v.p.cols()
	g := i % v.groups
	img := v.x[i*p.c*p.h*p.w:][:p.c*p.h*p.w]
	weights := gemm.OperandOf[T]{Data: v.w[g*o*rows:][:o*rows], Layout: gemm.RowMajor(rows)}
	out := v.y[i*o*cols:][:o*cols]
	if v.depthwise {
		var shift T
		if v.bias != nil {
			shift = v.bias[g]
		}
		direct(v.d, p, out, img, weights.Data, shift)
		gemm.Activate(v.d.vec, out, v.act)
		return
	}
	ep := gemm.EpilogueOf[T]{Act: v.act}
	if v.bias != nil {
		ep.BiasM = v.bias[g*o : (g+1)*o]
	}
	if v.matrix {
		gemm.Gemm(v.d.gemm, o, cols, rows, weights, gemm.OperandOf[T]{Data: img, Layout: gemm.RowMajor(cols)}, out, cols, false, &ep)
		return
	}
	s := takeConv(p, img)
	defer s.put()
	if !v.flat {
		gemm.Gemm(v.d.gemm, o, cols, rows, weights, gemm.OperandOf[T]{Pack: s.pack}, out, cols, false, &ep)
		return
	}
	s.pad()
	width := p.paddedWidth()
	wide := grow(&s.result, o*p.oh*width)
	gemm.Gemm(v.d.gemm, o, p.oh*width, rows, weights, gemm.OperandOf[T]{Pack: s.packFlat}, wide, p.oh*width, false, &ep)
	for r := range o * p.oh {
		copyShort(out[r*p.ow:(r+1)*p.ow], wide[r*width:])
	}
}
