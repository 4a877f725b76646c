package crease

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crease-ml/crease/ops"
)

// Einsum sums products of tensors by Einstein's convention, as torch.einsum and
// numpy.einsum: "ij,jk->ik" is the matrix product. A letter names an axis; axes of one
// letter have one size, or size 1, which repeats. A letter twice in one operand takes the
// diagonal. Letters that the result does not name are summed over; without "->" the result
// names those that occur once, in alphabetical order. "..." stands for any number of axes
// in front, which broadcast. Operands are contracted from the left to the right, each by one
// product of matrices.
func Einsum(equation string, in ...*Tensor) *Tensor {
	wantTensors("einsum", in)
	e, err := parseEinsum(equation, in)
	if err != nil {
		panic(&ops.ShapeError{Op: "einsum", In: ops.SpecsOf(in), Rule: fmt.Sprintf("%q: %v", equation, err)})
	}
	return Tidy1(func() *Tensor {
		acc := e.operand(0, in[0])
		for i := range in[1:] {
			acc = e.contract(acc, e.operand(i+1, in[i+1]), i+2)
		}
		return e.finish(acc)
	})
}

// einsum is a parsed equation: the letters of each operand's axes and of the result's.
// Axes behind "..." have letters of their own.
type einsum struct {
	in   [][]rune
	out  []rune
	size map[rune]int
}

// labelled is a tensor with a letter for every axis.
type labelled struct {
	*Tensor
	axes []rune
}

// hidden is the letter of the i-th axis from the end among those of "...".
func hidden(i int) rune { return 0xE000 + rune(i) }

func parseEinsum(equation string, in []*Tensor) (*einsum, error) {
	left, right, explicit := strings.Cut(strings.ReplaceAll(equation, " ", ""), "->")
	terms := strings.Split(left, ",")
	if len(terms) != len(in) {
		return nil, fmt.Errorf("%d operands are named and %d given", len(terms), len(in))
	}
	e, dots, count := &einsum{size: map[rune]int{}}, 0, map[rune]int{}
	for i, term := range terms {
		n := in[i].Rank() - len(strings.Replace(term, "...", "", 1))
		axes, has, err := letters(term, n)
		if err != nil {
			return nil, fmt.Errorf("operand %d: %w", i, err)
		}
		if has {
			dots = max(dots, n)
		}
		if len(axes) != in[i].Rank() {
			return nil, fmt.Errorf("operand %d has rank %d and %q names %d axes", i, in[i].Rank(), term, len(axes))
		}
		for k, r := range axes {
			n := in[i].Shape()[k]
			if old, ok := e.size[r]; ok && old != n && old != 1 && n != 1 {
				return nil, fmt.Errorf("operand %d has size %d where another axis of the same letter has %d", i, n, old)
			}
			if old, ok := e.size[r]; !ok || old == 1 {
				e.size[r] = n
			}
			count[r]++
		}
		e.in = append(e.in, axes)
	}
	if !explicit {
		for i := dots - 1; i >= 0; i-- {
			e.out = append(e.out, hidden(i))
		}
		var once []rune
		for r, n := range count {
			if n == 1 && r < hidden(0) {
				once = append(once, r)
			}
		}
		slices.Sort(once)
		e.out = append(e.out, once...)
		return e, nil
	}
	out, _, err := letters(right, dots)
	if err != nil {
		return nil, fmt.Errorf("the result: %w", err)
	}
	for i, r := range out {
		if count[r] == 0 {
			return nil, fmt.Errorf("the result names %q, which no operand has", r)
		}
		if slices.Contains(out[:i], r) {
			return nil, fmt.Errorf("the result names %q twice", r)
		}
	}
	e.out = out
	return e, nil
}

// letters reads a term whose "..." stands for n axes.
func letters(term string, n int) (axes []rune, dots bool, err error) {
	before, after, dots := strings.Cut(term, "...")
	for _, r := range before + after {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return nil, false, fmt.Errorf("%q is no letter of an axis", r)
		}
	}
	axes = []rune(before)
	if dots {
		if n < 0 {
			return nil, false, fmt.Errorf("%q names more axes than there are", term)
		}
		for i := n - 1; i >= 0; i-- {
			axes = append(axes, hidden(i))
		}
	}
	return append(axes, []rune(after)...), dots, nil
}

