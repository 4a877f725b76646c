package nn

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/ops"
)

// StateError is a state dictionary that does not fit a module.
type StateError struct {
	Missing    []string // wanted and not in the file
	Unexpected []string // in the file and not wanted
	Wrong      []string // of another type or shape, with both
}

func (e *StateError) Error() string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"missing", e.Missing}, {"not in the model", e.Unexpected}, {"of another type or shape", e.Wrong}} {
		if len(p.list) > 0 {
			parts = append(parts, p.what+": "+strings.Join(p.list, ", "))
		}
	}
	return "the saved state does not fit: " + strings.Join(parts, "; ")
}

// Pack copies tensors to host memory for a safetensors file, with a prefix to
// their names.
func Pack(prefix string, list []Named) []safetensors.Tensor {
	out := make([]safetensors.Tensor, len(list))
	for i, n := range list {
		h := n.Tensor.Host()
		out[i] = safetensors.Tensor{Name: prefix + n.Name, DType: h.DType, Shape: h.Shape, Data: h.Data}
	}
	return out
}

// Unpack assigns the tensors of a file that have the prefix to those of the same
// names. Nothing is changed unless all of them fit; otherwise it returns a
// *StateError.
func Unpack(f *safetensors.File, prefix string, list []Named) error {
	var bad StateError
	wanted := map[string]bool{}
	found := make([]safetensors.Tensor, len(list))
	for i, n := range list {
		wanted[prefix+n.Name] = true
		t, ok := f.Get(prefix + n.Name)
		want := n.Tensor.Spec()
		switch got := (ops.Spec{DType: t.DType, Shape: t.Shape}); {
		case !ok:
			bad.Missing = append(bad.Missing, prefix+n.Name)
		case !got.Equal(want):
			bad.Wrong = append(bad.Wrong, fmt.Sprintf("%s is %s, the model has %s", prefix+n.Name, got, want))
		}
		found[i] = t
	}
	for _, t := range f.Tensors() {
		if strings.HasPrefix(t.Name, prefix) && !wanted[t.Name] {
			bad.Unexpected = append(bad.Unexpected, t.Name)
		}
	}
	if bad.Missing != nil || bad.Unexpected != nil || bad.Wrong != nil {
		return &bad
	}
	return crease.Try(func() {
		for i, n := range list {
			crease.Tidy(func() []*crease.Tensor {
				h := ops.Host{Spec: n.Tensor.Spec(), Data: found[i].Data}
				n.Tensor.Assign(crease.FromHost(h, crease.On(n.Tensor.Device())))
				return nil
			})
		}
	})
}

// Save writes parameters and buffers to a safetensors file. The file appears
// whole or not at all.
func Save(path string, m Module) error {
	return safetensors.Save(path, Pack("", State(m)), nil)
}

// Load reads parameters and buffers written by Save, or by PyTorch under the
// same names.
func Load(path string, m Module) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	if err := Unpack(f, "", State(m)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
