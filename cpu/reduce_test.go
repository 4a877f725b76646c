package cpu

import (
	"testing"

	"github.com/crease-ml/crease/ops"
)

func TestReduceKernels(t *testing.T) {
	checkKernels(t, ops.Sum, ops.Prod, ops.Amax, ops.Amin, ops.Mean, ops.Var, ops.LogSumExp, ops.AnyTrue, ops.AllTrue, ops.Argmax, ops.Argmin)
}
