package graph_test

import (
	"errors"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal"
)

// Wherever memory runs out while a function is recorded, compiled and run, the error comes
// back and nothing is kept.
func TestFailuresLeaveNoMemory(t *testing.T) {
	failures := 0
	for limit := 512; ; limit += 256 { // the smallest block; two hold what a call is given
		hd, err := hal.OpenNew("cpu@threads=1")
		if err != nil {
			t.Fatal(err)
		}
		hd.(interface{ Limit(bytes int) }).Limit(limit)
		dev, err := crease.Wrap(hd)
		if err != nil {
			t.Fatal(err)
		}
		before := 0
		err = crease.Try(func() {
			f, x := stateful(dev)
			before = dev.Memory().Buffers
			c := crease.Compile(f)
			defer c.Free()
			for range 2 {
				for _, r := range c.Call(x) {
					r.Free()
				}
			}
		})
		if now := dev.Memory().Buffers; now != before {
			t.Errorf("with %d bytes (%v), %d buffers are in use, %d before", limit, err, now, before)
		}
		dev.Close()
		switch {
		case err == nil:
			if failures < 5 {
				t.Errorf("only %d calls failed", failures)
			}
			return
		case !errors.Is(err, hal.ErrOutOfMemory):
			t.Errorf("with %d bytes: %v", limit, err)
		case limit > 1<<20:
			t.Fatal("a mebibyte is not enough")
		}
		failures++
	}
}

// stateful is a function with constants, a captured state, lowered and fused ops.
func stateful(dev *crease.Device) (f func(in ...*crease.Tensor) []*crease.Tensor, x *crease.Tensor) {
	on := crease.On(dev)
	x, s := crease.Full([]int{2, 2}, 3, on), crease.Full([]int{2, 2}, 2, on)
	return func(in ...*crease.Tensor) []*crease.Tensor {
		y := in[0].MatMul(s).Softmax(1).Add(crease.From([]float32{1, 2}, nil, on).Neg())
		s.Narrow(0, 0, 1).Assign(s.Narrow(0, 0, 1).MulScalar(2))
		return []*crease.Tensor{y, y.Sum(0).Tanh(), crease.Ones([]int{3}, on).MulScalar(2)}
	}, x
}
