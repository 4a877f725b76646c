package ops

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
)

// Call is an op with its attributes and operands.
type Call struct {
	Op    *Op
	Attrs any
	In    []Value
}

// Known is what is known of the values of a graph.
type Known interface {
	// Maker is the call that made a value; its Op is nil where there is none, and for a
	// value that has changed since.
	Maker(v Value) Call
	// Constant is the number that all elements of a value are, if it is known.
	Constant(v Value) (x float64, ok bool)
}

// undoes folds an op that undoes itself.
func undoes(c Call, k Known) Value {
	if m := k.Maker(c.In[0]); m.Op == c.Op {
		return m.In[0]
	}
	return nil
}

// neutral folds an op by a number that leaves the other operand as it is, to the bit, when
// it is operand i, for one of the places i. x+0 is none: it turns -0 into 0.
func neutral(x float64, places ...int) func(Call, Known) Value {
	return func(c Call, k Known) Value {
		for _, i := range places {
			if v, ok := k.Constant(c.In[i]); ok && v == x {
				return c.In[1-i]
			}
		}
		return nil
	}
}

// castFold folds casts to the same type, and there and back where nothing is lost.
func castFold(c Call, k Known) Value {
	from, to := c.In[0].Spec().DType, c.Attrs.(CastAttrs).DType
	if from == to {
		return c.In[0]
	}
	if m := k.Maker(c.In[0]); m.Op == Cast {
		if first := m.In[0].Spec().DType; first == to && lossless(first, from) {
			return m.In[0]
		}
	}
	return nil
}

// lossless reports whether every number of an element type is one of another.
func lossless(from, to dtype.Type) bool {
	switch {
	case from == dtype.Bool:
		return to != dtype.Bool
	case from.IsFloat() && to.IsFloat():
		return to == dtype.F64 || to == dtype.F32 && from != dtype.F64 ||
			(from == dtype.F8E4M3 || from == dtype.F8E5M2) && to == dtype.F16 || from == dtype.F8E5M2 && to == dtype.BF16
	case from.IsFloat():
		return false
	case to.IsFloat():
		bits := map[dtype.Type]int{dtype.F64: 53, dtype.F32: 24, dtype.F16: 11, dtype.BF16: 8}[to]
		return 8*from.Size() <= bits
	}
	wider := to.Size() > from.Size()
	return wider && (to.IsSigned() || from.IsUnsigned())
}

// linearAbsorb takes in the bias and then the activation.
func linearAbsorb(_ Builder, c, by Call, at int) (Call, bool) {
	a := c.Attrs.(LinearAttrs)
	switch act := activationOf(by.Op); {
	case a.Act != "":
		return c, false
	case act != "":
		c.Attrs = LinearAttrs{Act: act}
		return c, true
	case by.Op == Add && len(c.In) == 2:
		bias := by.In[1-at]
		if dims := bias.Spec().Shape; len(dims) == 1 && dims[0] == c.In[1].Spec().Shape[0] {
			c.In = append(slices.Clip(c.In), bias)
			return c, true
		}
	}
	return c, false
}

// convAbsorb takes in a bias with one number for a channel, [O, 1, 1] or [1, O, 1, 1],
// and then becomes a convolution with the activation.
func convAbsorb(b Builder, c, by Call, at int) (Call, bool) {
	if act := activationOf(by.Op); act != "" {
		c.Op, c.Attrs = Conv2dAct, ConvActAttrs{c.Attrs.(ConvAttrs), act}
		return c, true
	}
	if by.Op != Add || len(c.In) != 2 {
		return c, false
	}
	bias, o := by.In[1-at], c.In[1].Spec().Shape[0]
	dims := bias.Spec().Shape
	if len(dims) == 4 && dims[0] == 1 {
		dims = dims[1:]
	}
	if len(dims) != 3 || dims[0] != o || dims[1] != 1 || dims[2] != 1 {
		return c, false
	}
	c.In = append(slices.Clip(c.In), Reshaped(b, bias, o))
	return c, true
}
