package gemm

import (
	"fmt"
	"math"
)

// Sgemm computes C[m,n] = A[m,k]·B[k,n], or C += A·B if accumulate is set, then
// applies ep, which may be nil. Row i of C is c[i*ldc : i*ldc+n]; A and B lie in
// their slices under any layout with strides of 0 or more. C must not overlap A or
// B. With k = 0 the product is zero. It panics if a slice is too short.
func Sgemm(ctx *Context, m, n, k int, a []float32, la Layout, b []float32, lb Layout, c []float32, ldc int, accumulate bool, ep *Epilogue) {
	Gemm(ctx, m, n, k, Operand{Data: a, Layout: la}, Operand{Data: b, Layout: lb}, c, ldc, accumulate, ep)
}

// SgemmPacked is [Sgemm] for operands that may supply their own panels.
func SgemmPacked(ctx *Context, m, n, k int, a, b Operand, c []float32, ldc int, accumulate bool, ep *Epilogue) {
	Gemm(ctx, m, n, k, a, b, c, ldc, accumulate, ep)
}

// Dgemm is [Sgemm] in double precision.
func Dgemm(ctx *Context, m, n, k int, a []float64, la Layout, b []float64, lb Layout, c []float64, ldc int, accumulate bool, ep *EpilogueOf[float64]) {
	Gemm(ctx, m, n, k, OperandOf[float64]{Data: a, Layout: la}, OperandOf[float64]{Data: b, Layout: lb}, c, ldc, accumulate, ep)
}

// Gemm is [Sgemm] for either precision and any operands.
func Gemm[T Float](ctx *Context, m, n, k int, a, b OperandOf[T], c []T, ldc int, accumulate bool, ep *EpilogueOf[T]) {
	if !checkSizes(m, n, k, ldc) {
		return
	}
	if k > 0 {
		a.check("A", m, k)
		b.check("B", k, n)
	}
	checkExtent("C", len(c), m, n, Layout{RS: ldc, CS: 1})
	if ep != nil {
		ep.check(m, n)
	}
	j := take[T](ctx)
	// No defer: a job lost to a panicking packer costs an allocation, no more.
	j.multiply(product[T]{m: m, n: n, k: k, a: a, b: b, c: c, ldc: ldc, add: accumulate, ep: epilogue(ep)})
	put(ctx, j)
}

// Batched computes batch products of the same shape, member i reading
// a[i*strideA:] and b[i*strideB:] and writing c[i*strideC:]. A stride of 0 for A or
// B shares the operand; members of C must not overlap. Each member is the same to
// the bit as the single product.
func Batched[T Float](ctx *Context, batch, m, n, k int, a []T, la Layout, strideA int, b []T, lb Layout, strideB int, c []T, ldc, strideC int, accumulate bool, ep *EpilogueOf[T]) {
	if batch < 0 || strideA < 0 || strideB < 0 || strideC < 0 {
		panic(fmt.Sprintf("gemm: negative batch %d or batch stride %d, %d, %d", batch, strideA, strideB, strideC))
	}
	if !checkSizes(m, n, k, ldc) || batch == 0 {
		return
	}
	if k > 0 {
		checkMembers("A", len(a), batch, strideA, m, k, la)
		checkMembers("B", len(b), batch, strideB, k, n, lb)
	}
	checkMembers("C", len(c), batch, strideC, m, n, Layout{RS: ldc, CS: 1})
	if ep != nil {
		ep.check(m, n)
	}
	j := take[T](ctx)
	j.batch = product[T]{
		m: m, n: n, k: k, c: c, ldc: ldc, add: accumulate, ep: epilogue(ep),
		a: OperandOf[T]{Data: a, Layout: la}, b: OperandOf[T]{Data: b, Layout: lb},
	}
	j.strideA, j.strideB, j.strideC = strideA, strideB, strideC
	// With fewer members than threads, the threads share each member instead.
	if batch >= ctx.Pool.Threads() && float64(batch)*work(m, n, k) >= parallelWork {
		ctx.Pool.For(batch, j.memberTask)
	} else {
		for i := range batch {
			j.member(i)
		}
	}
	j.batch = product[T]{}
	put(ctx, j)
}

// member computes one product of a batch. Run by a pool's thread, its own use of
// the pool is nested and so stays on that thread.
func (j *job[T]) member(i int) {
	p := j.batch
	if p.k > 0 {
		p.a.Data = p.a.Data[i*j.strideA:]
		p.b.Data = p.b.Data[i*j.strideB:]
	}
	p.c = p.c[i*j.strideC:]
	single := take[T](j.ctx)
	single.multiply(p)
	put(j.ctx, single)
}

func epilogue[T Float](ep *EpilogueOf[T]) EpilogueOf[T] {
	if ep == nil {
		return EpilogueOf[T]{}
	}
	return *ep
}

// checkSizes reports whether there is anything to compute.
func checkSizes(m, n, k, ldc int) bool {
	if m < 0 || n < 0 || k < 0 {
		panic(fmt.Sprintf("gemm: negative size in %d×%d×%d", m, n, k))
	}
	if m == 0 || n == 0 {
		return false
	}
	if ldc < n && m > 1 {
		panic(fmt.Sprintf("gemm: row stride %d of C is less than its %d columns", ldc, n))
	}
	return true
}

func checkMembers(name string, have, batch, stride, rows, cols int, l Layout) {
	if batch > 1 && stride > math.MaxInt/(batch-1) || (batch-1)*stride > have {
		panic(fmt.Sprintf("gemm: operand %s holds %d elements, too few for %d members %d apart", name, have, batch, stride))
	}
	checkExtent(name, have-(batch-1)*stride, rows, cols, l)
}

// work is the number of multiply-adds, in floating point so that it cannot overflow.
func work(m, n, k int) float64 { return float64(m) * float64(n) * float64(k) }
