package conform_test

import (
	"os"
	"strconv"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
)

// Random programs do the same compiled as eagerly. CREASE_FUZZ runs more of them, and
// CREASE_FUZZ_SEED others.
func TestPrograms(t *testing.T) {
	for name, n := range map[string]int{"cpu@threads=1": 20000, "cpu/generic": 2000} {
		t.Run(name, func(t *testing.T) {
			dev, err := hal.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if testing.Short() {
				n /= 20
			}
			conform.Programs(t, dev, setting(t, "CREASE_FUZZ_SEED", 0), setting(t, "CREASE_FUZZ", n))
		})
	}
}

func setting(t *testing.T, name string, n int) int {
	s := os.Getenv(name)
	if s == "" {
		return n
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
