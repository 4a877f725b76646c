package cpu

import (
	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
)

// convGradInput is, with stride 1, a convolution of d with the kernel turned
// round: in and out channels exchanged, taps reversed. With larger strides that
// would multiply zeros mostly; see scatterPatches.
func convGradInput[T gemm.Float](d *device) run {
	return func(c *hal.Call) error {
		a := c.Attrs.(ops.ConvGradAttrs)
		dims, w, x := c.In[0].Shape, c.In[1].Shape, a.InShape
		o, cg, kh, kw := w[0]/a.Groups, w[1], w[2], w[3]
		if a.Stride != [2]int{1, 1} {
			scatterPatches(d, data[T](c.Out[0]), data[T](c.In[0]), data[T](c.In[1]), forwardPatches(a.ConvAttrs, x, w, dims), x[0], a.Groups, o)
			return nil
		}
		p := &patches{
			c: o, h: dims[2], w: dims[3], kh: kh, kw: kw, oh: x[2], ow: x[3],
			stride: [2]int{1, 1}, dilation: a.Dilation,
			top: a.Dilation[0]*(kh-1) - a.Pad[0], left: a.Dilation[1]*(kw-1) - a.Pad[2],
		}
		src := data[T](c.In[1])
		buf, err := d.Alloc(len(src) * c.In[1].DType.Size())
		if err != nil {
			return err
		}
		defer buf.Free()
		turned := dtype.Slice[T](hostdev.Bytes(buf))
		taps := kh * kw
		for g := range a.Groups {
			for i := range o {
				for j := range cg {
					from := src[((g*o+i)*cg+j)*taps:][:taps]
					to := turned[((g*cg+j)*o+i)*taps:][:taps]
					for k, v := range from {
						to[taps-1-k] = v
					}
				}
			}
		}
		convolve(d, data[T](c.Out[0]), data[T](c.In[0]), turned, p, x[0], a.Groups, cg, nil)
		return nil
	}
}

// columnBlock is about how many elements of the gradient of the patch matrix are
// held at a time.
const columnBlock = 1 << 18

// scatterPatches is the gradient for the image by way of that of its patches,
// wᵀ·dy, of which every row is added to the pixels its tap has seen.
func scatterPatches[T gemm.Float](d *device, dx, dy, w []T, p *patches, images, groups, o int) {
	clear(dx)
	rows, cols, taps := p.rows(), p.cols(), p.kh*p.kw
	if len(dx) == 0 || len(dy) == 0 || rows == 0 {
		return
	}
	block := min(max(columnBlock/(taps*cols), 1), p.c) // channels at a time
	d.workers.For(images*groups, func(i int) {
		s := takeScratch[T]()
		defer putScratch(s)
		img := dx[i*p.c*p.h*p.w:][:p.c*p.h*p.w]
		right := gemm.OperandOf[T]{Data: dy[i*o*cols:][:o*cols], Layout: gemm.RowMajor(cols)}
		for c0 := 0; c0 < p.c; c0 += block {
			n := min(block, p.c-c0) * taps
			left := gemm.OperandOf[T]{Data: w[i%groups*o*rows+c0*taps:], Layout: gemm.RowMajor(rows).T()}
			columns := grow(&s.result, n*cols)
			gemm.Gemm(d.gemm, n, cols, o, left, right, columns, cols, false, nil)
			for k := range n {
				c, kh, kw := p.tap(c0*taps + k)
				for oh := range p.oh {
					if ih, ok := p.row(kh, oh); ok {
						spreadLine(p, img[(c*p.h+ih)*p.w:][:p.w], columns[k*cols+oh*p.ow:][:p.ow], kw)
					}
				}
			}
		}
	})
}

// spreadLine adds an output row to the pixels that tap column kw sees, a stride
// apart: line the other way round.
func spreadLine[T gemm.Float](p *patches, row, src []T, kw int) {
	iw := kw*p.dilation[1] - p.left
	for _, v := range src {
		if iw >= 0 && iw < len(row) {
			row[iw] += v
		}
		iw += p.stride[1]
	}
}

// weightSlabs is how many parts the images are summed in: more than there are
// threads to share, few enough that adding the parts costs little.
const weightSlabs = 8

// convGradWeight sums, over the images, d [O, OH·OW] times the transposed
// patches. Every slab of images has a sum of its own; slabs are added in order.
func convGradWeight[T gemm.Float](d *device) run {
	return func(c *hal.Call) error {
		a := c.Attrs.(ops.ConvWeightAttrs)
		y, x, w := c.In[0].Shape, c.In[1].Shape, a.WShape
		p := forwardPatches(a.ConvAttrs, x, w, y)
		g, img, out := data[T](c.In[0]), data[T](c.In[1]), data[T](c.Out[0])
		images, groups, o := x[0], a.Groups, w[0]/a.Groups
		rows, cols := p.rows(), p.cols()
		clear(out)
		if len(out) == 0 || images*cols == 0 {
			return nil
		}
		matrix := p.matrix()
		slabs := min(weightSlabs, images)
		buf, err := d.Alloc((slabs - 1) * len(out) * c.Out[0].DType.Size())
		if err != nil {
			return err
		}
		defer buf.Free()
		parts := dtype.Slice[T](hostdev.Bytes(buf))
		part := func(s int) []T {
			if s == 0 {
				return out
			}
			return parts[(s-1)*len(out) : s*len(out)]
		}
		d.workers.For(slabs*groups, func(i int) {
			s, grp := i/groups, i%groups
			to := part(s)[grp*o*rows:][:o*rows]
			first := s * images / slabs
			for n := first; n < (s+1)*images/slabs; n++ {
				k := n*groups + grp
				dy, x := g[k*o*cols:][:o*cols], img[k*p.c*p.h*p.w:][:p.c*p.h*p.w]
				if p.depthwise(o) {
					if n == first {
						clear(to)
					}
					directWeight(d, p, to, dy, x)
					continue
				}
				right := gemm.OperandOf[T]{Pack: packTransposed(p, x)}
				if matrix {
					right = gemm.OperandOf[T]{Data: x, Layout: gemm.RowMajor(cols).T()}
				}
				gemm.Gemm(d.gemm, o, rows, cols, gemm.OperandOf[T]{Data: dy, Layout: gemm.RowMajor(cols)}, right,
					to, rows, n > first, nil)
			}
		})
		for s := 1; s < slabs; s++ {
			for i, v := range part(s) {
				out[i] += v
			}
		}
		return nil
	}
}
