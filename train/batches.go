package train

import (
	"context"
	"iter"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data"
)

// Batches yields the batches from, from+1 ... to-1 with their numbers, each as a
// function that puts its tensors on the device; the loop frees them. It ends early
// when ctx is cancelled.
type Batches func(ctx context.Context, from, to int) iter.Seq2[int, func() []*crease.Tensor]

// Each makes batches by a function of their number.
func Each(batch func(step int) []*crease.Tensor) Batches {
	return func(ctx context.Context, from, to int) iter.Seq2[int, func() []*crease.Tensor] {
		return func(yield func(int, func() []*crease.Tensor) bool) {
			for k := from; k < to && ctx.Err() == nil; k++ {
				if !yield(k, func() []*crease.Tensor { return batch(k) }) {
					return
				}
			}
		}
	}
}

// Labelled are the batches of a loader, made ahead by a goroutine: samples
// [N, dims...] and their classes [N].
func Labelled(l *data.Loader, dims []int, dev *crease.Device) Batches {
	return func(ctx context.Context, from, to int) iter.Seq2[int, func() []*crease.Tensor] {
		return func(yield func(int, func() []*crease.Tensor) bool) {
			for k, b := range l.Batches(ctx, from, to) {
				if !yield(k, func() []*crease.Tensor { return Upload(b, dims, dev) }) {
					return
				}
			}
		}
	}
}

// Upload is the samples [N, dims...] and the classes [N] of a batch.
func Upload(b data.Batch, dims []int, dev *crease.Device) []*crease.Tensor {
	on := crease.On(dev)
	return []*crease.Tensor{crease.From(b.X, append([]int{b.N}, dims...), on), crease.From(b.Y, []int{b.N}, on)}
}
