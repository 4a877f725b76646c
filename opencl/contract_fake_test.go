//go:build linux && (amd64 || arm64)

package opencl

import (
	"os"
	"testing"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
)

// TestContractWithFake is the contract with a library that fails on demand and counts
// what is left alive.
func TestContractWithFake(t *testing.T) {
	withFake(t, "", func(t *testing.T) {
		handle, err := purego.Dlopen(os.Getenv("CREASE_OPENCL"), purego.RTLD_NOW)
		must(t, err)
		var set func(string)
		purego.RegisterLibFunc(&set, handle, "fakecl_set")
		c := of()
		c.Fail = func(s hal.Stream) {
			set("clFinish=-5,clWaitForEvents=-14")
			defer set("")
			_ = s.Sync()
		}
		conform.Contract(t, c)
	})
}
