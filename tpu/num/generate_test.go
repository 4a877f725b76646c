package num

import (
	"testing"

	"github.com/crease-ml/crease/internal/regenerate"
)

func TestGeneratedFilesAreCurrent(t *testing.T) { regenerate.Assembly(t, "num", "kernels") }
