package scalar_test

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/scalar"
)

// The oracle runs a program one value after the other, without a notion of time.
func Example() {
	cfg, err := arch.Preset("v4")
	if err != nil {
		panic(err)
	}
	p, err := isa.Assemble(strings.NewReader(".alloc x 0 512\nset row_bytes 8\nload tag=1 buf=x rows=1\nwait tag=1\nstore tag=2 buf=x mem=8 rows=1\nwait tag=2\nhalt\n"))
	if err != nil {
		panic(err)
	}
	s := scalar.New(cfg, []byte("creases.--------"), nil)
	if err := s.Run(p); err != nil {
		panic(err)
	}
	fmt.Println(string(s.HBM))
	// Output: creases.creases.
}
