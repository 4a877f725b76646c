package nn

import "github.com/crease-ml/crease"

// Embedding is a table of vectors: whole numbers [...] become rows of W [n, dim].
type Embedding struct{ Weight *crease.Tensor }

// NewEmbedding draws n vectors from the normal distribution of deviation 1,
// PyTorch's default.
func NewEmbedding(n, dim int, opts ...crease.Option) *Embedding {
	return &Embedding{param(crease.RandNormal([]int{n, dim}, 0, 1, opts...))}
}

// Forward maps numbers [...] of type i32 or i64 to [..., dim].
func (l *Embedding) Forward(x *crease.Tensor) *crease.Tensor { return l.Weight.Take(0, x) }

// Visit names the table.
func (l *Embedding) Visit(v *Visitor) { v.Param("weight", l.Weight) }
