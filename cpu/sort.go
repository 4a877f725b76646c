package cpu

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Sorting turns every element into an unsigned key whose order is the one asked for, and
// sorts pairs of key and position by radix. That is stable, and its time does not depend
// on the elements. The largest few of a line are kept in a heap instead.

func init() {
	declare(func(d *device) {
		orders(d, dtype.F32, 32, keys(floatKey))
		orders(d, dtype.F16, 32, keys(func(v uint16) uint32 { return floatKey(dtype.Float16(v).Float32()) }))
		orders(d, dtype.BF16, 32, keys(func(v uint16) uint32 { return floatKey(dtype.BFloat16(v).Float32()) }))
		orders(d, dtype.F64, 64, keys(doubleKey))
		orders(d, dtype.I64, 64, keys(func(v int64) uint64 { return uint64(v) ^ 1<<63 }))
		orders(d, dtype.U64, 64, keys(func(v uint64) uint64 { return v }))
		orders(d, dtype.I32, 32, keys(func(v int32) uint32 { return uint32(v) ^ 1<<31 }))
		orders(d, dtype.U32, 32, keys(func(v uint32) uint32 { return v }))
		orders(d, dtype.I16, 16, keys(func(v int16) uint32 { return uint32(uint16(v) ^ 1<<15) }))
		orders(d, dtype.U16, 16, keys(func(v uint16) uint32 { return uint32(v) }))
		orders(d, dtype.I8, 8, keys(func(v int8) uint32 { return uint32(uint8(v) ^ 1<<7) }))
		orders(d, dtype.U8, 8, keys(func(v uint8) uint32 { return uint32(v) }))
		orders(d, dtype.Bool, 8, keys(func(v uint8) uint32 { return uint32(v) }))
	})
}

// keying fills in the pairs of a line, whose elements lie step apart from the given one on.
// The bits of flip are turned in every key.
type keying[K sortKey] func(pairs []keyed[K], memory []byte, from, step int, flip K)

func keys[T number, K sortKey](key func(v T) K) keying[K] {
	return func(pairs []keyed[K], memory []byte, from, step int, flip K) {
		src := dtype.Slice[T](memory)
		for i := range pairs {
			pairs[i] = keyed[K]{key(src[from+i*step]) ^ flip, int64(i)}
		}
	}
}

// floatKey orders floats: zeros of both signs are equal, NaN is above all. Only what is
// rare branches, for signs cannot be predicted.
func floatKey(v float32) uint32 {
	b := math.Float32bits(v)
	if v != v {
		return math.MaxUint32
	}
	if v == 0 {
		b = 0
	}
	return b ^ (uint32(int32(b)>>31) | 1<<31)
}

