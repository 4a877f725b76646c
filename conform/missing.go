package conform

import (
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Missing lists the element types for which a device should have a kernel of the
// op and has none: all types of a core op, float32 for a composite.
func Missing(dev hal.Device, op *ops.Op) (types []dtype.Type) {
	for _, t := range op.Types {
		if op.Kind == ops.Composite && slices.Contains(op.Types, dtype.F32) && t != dtype.F32 {
			continue
		}
		if dev.Info().Supports(t) < hal.Arithmetic && op.Family != ops.CopyFamily {
			continue
		}
		found := false
		for _, k := range dev.Kernels().For(op.Name) {
			found = found || k.Enabled() && (k.Key.DType == t || k.Key.DType == dtype.Invalid)
		}
		if !found {
			types = append(types, t)
		}
	}
	return types
}
