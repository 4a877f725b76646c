package cpu

import (
	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/ops"
)

// convGradInput is, with stride 1, a convolution of d with the kernel turned
// round: in and out channels exchanged, taps reversed. With larger strides that
// would multiply zeros mostly; see scattering.
func convGradInput[T gemm.Float](d *device) planner {
	return func(c *call) task {
		a := c.attrs.(ops.ConvGradAttrs)
		dy, kernel, dx := &c.in[0], &c.in[1], &c.out[0]
		dims, w, x := dy.Shape, kernel.Shape, a.InShape
		o, cg, kh, kw := w[0]/a.Groups, w[1], w[2], w[3]
		if a.Stride != [2]int{1, 1} {
			s := newScattering[T](d, forwardPatches(a.ConvAttrs, x, w, dims), x[0], a.Groups, o)
			return task{run: func([]byte) error {
				s.run(data[T](dx), data[T](dy), data[T](kernel))
				return nil
			}}
		}
		p := &patches{
			c: o, h: dims[2], w: dims[3], kh: kh, kw: kw, oh: x[2], ow: x[3],
			stride: [2]int{1, 1}, dilation: a.Dilation,
			top: a.Dilation[0]*(kh-1) - a.Pad[0], left: a.Dilation[1]*(kw-1) - a.Pad[2],
		}
		v := newConvolution[T](d, p, x[0], a.Groups, cg)
		return task{work: aligned(kernel.bytes), run: func(work []byte) error {
			turned := scratch[T](&work, kernel.n)
			turn(turned, data[T](kernel), a.Groups, o, cg, kh*kw)
			v.run(data[T](dx), data[T](dy), turned, nil)
			return nil
		}}
	}
}

// turn exchanges the channels of a kernel [groups, o, c, taps] and reverses its taps.
func turn[T gemm.Float](dst, src []T, groups, o, c, taps int) {
	for g := range groups {
		for i := range o {
			for j := range c {
				from := src[((g*o+i)*c+j)*taps:][:taps]
				to := dst[((g*c+j)*o+i)*taps:][:taps]
				for k, v := range from {
					to[taps-1-k] = v
				}
			}
		}
	}
}

// columnBlock is about how many elements of the gradient of the patch matrix are
// held at a time.
const columnBlock = 1 << 18

// scattering is the gradient for the image by way of that of its patches,
// wᵀ·dy, of which every row is added to the pixels its tap has seen.
type scattering[T gemm.Float] struct {
	d                 *device
	p                 *patches
	images, groups, o int
	body              func(i int)

	dx, dy, w []T // of the run
}

func newScattering[T gemm.Float](d *device, p *patches, images, groups, o int) *scattering[T] {
	s := &scattering[T]{d: d, p: p, images: images, groups: groups, o: o}
	s.body = s.image
	return s
}

func (s *scattering[T]) run(dx, dy, w []T) {
	clear(dx)
	if len(dx) == 0 || len(dy) == 0 || s.p.rows() == 0 {
		return
	}
	s.dx, s.dy, s.w = dx, dy, w
	s.d.workers.For(s.images*s.groups, s.body)
}

// image scatters one group of an image, some channels at a time.
func (s *scattering[T]) image(i int) {
	p := s.p
	rows, cols, taps := p.rows(), p.cols(), p.kh*p.kw
	block := min(max(columnBlock/(taps*cols), 1), p.c)
	img := s.dx[i*p.c*p.h*p.w:][:p.c*p.h*p.w]
	job := takeConv(p, img)
	defer job.put()
	right := gemm.OperandOf[T]{Data: s.dy[i*s.o*cols:][:s.o*cols], Layout: gemm.RowMajor(cols)}
	for c0 := 0; c0 < p.c; c0 += block {
		n := min(block, p.c-c0) * taps
		left := gemm.OperandOf[T]{Data: s.w[i%s.groups*s.o*rows+c0*taps:], Layout: gemm.RowMajor(rows).T()}
		columns := grow(&job.result, n*cols)
		gemm.Gemm(s.d.gemm, n, cols, s.o, left, right, columns, cols, false, nil)
		for k := range n {
			c, kh, kw := p.tap(c0*taps + k)
			for oh := range p.oh {
				if ih, ok := p.row(kh, oh); ok {
					spreadLine(p, img[(c*p.h+ih)*p.w:][:p.w], columns[k*cols+oh*p.ow:][:p.ow], kw)
				}
			}
		}
	}
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
