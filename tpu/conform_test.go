package tpu_test

import (
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
	_ "github.com/crease-ml/crease/tpu"
)

func TestConformance(t *testing.T) { conform.Run(t, conform.Open(t, "tpu:v2")) }

func TestContract(t *testing.T) { conform.Contract(t, conform.Driver{Name: "tpu:v3"}) }

func TestPrograms(t *testing.T) {
	dev := conform.Open(t, "tpu:v2")
	conform.Aliases(t, dev)
	conform.Programs(t, dev, 0, 200)
}

// Other arrays, dataflows and buffers compute the same: of these kernels every size of a
// tile, number of arrays and way to cut an operand is another program.
func TestOtherCores(t *testing.T) {
	rows := []*ops.Op{
		ops.MatMul, ops.Linear, ops.Conv2d, ops.Conv2dAct, ops.Conv2dGradInput, ops.Conv2dGradWeight, ops.MaxPool2d, ops.MaxPool2dGrad, ops.AvgPool2d,
		ops.Sum, ops.Argmax, ops.Add, ops.Where, ops.Softmax, ops.BatchNorm, ops.BatchNormGrad, ops.Gather, ops.ScatterAdd, ops.Take, ops.OneHot, ops.Pad, ops.Copy, ops.Dropout,
	}
	for _, name := range []string{
		"tpu:v4",
		"tpu:v6e",
		"tpu@rows=3,cols=5,ub=16k",
		"tpu@rows=4,cols=4,dataflow=os",
		"tpu@rows=7,cols=2,dataflow=os,ub=32k",
		"tpu@rows=8,cols=8,dataflow=is,bandwidth=10G",
		"tpu@rows=1,cols=1",
		"tpu:v1", // everything on the host
	} {
		t.Run(name, func(t *testing.T) {
			sel := conform.Selection{Ops: rows, Types: []dtype.Type{dtype.F32, dtype.BF16, dtype.Bool, dtype.I64}}
			if testing.Short() {
				sel.Types = sel.Types[:1]
			}
			sel.Run(t, open(t, name))
		})
	}
}

// A device that counts time alone keeps every promise but those about contents.
func TestContractWithoutValues(t *testing.T) {
	conform.Contract(t, conform.Driver{Name: "tpu:v4@values=off", NoContents: true})
}
