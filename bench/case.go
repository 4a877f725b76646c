package bench

import (
	"fmt"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// Inputs returns the operands and attributes of an op at size n with elements of type t, as
// the op's row defines them; what a size means is documented at [ops.Size]. It is an error
// to ask for an op whose row defines none.
func Inputs(op *ops.Op, n int, t dtype.Type) (attrs any, in []ops.Arg, err error) {
	switch {
	case op.Bench != nil:
		c := op.Bench(ops.Size{N: n, DType: t})
		return c.Attrs, c.In, nil
	case op.Kind == ops.View:
		return nil, nil, fmt.Errorf("op %s has no benchmark: a view moves nothing", op.Name)
	}
	return nil, nil, fmt.Errorf("op %s has no benchmark: give its row a Bench", op.Name)
}
