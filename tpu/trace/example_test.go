package trace_test

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/tpu/trace"
)

// A file that is no trace is an error.
func ExampleRead() {
	_, err := trace.Read(strings.NewReader("not a trace"))
	fmt.Println(err != nil)
	// Output: true
}
