package crease_test

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

// TestGenerated regenerates z_tensor.go from the op table and fails when the
// file differs. Run it with CREASE_GENERATE=1 to write the file.
func TestGenerated(t *testing.T) {
	code, err := format.Source(methods())
	if err != nil {
		t.Fatal(err)
	}
	generated(t, "z_tensor.go", code)
}

// TestDocs does the same for docs/ops.md.
func TestDocs(t *testing.T) { generated(t, "docs/ops.md", opsPage()) }

func generated(t *testing.T, name string, want []byte) {
	t.Helper()
	if os.Getenv("CREASE_GENERATE") != "" {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s does not follow from the op table (%v): run CREASE_GENERATE=1 go test -run 'TestGenerated|TestDocs' .", name, err)
	}
}

// opsPage describes every row.
func opsPage() []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Code generated from the op table by generate_test.go. DO NOT EDIT. -->\n\n# Ops\n\n" +
		"Every row of the op table. *Core* ops are what a backend should have kernels for, *composites* run by a\n" +
		"lowering to core ops where a backend has no kernel, *views* only change strides.\n")
	for _, kind := range []ops.Kind{ops.Core, ops.Composite, ops.View} {
		fmt.Fprintf(&b, "\n## %s\n\n| op | inputs | attributes | types | gradient | ONNX | what it computes |\n|---|---|---|---|---|---|---|\n", heading(kind))
		for _, op := range ops.All() {
			if op.Kind != kind {
				continue
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", op.Name, op.Inputs, attributes(op), types(op), gradientOf(op), op.ONNX, strings.ReplaceAll(op.Doc, "|", "\\|"))
		}
	}
	return b.Bytes()
}

func heading(k ops.Kind) string {
	s := k.String()
	return strings.ToUpper(s[:1]) + s[1:] + " ops"
}

func attributes(op *ops.Op) string {
	if op.Attrs == nil {
		return ""
	}
	var names []string
	for _, f := range reflect.VisibleFields(reflect.TypeOf(op.Attrs)) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
			names = append(names, tag)
		}
	}
	return strings.Join(names, " ")
}

// types names a set of element types in short.
func types(op *ops.Op) string {
	for _, set := range []struct {
		name  string
		types []dtype.Type
	}{
		{"all", ops.Stored}, {"all but f8", ops.Any}, {"numbers", ops.Numbers}, {"floats", ops.Floats},
		{"integers", ops.Ints}, {"bool", ops.Bools},
	} {
		if len(set.types) == len(op.Types) && slices.Equal(slices.Sorted(slices.Values(set.types)), slices.Sorted(slices.Values(op.Types))) {
			return set.name
		}
	}
	names := make([]string, len(op.Types))
	for i, t := range op.Types {
		names[i] = t.String()
	}
	return strings.Join(names, " ")
}

func gradientOf(op *ops.Op) string {
	switch {
	case op.Grad != nil:
		return "yes"
	case op.NoGrad != "":
		return "none: " + op.NoGrad
	}
	return "by lowering"
}

// methods writes a Tensor method for every row whose inputs are one or two
// tensors and whose attributes are none, reduction axes or one axis.
func methods() []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated from the op table by generate_test.go. DO NOT EDIT.\n\npackage crease\n\nimport \"github.com/crease-ml/crease/ops\"\n")
	for _, op := range ops.All() {
		name, first := camel(op.Name), ""
		if strings.HasSuffix(op.Name, "_grad") || op == ops.Where || op == ops.Copy || op == ops.MatMul {
			continue
		}
		doc := func(name, more string) {
			first = strings.ToLower(op.Doc[:1]) + op.Doc[1:]
			if len(op.Doc) > 1 && strings.ToUpper(op.Doc[:2]) == op.Doc[:2] {
				first = op.Doc
			}
			fmt.Fprintf(&b, "\n// %s is row %s: %s%s\n", name, op.Name, first, more)
		}
		inputs := strings.Fields(op.Inputs)
		switch op.Attrs.(type) {
		case nil:
			switch {
			case len(inputs) == 1:
				doc(name, "")
				fmt.Fprintf(&b, "func (t *Tensor) %s() *Tensor { return apply1(ops.%s, nil, t) }\n", name, name)
			case len(inputs) == 2:
				doc(name, "")
				fmt.Fprintf(&b, "func (t *Tensor) %s(y *Tensor) *Tensor { return apply1(ops.%s, nil, t, y) }\n", name, name)
			}
		case ops.ReduceAttrs:
			row := name
			if name == "Any" || name == "All" {
				row += "True"
			}
			doc(name, " Without axes, over all of them.")
			fmt.Fprintf(&b, "func (t *Tensor) %s(axes ...int) *Tensor { return apply1(ops.%s, ops.ReduceAttrs{Axes: axes}, t) }\n", name, row)
			fmt.Fprintf(&b, "\n// %sKeep is %s that keeps the reduced axes with size 1.\n", name, name)
			fmt.Fprintf(&b, "func (t *Tensor) %sKeep(axes ...int) *Tensor { return apply1(ops.%s, ops.ReduceAttrs{Axes: axes, Keep: true}, t) }\n", name, row)
		case ops.ArgAttrs:
			doc(name, "")
			fmt.Fprintf(&b, "func (t *Tensor) %s(axis int) *Tensor { return apply1(ops.%s, ops.ArgAttrs{Axis: axis}, t) }\n", name, name)
		case ops.AxisAttrs:
			doc(name, "")
			fmt.Fprintf(&b, "func (t *Tensor) %s(axis int) *Tensor { return apply1(ops.%s, ops.AxisAttrs{Axis: axis}, t) }\n", name, name)
		}
	}
	return b.Bytes()
}

// camel is the Go name of a row.
func camel(name string) string {
	if name == "is_nan" {
		return "IsNaN"
	}
	var b strings.Builder
	for _, part := range strings.Split(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
