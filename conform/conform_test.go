package conform_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/crease-ml/crease/conform"
	_ "github.com/crease-ml/crease/cpu"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

func TestCPU(t *testing.T) {
	vectors := false
	for _, name := range []string{"cpu/avx512", "cpu/avx2", "cpu/generic"} {
		t.Run(name, func(t *testing.T) {
			dev, err := hal.Open(name + "@threads=2")
			if err != nil {
				t.Skip(err)
			}
			vectors = vectors || name != "cpu/generic"
			conform.Run(t, dev)
		})
	}
	if strings.Contains(os.Getenv("CREASE_FLAGSHIP"), "cpu") && runtime.GOARCH == "amd64" && !vectors {
		t.Error("CREASE_FLAGSHIP asks for the processor, and it has no vector kernels here")
	}
}

func TestGradients(t *testing.T) {
	for _, op := range ops.All() {
		t.Run(op.Name, func(t *testing.T) {
			n := conform.GradCheck(t, op)
			if op.Differentiable() && n == 0 {
				t.Error("no case can be checked")
			}
		})
	}
}

func TestSecondGradients(t *testing.T) {
	for _, op := range ops.All() {
		t.Run(op.Name, func(t *testing.T) {
			n := conform.GradGradCheck(t, op)
			if op.Differentiable() && n == 0 {
				t.Error("no case can be checked")
			}
		})
	}
}

// Every core op must have a kernel on the processor for each of its types, and
// every composite one for float32, so that nothing runs slowly without notice.
func TestCPUHasKernels(t *testing.T) {
	dev, err := hal.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ops.All() {
		if op.Kind == ops.View {
			continue
		}
		if miss := conform.Missing(dev, op); len(miss) > 0 {
			t.Errorf("%s has no kernel for %v", op.Name, miss)
		}
	}
}

func TestAliases(t *testing.T) {
	for _, name := range []string{"cpu", "cpu/generic"} {
		t.Run(name, func(t *testing.T) {
			dev, err := hal.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			conform.Aliases(t, dev)
		})
	}
}
