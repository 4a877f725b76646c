package cpu

import (
	"errors"
	"testing"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func TestIndexKernels(t *testing.T) {
	checkKernels(t, ops.Take, ops.IndexAdd, ops.Gather, ops.ScatterAdd, ops.OneHot)
}

func TestIndexOutOfRange(t *testing.T) {
	d := devices(t)[0]
	x := place(t, d, mustHost(t, []int{3}, []float32{1, 2, 3}), false)
	for _, bad := range []int64{-1, 3} {
		c := &hal.Call{Op: "take", Attrs: ops.TakeAttrs{}, In: []hal.View{x, place(t, d, mustHost(t, []int{1}, []int64{bad}), false)},
			Out: []hal.View{place(t, d, mustHost(t, []int{1}, []float32{0}), false)}}
		var attr *ops.AttrError
		if err := d.kernels.Find(c).Run(nil, c); !errors.As(err, &attr) {
			t.Errorf("index %d: %v", bad, err)
		}
	}
}
