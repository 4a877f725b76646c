package nn

import (
	"bytes"
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
	Wrong      []string // of another type or shape, or unequal where the model has one tensor
}

func (e *StateError) Error() string {
	var parts []string
	for _, p := range []struct {
		what string
		list []string
	}{{"missing", e.Missing}, {"not in the model", e.Unexpected}, {"not as in the model", e.Wrong}} {
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
// names. Of a tensor with several names the file has one, or more that are equal.
// Names in foreign may be in the file and are passed over. Nothing is changed
// unless all fits; otherwise it returns a *StateError.
func Unpack(f *safetensors.File, prefix string, list []Named, foreign ...string) error {
	var bad StateError
	known := map[string]bool{}
	for _, name := range foreign {
		known[prefix+name] = true
	}
	found := make([]safetensors.Tensor, len(list))
	for i, n := range list {
		from := ""
		for _, name := range append([]string{n.Name}, n.Also...) {
			name = prefix + name
			known[name] = true
			t, ok := f.Get(name)
			if !ok {
				continue
			}
			got, want := (ops.Spec{DType: t.DType, Shape: t.Shape}), n.Tensor.Spec()
			switch {
			case !got.Equal(want):
				bad.Wrong = append(bad.Wrong, fmt.Sprintf("%s is %s, the model has %s", name, got, want))
			case from != "" && !bytes.Equal(t.Data, found[i].Data):
				bad.Wrong = append(bad.Wrong, fmt.Sprintf("%s differs from %s, the model has one tensor for both", name, from))
			}
			found[i], from = t, name
		}
		if from == "" {
			bad.Missing = append(bad.Missing, prefix+n.Name)
		}
	}
	for _, t := range f.Tensors() {
		if strings.HasPrefix(t.Name, prefix) && !known[t.Name] {
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

// Foreign lists the names that state dictionaries of other programs may have and
// the module has no use for.
func Foreign(m Module) (names []string) {
	v := Visitor{foreign: func(name string) { names = append(names, name) }}
	v.visit(m)
	return names
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
	if err := Unpack(f, "", State(m), Foreign(m)...); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
