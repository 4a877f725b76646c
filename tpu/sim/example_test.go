package sim_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
)

// A core copies two rows through its buffer, and says how long that took.
func Example() {
	cfg, err := arch.Preset("v4")
	if err != nil {
		panic(err)
	}
	p, err := isa.Assemble(strings.NewReader(".alloc x 0 512\nset row_bytes 8\nload tag=1 buf=x rows=2\nwait tag=1\nstore tag=2 buf=x mem=64 rows=2\nwait tag=2\nhalt\n"))
	if err != nil {
		panic(err)
	}
	m, err := sim.New(cfg, sim.Options{})
	if err != nil {
		panic(err)
	}
	mem := sim.Memory{HBM: make([]byte, 128)}
	copy(mem.HBM, "sixteen letters!")
	r, err := m.Run(context.Background(), p, mem, sim.Fast)
	if err != nil {
		panic(err)
	}
	fmt.Println(string(mem.HBM[64:80]), r.Cycles > 0)
	// Output: sixteen letters! true
}
