package cpu

import (
	"github.com/crease-ml/crease/cpu/gemm"
	"github.com/crease-ml/crease/ops"
)

// weightSlabs is how many parts the images are summed in: more than there are
// threads to share, few enough that adding the parts costs little.
const weightSlabs = 8

// weightSums is the gradient of a convolution for its kernel: the sum, over the images,
// of d [O, OH·OW] times the transposed patches. Every slab of images has a sum of its
// own; slabs are added in order.
type weightSums[T gemm.Float] struct {
	d                        *device
	p                        *patches
	images, groups, o, slabs int
	matrix, depthwise        bool
	body                     func(i int)

	g, img, out, parts []T // of the run
}

func convGradWeight[T gemm.Float](d *device) planner {
	return func(c *call) task {
		a := c.attrs.(ops.ConvWeightAttrs)
		y, x, w, out := &c.in[0], &c.in[1], a.WShape, &c.out[0]
		p := forwardPatches(a.ConvAttrs, x.Shape, w, y.Shape)
		s := &weightSums[T]{d: d, p: p, images: x.Shape[0], groups: a.Groups, o: w[0] / a.Groups, matrix: p.matrix()}
		s.depthwise = p.depthwise(s.o)
		s.slabs = min(weightSlabs, s.images)
		s.body = s.slab
		if out.n == 0 || s.images*p.cols() == 0 {
			return task{run: func([]byte) error {
				clear(out.memory())
				return nil
			}}
		}
		n := (s.slabs - 1) * out.n
		return task{work: aligned(n * out.DType.Size()), run: func(work []byte) error {
			s.g, s.img, s.out, s.parts = data[T](y), data[T](x), data[T](out), scratch[T](&work, n)
			s.run()
			return nil
		}}
	}
}

func (s *weightSums[T]) run() {
	s.d.workers.For(s.slabs*s.groups, s.body)
	for k := 1; k < s.slabs; k++ {
		for i, v := range s.part(k) {
			s.out[i] += v
		}
	}
}

// part is the sum of a slab: that of the first is the result.
func (s *weightSums[T]) part(slab int) []T {
	n := len(s.out)
	if slab == 0 {
		return s.out
	}
	return s.parts[(slab-1)*n : slab*n]
}

// slab sums one slab of images for one group.
func (s *weightSums[T]) slab(i int) {
	p, o, rows, cols := s.p, s.o, s.p.rows(), s.p.cols()
	slab, group := i/s.groups, i%s.groups
	to := s.part(slab)[group*o*rows:][:o*rows]
	first := slab * s.images / s.slabs
	if s.depthwise {
		clear(to)
	}
	for n := first; n < (slab+1)*s.images/s.slabs; n++ {
		k := n*s.groups + group
		dy, x := s.g[k*o*cols:][:o*cols], s.img[k*p.c*p.h*p.w:][:p.c*p.h*p.w]
		left := gemm.OperandOf[T]{Data: dy, Layout: gemm.RowMajor(cols)}
		switch {
		case s.depthwise:
			directWeight(s.d, p, to, dy, x)
		case s.matrix:
			gemm.Gemm(s.d.gemm, o, rows, cols, left, gemm.OperandOf[T]{Data: x, Layout: gemm.RowMajor(cols).T()}, to, rows, n > first, nil)
		default:
			job := takeConv(p, x)
			gemm.Gemm(s.d.gemm, o, rows, cols, left, gemm.OperandOf[T]{Pack: job.packTransposed}, to, rows, n > first, nil)
			job.put()
		}
	}
}
