//go:build (linux || darwin) && (amd64 || arm64)

package emulate_test

import (
	"testing"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/kernels/emulate"
)

func TestConformance(t *testing.T) {
	dev, err := emulate.New()
	if err != nil {
		t.Skip(err)
	}
	conform.Run(t, dev)
}
