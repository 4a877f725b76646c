package crease_test

import (
	"bytes"
	"fmt"
	"go/format"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
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

// Every method runs the row that it is named for. What it is called with are the
// operands that the row is measured with.
func TestMethodsRunTheirRows(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	tried := 0
	for _, op := range ops.All() {
		var axis []reflect.Value
		switch op.Attrs.(type) {
		case nil:
		case ops.ReduceAttrs, ops.ArgAttrs, ops.AxisAttrs:
			axis = []reflect.Value{reflect.ValueOf(1)} // that of benchmarks
		default:
			continue // written by hand
		}
		if op.MethodName() == "" || op.Bench == nil {
			continue
		}
		et := dtype.F32
		if types := op.BenchTypes(); !slices.Contains(types, et) {
			et = types[0]
		}
		c := op.Bench(ops.Size{N: 3, DType: et})
		var in []*crease.Tensor
		var call []reflect.Value
		for i, a := range c.In {
			in = append(in, crease.FromHost(a.Make(et, r)))
			if i > 0 {
				call = append(call, reflect.ValueOf(in[i]))
			}
		}
		method := reflect.ValueOf(in[0]).MethodByName(op.MethodName())
		if !method.IsValid() {
			t.Errorf("row %s has no method %s", op.Name, op.MethodName())
			continue
		}
		got := method.Call(append(call, axis...))[0].Interface().(*crease.Tensor).Host()
		want := crease.Apply(op, c.Attrs, in...)[0].Host()
		if !got.Spec.Equal(want.Spec) || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%s gives %s %v, row %s %s %v", op.MethodName(), got.Spec, got.Float64s(), op.Name, want.Spec, want.Float64s())
		}
		tried++
	}
	if tried < 50 {
		t.Errorf("only %d methods were tried: the walk is broken", tried)
	}
}

// TestDocs regenerates docs/ops.md as TestGenerated does z_tensor.go.
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

// methods writes a Tensor method for every row that wants one, if its inputs are one
// or two tensors and its attributes none, or its input is one tensor and its attributes
// are reduction axes or one axis. Methods of other forms are written by hand.
func methods() []byte {
	var b bytes.Buffer
	b.WriteString("// Code generated from the op table by generate_test.go. DO NOT EDIT.\n\npackage crease\n\nimport \"github.com/crease-ml/crease/ops\"\n")
	for _, op := range ops.All() {
		name := op.MethodName()
		if name == "" {
			continue
		}
		method := func(name, doc, params, args string) {
			fmt.Fprintf(&b, "\n// %s\nfunc (t *Tensor) %s(%s) *Tensor { return apply1(ops.%s, %s) }\n", doc, name, params, op.GoName, args)
		}
		doc := fmt.Sprintf("%s is row %s: %s", name, op.Name, sentence(op.Doc))
		inputs := len(strings.Fields(op.Inputs))
		if op.Attrs == nil && inputs == 2 {
			method(name, doc, "y *Tensor", "nil, t, y")
		}
		if inputs != 1 {
			continue
		}
		switch op.Attrs.(type) {
		case nil:
			method(name, doc, "", "nil, t")
		case ops.ReduceAttrs:
			method(name, doc+" Without axes, over all of them.", "axes ...int", "ops.ReduceAttrs{Axes: axes}, t")
			method(name+"Keep", fmt.Sprintf("%sKeep is %s that keeps the reduced axes with size 1.", name, name), "axes ...int", "ops.ReduceAttrs{Axes: axes, Keep: true}, t")
		case ops.ArgAttrs:
			method(name, doc, "axis int", "ops.ArgAttrs{Axis: axis}, t")
		case ops.AxisAttrs:
			method(name, doc, "axis int", "ops.AxisAttrs{Axis: axis}, t")
		}
	}
	return b.Bytes()
}

// sentence is a row's doc after a colon: its first letter is small unless it begins a
// word of capitals.
func sentence(doc string) string {
	if len(doc) > 1 && strings.ToUpper(doc[:2]) == doc[:2] {
		return doc
	}
	return strings.ToLower(doc[:1]) + doc[1:]
}