// operand takes the diagonals of letters that occur twice.
func (e *einsum) operand(i int, t *Tensor) labelled {
	x := labelled{t, slices.Clone(e.in[i])}
	for k := 0; k < len(x.axes); k++ {
		again := slices.Index(x.axes[k+1:], x.axes[k])
		if again < 0 {
			continue
		}
		r, first, second := x.axes[k], k, k+1+again
		var order []int
		for a := range x.axes {
			if a != first && a != second {
				order = append(order, a)
			}
		}
		x.axes = append(permuted(x.axes, order), r)
		x.Tensor = x.Permute(append(order, first, second)...).Diagonal(0)
		k = -1 // from the beginning
	}
	return x
}

// needed reports whether the result or an operand from the given one on has a letter.
func (e *einsum) needed(r rune, from int) bool {
	return slices.Contains(e.out, r) || slices.ContainsFunc(e.in[from:], func(axes []rune) bool { return slices.Contains(axes, r) })
}

// contract multiplies two operands and sums over what only they have.
func (e *einsum) contract(x, y labelled, next int) labelled {
	var batch, sum, left, right []rune
	x = x.summed(func(r rune) bool { return !slices.Contains(y.axes, r) && !e.needed(r, next) })
	y = y.summed(func(r rune) bool { return !slices.Contains(x.axes, r) && !e.needed(r, next) })
	for _, r := range x.axes {
		switch {
		case !slices.Contains(y.axes, r):
			left = append(left, r)
		case e.needed(r, next):
			batch = append(batch, r)
		default:
			sum = append(sum, r)
		}
	}
	for _, r := range y.axes {
		if !slices.Contains(x.axes, r) {
			right = append(right, r)
		}
	}
	out := slices.Concat(batch, left, right)
	if len(sum) == 0 {
		return labelled{x.arranged(out).Mul(y.arranged(out)), out}
	}
	shared := slices.Concat(batch, sum)
	a := x.widened(e, shared).arranged(slices.Concat(batch, left, sum))
	b := y.widened(e, shared).arranged(slices.Concat(batch, sum, right))
	lead := a.Shape()[:len(batch)]
	rows, cols := a.Shape()[len(batch):len(batch)+len(left)], b.Shape()[len(batch)+len(sum):]
	m, n, k := 1, 1, 1
	for _, d := range rows {
		m *= d
	}
	for _, d := range cols {
		n *= d
	}
	for _, r := range sum {
		k *= e.size[r]
	}
	z := a.Reshape(slices.Concat(lead, []int{m, k})...).MatMul(b.Reshape(slices.Concat(lead, []int{k, n})...))
	return labelled{z.Reshape(slices.Concat(lead, rows, cols)...), out}
}

// summed sums over the axes whose letters drop is true for.
func (x labelled) summed(drop func(rune) bool) labelled {
	var axes []int
	for i, r := range x.axes {
		if drop(r) {
			axes = append(axes, i)
		}
	}
	if axes == nil {
		return x
	}
	return labelled{x.Sum(axes...), slices.DeleteFunc(slices.Clone(x.axes), drop)}
}

// widened repeats axes of size 1 whose letter has another size elsewhere.
func (x labelled) widened(e *einsum, among []rune) labelled {
	dims := slices.Clone(x.Shape())
	for i, r := range x.axes {
		if slices.Contains(among, r) {
			dims[i] = e.size[r]
		}
	}
	if slices.Equal(dims, x.Shape()) {
		return x
	}
	return labelled{x.Expand(dims...), x.axes}
}

// arranged has its axes in the order of letters, with size 1 where it has none.
func (x labelled) arranged(order []rune) *Tensor {
	var axes, dims []int
	for _, r := range order {
		if i := slices.Index(x.axes, r); i >= 0 {
			axes, dims = append(axes, i), append(dims, x.Shape()[i])
		} else {
			dims = append(dims, 1)
		}
	}
	return x.Permute(axes...).Reshape(dims...)
}

// finish sums over the letters that the result does not have and orders its axes.
func (e *einsum) finish(x labelled) *Tensor {
	x = x.summed(func(r rune) bool { return !slices.Contains(e.out, r) })
	return x.widened(e, e.out).arranged(e.out)
}
