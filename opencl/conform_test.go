package opencl_test

import (
	"os"
	"strings"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
	_ "github.com/crease-ml/crease/opencl"
)

// device is the first OpenCL device; without one the test is skipped, unless
// CREASE_FLAGSHIP asks for it.
func device(t *testing.T) hal.Device {
	t.Helper()
	dev, err := hal.Open("opencl")
	if err != nil {
		if strings.Contains(os.Getenv("CREASE_FLAGSHIP"), "opencl") {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	return dev
}

func TestConformance(t *testing.T) { conform.Run(t, device(t)) }