// doubleKey is floatKey of a float64.
func doubleKey(v float64) uint64 {
	b := math.Float64bits(v)
	if v != v {
		return math.MaxUint64
	}
	if v == 0 {
		b = 0
	}
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

// sortKey is what elements are compared by.
type sortKey interface{ uint32 | uint64 }

// keyed is an element's key and its position in its line.
type keyed[K sortKey] struct {
	key K
	at  int64
}

// compare orders pairs by key, those of equal keys by position.
func (p keyed[K]) compare(q keyed[K]) int {
	return cmp.Or(cmp.Compare(p.key, q.key), cmp.Compare(p.at, q.at))
}

// chooser brings the pairs that a result has into its order. spare has room for as many.
type chooser[K sortKey] func(pairs, spare []keyed[K]) []keyed[K]

// orders registers the kernels of an element type, whose keys have the given number of
// bits.
func orders[K sortKey](d *device, t dtype.Type, bits int, key keying[K]) {
	o := &ordering[K]{d: d, key: key, move: mover(t.Size())}
	all := func(pairs, spare []keyed[K]) []keyed[K] { return radixSort(pairs, spare, bits) }
	d.addDense(ops.Argsort.Name, t, func(c *call) task {
		a := c.attrs.(ops.SortAttrs)
		return o.plan(&c.in[0], nil, &c.out[0], a.Axis, a.Descending, all)
	})
	d.addDense(ops.Sort.Name, t, func(c *call) task {
		a := c.attrs.(ops.SortAttrs)
		return o.plan(&c.in[0], &c.out[0], &c.out[1], a.Axis, a.Descending, all)
	})
	d.addDense(ops.TopK.Name, t, func(c *call) task {
		a := c.attrs.(ops.TopKAttrs)
		return o.plan(&c.in[0], &c.out[0], &c.out[1], a.Axis, a.Largest, func(pairs, spare []keyed[K]) []keyed[K] {
			if 8*a.K > len(pairs) {
				pairs = all(pairs, spare)[:a.K]
			} else {
				pairs = smallest(pairs, a.K)
				slices.SortFunc(pairs, keyed[K].compare)
			}
			if !a.Sorted {
				slices.SortFunc(pairs, func(p, q keyed[K]) int { return cmp.Compare(p.at, q.at) })
			}
			return pairs
		})
	})
}

// ordering makes tasks of an element type.
type ordering[K sortKey] struct {
	d    *device
	key  keying[K]
	move func(dst, src []byte, to, from int)
	pool sync.Pool // of *[2][]keyed[K]
}

// plan orders every line of x along an axis and writes what f chooses: elements to values,
// if it is given, and positions to at. Descending keys are the complements of ascending ones.
func (o *ordering[K]) plan(x, values, at *operand, axis int, descending bool, f chooser[K]) task {
	if at.n == 0 {
		return nothing
	}
	axis = axisOf(axis, len(x.Shape))
	n, k, inner := x.Shape[axis], at.Shape[axis], product(x.Shape[axis+1:])
	var flip K
	if descending {
		flip = ^flip
	}
	body := func(lo, hi int) {
		room, ok := o.pool.Get().(*[2][]keyed[K])
		if !ok {
			room = new([2][]keyed[K])
		}
		src, positions := x.memory(), data[int64](at)
		for line := lo; line < hi; line++ {
			from, to := line/inner*n*inner+line%inner, line/inner*k*inner+line%inner
			pairs := grow(&room[0], n)
			o.key(pairs, src, from, inner, flip)
			for i, p := range f(pairs, grow(&room[1], n)) {
				positions[to+i*inner] = p.at
				if values != nil {
					o.move(values.memory(), src, to+i*inner, from+int(p.at)*inner)
				}
			}
		}
		o.pool.Put(room)
	}
	return task{run: func([]byte) error {
		o.d.rows(x.n/n, 16*n, body)
		return nil
	}}
}

// mover copies an element of a size in bytes.
func mover(size int) func(dst, src []byte, to, from int) {
	switch size {
	case 1:
		return moveElement[uint8]
	case 2:
		return moveElement[uint16]
	case 4:
		return moveElement[uint32]
	}
	return moveElement[uint64]
}

func moveElement[T number](dst, src []byte, to, from int) {
	dtype.Slice[T](dst)[to] = dtype.Slice[T](src)[from]
}

// radixSort sorts pairs that lie in the order of their positions, byte by byte of the key
// from the lowest on. The result is one of the two slices.
func radixSort[K sortKey](pairs, spare []keyed[K], bits int) []keyed[K] {
	if len(pairs) < 64 {
		slices.SortFunc(pairs, keyed[K].compare)
		return pairs
	}
	for shift := 0; shift < bits; shift += 8 {
		var count [256]int
		for _, p := range pairs {
			count[uint8(p.key>>shift)]++
		}
		if count[uint8(pairs[0].key>>shift)] == len(pairs) {
			continue // the byte is the same in all keys
		}
		next := 0
		for b, n := range count {
			count[b], next = next, next+n
		}
		for _, p := range pairs {
			b := uint8(p.key >> shift)
			spare[count[b]] = p
			count[b]++
		}
		pairs, spare = spare, pairs
	}
	return pairs
}

// smallest moves the k first pairs by key and position to the front, in the order of a
// heap whose root is the last of them. The pairs lie in the order of their positions.
func smallest[K sortKey](pairs []keyed[K], k int) []keyed[K] {
	heap := pairs[:k]
	down := func(i int) {
		for {
			child := 2*i + 1
			if child >= k {
				return
			}
			if child+1 < k && heap[child].compare(heap[child+1]) < 0 {
				child++
			}
			if heap[i].compare(heap[child]) >= 0 {
				return
			}
			heap[i], heap[child] = heap[child], heap[i]
			i = child
		}
	}
	for i := k/2 - 1; i >= 0; i-- {
		down(i)
	}
	for _, p := range pairs[k:] {
		if k > 0 && p.key < heap[0].key {
			heap[0] = p
			down(0)
		}
	}
	return heap
}
