package null_test

import (
	"fmt"

	"github.com/crease-ml/crease/hal/null"
)

// A device that computes nothing and remembers what it was asked for.
func Example() {
	d := null.New("null")
	defer d.Close()
	fmt.Println(d.Info().Kind, len(d.Calls()))
	// Output: null 0
}
