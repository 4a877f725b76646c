package exec_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/ops"
)

// greedy is a device in the middle of whose calls the garbage collector runs.
type greedy struct{ *bare }

func (d *greedy) NewStream() (hal.Stream, error) {
	s, err := d.bare.NewStream()
	return slow{s, d}, err
}

// slow is a stream on which a download lasts long.
type slow struct {
	hal.Stream
	d *greedy
}

func (s slow) Download(dst []byte, src hal.Buffer, off int) error {
	s.d.collect()
	return s.Stream.Download(dst, src, off)
}

// collect gives the collector, and the goroutine of its cleanups, time for all that
// nobody can reach any more, and writes over the memory that was freed.
func (d *bare) collect() {
	for range 3 {
		runtime.GC()
		time.Sleep(2 * time.Millisecond)
	}
	var again []hal.Buffer
	for range 64 {
		if b, err := d.Device.Alloc(24); err == nil {
			clear(hostdev.Bytes(b))
			again = append(again, b)
		}
	}
	for _, b := range again {
		b.Free()
	}
}

// An array that its caller has lost is not collected while the device still works on its
// memory: that would be handed out again, and hold something else.
func TestArraysOutliveTheirUse(t *testing.T) {
	d := &greedy{newBare()}
	d.Outer = d
	slowly := func(k *hal.Kernel) *hal.Kernel {
		work := k.Run
		k.Run = func(s hal.Stream, c *hal.Call) error {
			d.collect()
			return work(s, c)
		}
		return k
	}
	d.Kernels().Add(slowly(negate(hal.Dense, "neg")), slowly(copier()))
	e, err := exec.On(d)
	if err != nil {
		t.Fatal(err)
	}
	lost := func() *exec.Array { return upload(t, e, []int{2, 3}, 1, 2, 3, 4, 5, 6) }
	turned := func() *exec.Array {
		x := lost()
		defer x.Release() // the view keeps the memory
		return view(t, e, x, ops.Permute, ops.PermuteAttrs{Axes: []int{1, 0}})
	}
	holds(t, "a download", lost(), 1, 2, 3, 4, 5, 6)
	holds(t, "a strided download", turned(), 1, 4, 2, 5, 3, 6)
	holds(t, "an op", apply(e, ops.Neg, nil, lost()), -1, -2, -3, -4, -5, -6)
	holds(t, "an op on a view", apply(e, ops.Neg, nil, turned()), -1, -4, -2, -5, -3, -6)
	dst := lost()
	if err := e.Set(dst, apply(e, ops.Neg, nil, lost())); err != nil {
		t.Error(err)
	}
	holds(t, "an assignment", dst, -1, -2, -3, -4, -5, -6)
	dst = lost()
	if err := e.EvalInto(ops.Neg, nil, []*exec.Array{lost()}, []*exec.Array{dst}); err != nil {
		t.Error(err)
	}
	holds(t, "an op into memory", dst, -1, -2, -3, -4, -5, -6)
}
