package hal_test

import (
	"fmt"

	"github.com/crease-ml/crease/hal"
)

// The grammar of device names: a kind, a number, an architecture, options.
func ExampleParseSpec() {
	s, err := hal.ParseSpec("cpu/avx2@threads=4")
	fmt.Println(s.Kind, s.Arch, s.Options["threads"], err)
	_, err = hal.ParseSpec("cpu@")
	fmt.Println(err != nil)
	// Output:
	// cpu avx2 4 <nil>
	// true
}
