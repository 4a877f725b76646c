package kernels

import (
	"strings"
	"testing"

	"github.com/crease-ml/crease/internal/devicec"
)

// Every program compiles to PTX by our own compiler, and none keeps an array in memory:
// register tiles are registers.
func TestPTX(t *testing.T) {
	list := programsOf(t, Caps{Dialect: CUDA, F64: true, MaxGroup: 1024, Local: 48 << 10, Tensor: 80})
	for _, p := range list {
		text, err := devicec.Compile(p.Source, devicec.Target{PTX: 70, SM: 80})
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
			continue
		}
		if !strings.Contains(text, ".entry "+p.Name+"(") {
			t.Errorf("%s: the entry point is missing", p.Name)
		}
		if strings.Contains(text, ".local") {
			t.Errorf("%s: an array of it lies in local memory", p.Name)
		}
	}
	t.Logf("%d programs", len(list))
}
