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

// LoadOption says how a file may differ from a module.
type LoadOption func(*loading)

// loading is a file about to be read into tensors.
type loading struct {
	prefix  string
	foreign []string
	report  *StateError // where differences are reported, nil where they are an error
	cast    bool
}

// Partial loads what fits and leaves the rest of the module as it is. The names that the file
// or the module does not have, and the tensors of another shape, are written to report, which
// may not be nil.
func Partial(report *StateError) LoadOption { return func(l *loading) { l.report = report } }

// Casting converts floats to the element type that the module has, where the file has another:
// values that type does not hold are rounded.
func Casting() LoadOption { return func(l *loading) { l.cast = true } }

// Unpack assigns the tensors of a file that have the prefix to those of the same
// names. Of a tensor with several names the file has one, or more that are equal.
// Names in foreign may be in the file and are passed over. Nothing is changed
// unless all fits; otherwise it returns a *StateError.
func Unpack(f *safetensors.File, prefix string, list []Named, foreign ...string) error {
	l := loading{prefix: prefix, foreign: foreign}
	return l.unpack(f, list)
}

func (l *loading) unpack(f *safetensors.File, list []Named) error {
	found, bad := l.match(f, list)
	if bad.any() && l.report == nil {
		return &bad
	}
	if l.report != nil {
		*l.report = bad
	}
	return crease.Try(func() {
		for i, n := range list {
			if found[i].Name == "" {
				continue
			}
			crease.Tidy(func() []*crease.Tensor {
				h := ops.Host{Spec: ops.Spec{DType: found[i].DType, Shape: found[i].Shape}, Data: found[i].Data}
				n.Tensor.Assign(crease.FromHost(h, crease.On(n.Tensor.Device()), crease.As(n.Tensor.DType())))
				return nil
			})
		}
	})
}

// match finds the tensor of the file for every one of a list; it has no name where there is
// none, or none that fits.
func (l *loading) match(f *safetensors.File, list []Named) (found []safetensors.Tensor, bad StateError) {
	known := map[string]bool{}
	for _, name := range l.foreign {
		known[l.prefix+name] = true
	}
	found = make([]safetensors.Tensor, len(list))
	for i, n := range list {
		missing := true
		for _, name := range append([]string{n.Name}, n.Also...) {
			name = l.prefix + name
			known[name] = true
			t, ok := f.Get(name)
			if !ok {
				continue
			}
			missing = false
			got, want := (ops.Spec{DType: t.DType, Shape: t.Shape}), n.Tensor.Spec()
			if l.cast && t.DType.IsFloat() && want.DType.IsFloat() {
				got.DType = want.DType
			}
			switch from := found[i]; {
			case !got.Equal(want):
				bad.Wrong = append(bad.Wrong, fmt.Sprintf("%s is %s, the model has %s", name, ops.Spec{DType: t.DType, Shape: t.Shape}, want))
			case from.Name != "" && !bytes.Equal(t.Data, from.Data):
				bad.Wrong = append(bad.Wrong, fmt.Sprintf("%s differs from %s, the model has one tensor for both", name, from.Name))
			default:
				found[i] = t
			}
		}
		if missing {
			bad.Missing = append(bad.Missing, l.prefix+n.Name)
		}
	}
	unexpected := func(name, kind string) {
		if strings.HasPrefix(name, l.prefix) && !known[name] {
			bad.Unexpected = append(bad.Unexpected, name+kind)
		}
	}
	for _, t := range f.Tensors() {
		unexpected(t.Name, "")
	}
	for _, t := range f.Unreadable() {
		unexpected(t.Name, " (of the unknown element type "+t.Type+")")
	}
	return found, bad
}

func (e *StateError) any() bool { return e.Missing != nil || e.Unexpected != nil || e.Wrong != nil }

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
// same names (safetensors.torch.save_file of a state_dict). Without options the file must have
// exactly the tensors that the module has, in their types and shapes; a *StateError lists all
// that differs, and nothing is changed.
func Load(path string, m Module, opts ...LoadOption) error {
	f, err := safetensors.Open(path)
	if err != nil {
		return err
	}
	l := loading{foreign: Foreign(m)}
	for _, o := range opts {
		o(&l)
	}
	if err := l.unpack(f, State(m)); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// To moves everything that a module holds to a device, in place: optimisers and others that
// hold its tensors go on with the same ones. Gradients are dropped. It returns the module.
func To[M Module](m M, d *crease.Device) M {
	for _, n := range State(m) {
		n.Tensor.Move(d)
	}
	return m
}
