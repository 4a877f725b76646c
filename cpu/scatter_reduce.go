package cpu

import "github.com/crease-ml/crease/ops"

// scatterReduce meets elements with updates in the order of the indices, by one thread each
// as scatterAdd does.
func scatterReduce[T number](d *device) planner {
	return func(c *call) task {
		a := c.attrs.(ops.ScatterReduceAttrs)
		var meet func(have, v T) T
		switch a.Mode {
		case "mul":
			meet = func(have, v T) T { return have * v }
		case "max":
			meet = func(have, v T) T { return max(have, v) }
		case "min":
			meet = func(have, v T) T { return min(have, v) }
		}
		var dst, up []T
		begin := func() {
			dst, up = data[T](&c.out[0]), data[T](&c.in[2])
			copy(dst, data[T](&c.in[0]))
		}
		t := d.picks(ops.ScatterReduce, &c.in[0], newLongs(&c.in[1]), a.Axis, begin,
			func(list []int64, first, at, next, step int) {
				from, to := up[first:first+len(list)], dst[at:]
				for j, k := range list {
					p := j*next + int(k)*step
					to[p] = meet(to[p], from[j])
				}
			})
		t.inPlace = over(pair{0, 0})
		return t
	}
}
