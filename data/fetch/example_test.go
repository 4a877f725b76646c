package fetch_test

import (
	"fmt"

	"github.com/crease-ml/crease/data/fetch"
)

// A set is found by its name; nothing is downloaded before Get is called.
func ExampleFind() {
	_, err := fetch.Find("no-such-set")
	fmt.Println(err != nil, len(fetch.Sets) > 0)
	// Output: true true
}
