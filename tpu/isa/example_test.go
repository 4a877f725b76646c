package isa_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/crease-ml/crease/tpu/isa"
)

// A program's text is assembled, and written again.
func Example() {
	p, err := isa.Assemble(strings.NewReader(".alloc x 0 512\nset row_bytes 256\nload tag=1 buf=x rows=2\nwait tag=1\nhalt\n"))
	if err != nil {
		panic(err)
	}
	if err := isa.Disassemble(os.Stdout, p); err != nil {
		panic(err)
	}
	_, err = isa.Assemble(strings.NewReader("halt now"))
	fmt.Println(err != nil)
	// Output:
	// .alloc x 0x0 512
	// 	set row_bytes 256
	// 	load tag=1 rows=2
	// 	wait tag=1
	// 	halt
	// true
}
