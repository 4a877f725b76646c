package data

import (
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
)

// Loader cuts samples into batches. Batch k is a function of the configuration
// and k alone. It is safe for concurrent use.
type Loader struct {
	arrays *Arrays
	c      LoaderConfig

	mu    sync.Mutex
	epoch int   // that order is for, -1 at first
	order []int // of the samples
}

// LoaderConfig says how samples become batches.
type LoaderConfig struct {
	Batch    int    // samples in a batch
	Shuffle  bool   // draw a new order for every epoch
	Seed     uint64 // of the orders
	DropLast bool   // leave out the last batch of an epoch when it is smaller
	Prefetch int    // batches made ahead by Batches; 0 stands for 2
}

// Batch is some samples.
type Batch struct {
	X []float32 // N samples
	Y []int64   // N classes
	N int
}

// NewLoader checks the configuration.
func NewLoader(a *Arrays, c LoaderConfig) (*Loader, error) {
	switch {
	case a.Len() == 0:
		return nil, fmt.Errorf("loader: there are no samples")
	case len(a.X) != a.Len()*a.Size():
		return nil, fmt.Errorf("loader: %d samples of %v make %d values, there are %d", a.Len(), a.Shape, a.Len()*a.Size(), len(a.X))
	case c.Batch < 1 || c.DropLast && c.Batch > a.Len():
		return nil, fmt.Errorf("loader: a batch of %d: want 1 to %d, the number of samples", c.Batch, a.Len())
	}
	if c.Prefetch == 0 {
		c.Prefetch = 2
	}
	return &Loader{arrays: a, c: c, epoch: -1}, nil
}

// Steps is the number of batches in an epoch.
func (l *Loader) Steps() int {
	if l.c.DropLast {
		return l.arrays.Len() / l.c.Batch
	}
	return (l.arrays.Len() + l.c.Batch - 1) / l.c.Batch
}

// At is batch number step, counted through all epochs.
func (l *Loader) At(step int) Batch {
	epoch, k := step/l.Steps(), step%l.Steps()
	lo, hi := k*l.c.Batch, min((k+1)*l.c.Batch, l.arrays.Len())
	size := l.arrays.Size()
	b := Batch{X: make([]float32, 0, (hi-lo)*size), Y: make([]int64, 0, hi-lo), N: hi - lo}
	order := l.orderOf(epoch)
	for i := lo; i < hi; i++ {
		s := i
		if order != nil {
			s = order[i]
		}
		b.X = append(b.X, l.arrays.X[s*size:(s+1)*size]...)
		b.Y = append(b.Y, l.arrays.Y[s])
	}
	return b
}

// orderOf is an epoch's order of the samples, nil for theirs.
func (l *Loader) orderOf(epoch int) []int {
	if !l.c.Shuffle {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch != epoch {
		l.epoch = epoch
		l.order = rand.New(rand.NewPCG(l.c.Seed, uint64(epoch))).Perm(l.arrays.Len())
	}
	return l.order
}

// Batches yields the batches from, from+1 ... to-1 with their numbers. They are
// made ahead by a goroutine, which ends with the loop or with ctx; when ctx is
// cancelled the loop ends early.
func (l *Loader) Batches(ctx context.Context, from, to int) iter.Seq2[int, Batch] {
	return func(yield func(int, Batch) bool) {
		ctx, stop := context.WithCancel(ctx)
		defer stop()
		ready := make(chan Batch, l.c.Prefetch)
		var worker sync.WaitGroup
		defer worker.Wait()
		defer stop()
		worker.Go(func() {
			defer close(ready)
			for k := from; k < to; k++ {
				select {
				case ready <- l.At(k):
				case <-ctx.Done():
					return
				}
			}
		})
		k := from
		for b := range ready {
			if ctx.Err() != nil || !yield(k, b) {
				return
			}
			k++
		}
	}
}
