package cpu

import (
	"testing"

	"github.com/crease-ml/crease/ops"
)

func TestMapKernels(t *testing.T) {
	var list []*ops.Op
	for _, op := range ops.All() {
		if op.Expr != nil {
			list = append(list, op)
		}
	}
	checkKernels(t, list...)
}
