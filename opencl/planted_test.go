//go:build (linux || darwin) && (amd64 || arm64)

package opencl_test

import (
	"os"
	"strings"
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// TestPlantedMistakes runs, under the simulator, a kernel that turns groups of
// numbers round by way of local memory: as it should be, and with mistakes. Results
// are not looked at; TestSanitizer looks at the log.
func TestPlantedMistakes(t *testing.T) {
	if os.Getenv(sanitized) == "" {
		t.Skip("runs in TestSanitizer")
	}
	const right = "items[LID(0)] = GET(x, GID(0)); BARRIER(); SET(y, GID(0), items[GROUP0 - 1 - LID(0)]);"
	for name, body := range map[string]string{
		"right":   right,
		"barrier": strings.Replace(right, "BARRIER();", "", 1),
		"bounds":  strings.Replace(right, "SET(y, GID(0)", "SET(y, GID(0) + 64", 1),
	} {
		t.Run(name, func(t *testing.T) {
			dev := conform.Open(t, "opencl")
			s, err := dev.NewStream()
			if err != nil {
				t.Fatal(err)
			}
			var bufs []hal.Buffer
			for range 2 {
				b, err := dev.Alloc(256)
				if err != nil {
					t.Fatal(err)
				}
				defer b.Free()
				bufs = append(bufs, b)
			}
			if err := s.Upload(bufs[0], 0, make([]byte, 256)); err != nil {
				t.Fatal(err)
			}
			p := kernels.TestProgram(kernels.OpenCL, "turned", body, 8)
			if err := s.(kernels.Launcher).Run(p, [3]int{8, 1, 1}, bufs, make([]byte, p.Values)); err != nil {
				t.Fatal(err)
			}
			if err := s.Sync(); err != nil {
				t.Fatal(err)
			}
		})
	}
}
