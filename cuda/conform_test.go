package cuda

import (
	"os"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

const emulated = "cuda@emulate"

// TestConformance runs every row in float32, and those that are not elementwise in a type
// of another class; with CREASE_CONFORM=all every row in every type.
func TestConformance(t *testing.T) {
	dev := conform.Open(t, emulated)
	if os.Getenv("CREASE_CONFORM") == "all" {
		conform.Run(t, dev)
		return
	}
	var maps, others []*ops.Op
	for _, op := range ops.All() {
		if op.Expr != nil {
			maps = append(maps, op)
		} else {
			others = append(others, op)
		}
	}
	conform.Selection{Ops: maps, Types: []dtype.Type{dtype.F32, dtype.Bool}}.Run(t, dev)
	conform.Selection{Ops: others, Types: []dtype.Type{dtype.F32, dtype.F16}}.Run(t, dev)
}
