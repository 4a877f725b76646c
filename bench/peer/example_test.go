package peer_test

import (
	"errors"
	"fmt"

	"github.com/crease-ml/crease/bench/peer"
)

// A library that others have is opened where it is installed, and its absence says what was
// looked for.
func Example() {
	blas, err := peer.OpenBLAS()
	var absent *peer.AbsentError
	switch {
	case errors.As(err, &absent):
		fmt.Println("not installed:", absent)
	case err != nil:
		fmt.Println(err)
	default:
		fmt.Printf("%T is there\n", blas)
	}
}
