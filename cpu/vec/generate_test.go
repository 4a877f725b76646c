//go:build !noasm

package vec

import (
	"testing"

	"github.com/crease-ml/crease/internal/regenerate"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	for _, level := range []string{"avx2", "avx512"} {
		t.Run(level, func(t *testing.T) { regenerate.Assembly(t, "vec", level, "-level", level) })
	}
}
