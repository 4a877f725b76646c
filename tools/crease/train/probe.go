package train

import "math"

// probe is how well a linear classifier tells the classes of points apart: the
// accuracy of softmax regression, fitted on (x, y) and counted on (tx, ty). The
// points are flat rows of dim numbers. The fit is Newton's method on whitened
// coordinates, so that thin sheets are no harder than thick ones.
func probe(x []float32, y []int64, tx []float32, ty []int64, dim, classes int) float64 {
	mean, scale := standard(x, dim)
	w := fitSoftmax(x, y, mean, scale, dim, classes)
	hits := 0
	f := make([]float64, dim+1)
	for i, want := range ty {
		features(f, tx[i*dim:(i+1)*dim], mean, scale)
		best, at := math.Inf(-1), 0
		for c := range classes {
			if s := dot(w[c*(dim+1):(c+1)*(dim+1)], f); s > best {
				best, at = s, c
			}
		}
		if int64(at) == want {
			hits++
		}
	}
	return float64(hits) / float64(len(ty))
}

// standard is the mean of every coordinate and the inverse of the Cholesky
// factor of their covariance, by rows: scale·(x-mean) has unit covariance.
func standard(x []float32, dim int) (mean, scale []float64) {
	n := len(x) / dim
	mean = make([]float64, dim)
	for i, v := range x {
		mean[i%dim] += float64(v) / float64(n)
	}
	cov := make([]float64, dim*dim)
	for i := range n {
		for a := range dim {
			for b := range dim {
				cov[a*dim+b] += (float64(x[i*dim+a]) - mean[a]) * (float64(x[i*dim+b]) - mean[b]) / float64(n)
			}
		}
	}
	trace := 0.0
	for a := range dim {
		trace += cov[a*dim+a]
	}
	for a := range dim {
		cov[a*dim+a] += 1e-9*trace + 1e-30
	}
	cholesky(cov, dim)
	scale = make([]float64, dim*dim)
	for col := range dim {
		for row := col; row < dim; row++ {
			s := 0.0
			if row == col {
				s = 1
			}
			for k := col; k < row; k++ {
				s -= cov[row*dim+k] * scale[k*dim+col]
			}
			scale[row*dim+col] = s / cov[row*dim+row]
		}
	}
	return mean, scale
}

// features writes the whitened point and a 1 for the bias.
func features(f []float64, x []float32, mean, scale []float64) {
	dim := len(mean)
	for a := range dim {
		f[a] = 0
		for b := range a + 1 {
			f[a] += scale[a*dim+b] * (float64(x[b]) - mean[b])
		}
	}
	f[dim] = 1
}

// fitSoftmax minimises the mean cross entropy plus a small ridge, which bounds the
// weights when the classes can be separated.
func fitSoftmax(x []float32, y []int64, mean, scale []float64, dim, classes int) []float64 {
	const (
		ridge      = 1e-6
		iterations = 30
	)
	n, d := len(y), dim+1
	size := classes * d
	w := make([]float64, size)
	rows := make([]float64, n*d)
	for i := range n {
		features(rows[i*d:(i+1)*d], x[i*dim:(i+1)*dim], mean, scale)
	}
	p := make([]float64, classes)
	value := func(w []float64, visit func(f, p []float64, y int64)) float64 {
		total := 0.0
		for _, v := range w {
			total += ridge / 2 * v * v
		}
		for i := range n {
			f := rows[i*d : (i+1)*d]
			softmax(p, w, f)
			total -= math.Log(max(p[y[i]], 1e-300)) / float64(n)
			if visit != nil {
				visit(f, p, y[i])
			}
		}
		return total
	}
	grad, hess, step, next := make([]float64, size), make([]float64, size*size), make([]float64, size), make([]float64, size)
	for range iterations {
		clear(grad)
		clear(hess)
		old := value(w, func(f, p []float64, y int64) {
			for c := range classes {
				r := p[c]
				if int64(c) == y {
					r--
				}
				for a := range d {
					grad[c*d+a] += r * f[a] / float64(n)
				}
				for c2 := range c + 1 {
					h := -p[c] * p[c2]
					if c == c2 {
						h += p[c]
					}
					for a := range d {
						for b := range d {
							hess[(c*d+a)*size+c2*d+b] += h * f[a] * f[b] / float64(n)
						}
					}
				}
			}
		})
		for i := range size {
			grad[i] += ridge * w[i]
			for j := range i {
				hess[j*size+i] = hess[i*size+j]
			}
			hess[i*size+i] += ridge
		}
		cholesky(hess, size)
		copy(step, grad)
		solve(hess, step, size)
		// Halve the step until the loss falls; Newton's is too long far away.
		moved := false
		for t := 1.0; t > 1e-4; t /= 2 {
			for i := range next {
				next[i] = w[i] - t*step[i]
			}
			if value(next, nil) < old-1e-12 {
				copy(w, next)
				moved = true
				break
			}
		}
		if !moved {
			break
		}
	}
	return w
}

// softmax writes the class probabilities of a point.
func softmax(p, w, f []float64) {
	d, top := len(f), math.Inf(-1)
	for c := range p {
		p[c] = dot(w[c*d:(c+1)*d], f)
		top = max(top, p[c])
	}
	sum := 0.0
	for c := range p {
		p[c] = math.Exp(p[c] - top)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
}

func dot(a, b []float64) (s float64) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// cholesky replaces the lower triangle of a positive definite matrix by its
// Cholesky factor.
func cholesky(a []float64, n int) {
	for i := range n {
		for j := range i + 1 {
			s := a[i*n+j]
			for k := range j {
				s -= a[i*n+k] * a[j*n+k]
			}
			if i == j {
				a[i*n+i] = math.Sqrt(max(s, 1e-300))
			} else {
				a[i*n+j] = s / a[j*n+j]
			}
		}
	}
}

// solve replaces b by the solution of L·Lᵀ·x = b.
func solve(l, b []float64, n int) {
	for i := range n {
		for k := range i {
			b[i] -= l[i*n+k] * b[k]
		}
		b[i] /= l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			b[i] -= l[k*n+i] * b[k]
		}
		b[i] /= l[i*n+i]
	}
}
