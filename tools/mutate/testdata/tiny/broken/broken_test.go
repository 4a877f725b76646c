package broken

import "testing"

func TestOne(t *testing.T) {
	if One() != 2 {
		t.Error("1 is not 2")
	}
}
