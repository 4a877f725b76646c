package picture

import "math"

type vec3 [3]float64

func (a vec3) dot(b vec3) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec3) minus(b vec3) vec3  { return vec3{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

func (a vec3) plus(b vec3, t float64) vec3 { return vec3{a[0] + t*b[0], a[1] + t*b[1], a[2] + t*b[2]} }

func (a vec3) cross(b vec3) vec3 {
	return vec3{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// unit is a of length 1, or the fallback where a is 0.
func (a vec3) unit(fallback vec3) vec3 {
	n := math.Sqrt(a.dot(a))
	if n < 1e-12 {
		return fallback
	}
	return vec3{a[0] / n, a[1] / n, a[2] / n}
}

type mat3 [3]vec3 // rows

func (m mat3) times(v vec3) vec3 { return vec3{m[0].dot(v), m[1].dot(v), m[2].dot(v)} }

// inverse by the adjugate.
func (m mat3) inverse() mat3 {
	a, b, c := m[1].cross(m[2]), m[2].cross(m[0]), m[0].cross(m[1])
	d := m[0].dot(a)
	return mat3{{a[0] / d, b[0] / d, c[0] / d}, {a[1] / d, b[1] / d, c[1] / d}, {a[2] / d, b[2] / d, c[2] / d}}
}

// view is a camera without a position: where it looks from and its axes.
type view struct{ centre, right, up, ahead vec3 }

// orient finds the plane in which the classes lie furthest apart for how far
// each spreads: the first two linear discriminants (Fisher 1936, Rao 1948), made
// perpendicular.
func orient(points []float32, y []int64) view {
	count := map[int64]float64{}
	means := map[int64]vec3{}
	var centre vec3
	n := float64(len(y))
	at := func(i int) vec3 {
		return vec3{float64(points[3*i]), float64(points[3*i+1]), float64(points[3*i+2])}
	}
	for i, c := range y {
		count[c]++
		means[c] = means[c].plus(at(i), 1)
		centre = centre.plus(at(i), 1/n)
	}
	var within, between mat3
	add := func(m *mat3, v vec3, w float64) {
		for r := range m {
			m[r] = m[r].plus(v, w*v[r])
		}
	}
	for i, c := range y {
		add(&within, at(i).minus(vec3{}.plus(means[c], 1/count[c])), 1/n)
	}
	// In the order of the classes: sums over a map would differ between runs.
	for c := range int64(len(count)) {
		if count[c] > 0 {
			add(&between, vec3{}.plus(means[c], 1/count[c]).minus(centre), count[c]/n)
		}
	}
	spread := within[0][0] + within[1][1] + within[2][2] + between[0][0] + between[1][1] + between[2][2]
	for r := range within {
		within[r][r] += 1e-6*spread + 1e-30
	}
	inv := within.inverse()
	first := leading(func(v vec3) vec3 { return inv.times(between.times(v)) }, vec3{1, 0.3, 0.2})
	second := leading(func(v vec3) vec3 {
		w := inv.times(between.times(v))
		return w.plus(first, -w.dot(first))
	}, vec3{0.2, 1, 0.3}.plus(first, -vec3{0.2, 1, 0.3}.dot(first)))
	second = second.plus(first, -second.dot(first)).unit(first.cross(vec3{0.6, 0.64, 0.48}).unit(vec3{0, 1, 0}))
	return view{centre, first, second, first.cross(second)}
}

// leading is the direction that a linear map stretches most, by the power method.
func leading(f func(vec3) vec3, start vec3) vec3 {
	v := start.unit(vec3{1, 0, 0})
	for range 200 {
		v = f(v).unit(v)
	}
	return v
}
