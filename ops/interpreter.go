package ops

import "fmt"

// HostValue is a dense array in host memory as the Interpreter's kind of Value.
type HostValue struct{ Host Host }

// Spec is the element type and shape of the array.
func (v HostValue) Spec() Spec { return v.Host.Spec }

// Interpreter is a Builder that runs every op by its reference on HostValues.
// It needs no device and is as slow as plain loops in float64: use it to fold
// constants and as the oracle of kernels, lowerings and gradients.
type Interpreter struct{}

// Apply checks the inputs by the row's rule and runs its reference. It panics
// with a *UsageError, *ShapeError, *DTypeError or *AttrError on misuse.
func (Interpreter) Apply(op *Op, attrs any, in ...Value) []Value {
	CheckInputs(op, in)
	hosts := make([]Host, len(in))
	for i, v := range in {
		h, ok := v.(*HostValue)
		if !ok {
			panic(&UsageError{Op: op.Name, Reason: fmt.Sprintf("input %d is a %T, the interpreter takes values that it or Const made", i, v)})
		}
		hosts[i] = h.Host
	}
	specs, err := op.Specs(attrs, SpecsOf(in))
	if err != nil {
		panic(err)
	}
	results := make([]Host, len(specs))
	for i, s := range specs {
		results[i] = NewHost(s)
	}
	op.Ref(attrs, hosts, results)
	out := make([]Value, len(results))
	for i, h := range results {
		out[i] = &HostValue{h}
	}
	return out
}

// Const wraps an array without copying it.
func (Interpreter) Const(h Host) Value { return &HostValue{h} }
