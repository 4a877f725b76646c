package gemm

import (
	"sync"

	"github.com/crease-ml/crease/cpu/vec"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/parallel"
)

// Context says how to multiply: on which threads and with which kernels. It keeps
// the packing buffers between calls, so a product allocates nothing once buffers
// of its size exist. It may be used from several goroutines at once, and must not
// be copied. The zero Context is one thread of plain Go.
type Context struct {
	Pool  *parallel.Pool // nil runs everything on the caller
	Level cpufeat.Level  // unavailable levels fall back to plain Go

	jobs32 freeList[float32]
	jobs64 freeList[float64]
}

// NewContext returns a context for the pool and the kernels of a level.
func NewContext(pool *parallel.Pool, level cpufeat.Level) *Context {
	return &Context{Pool: pool, Level: level}
}

// freeList keeps jobs, and with them their buffers, for reuse.
type freeList[T Float] struct {
	mu   sync.Mutex
	jobs []*job[T]
}

// take returns a job ready for a product, with the buffers of an earlier one.
func take[T Float](ctx *Context) *job[T] {
	list := jobsOf[T](ctx)
	list.mu.Lock()
	var j *job[T]
	if n := len(list.jobs); n > 0 {
		j, list.jobs = list.jobs[n-1], list.jobs[:n-1]
	}
	list.mu.Unlock()
	if j == nil {
		j = new(job[T])
		j.packTask, j.tileTask, j.memberTask = j.pack, j.tile, j.member
	}
	if j.set == nil || j.level != ctx.Level {
		j.level, j.set, j.vec = ctx.Level, kernels[T](ctx.Level), vec.For(ctx.Level)
	}
	j.ctx = ctx
	return j
}

// put gives a job back, without the caller's memory.
func put[T Float](ctx *Context, j *job[T]) {
	j.product = product[T]{}
	j.ctx = nil
	list := jobsOf[T](ctx)
	list.mu.Lock()
	list.jobs = append(list.jobs, j)
	list.mu.Unlock()
}

func jobsOf[T Float](ctx *Context) *freeList[T] {
	if list, ok := any(&ctx.jobs32).(*freeList[T]); ok {
		return list
	}
	return any(&ctx.jobs64).(*freeList[T])
}
