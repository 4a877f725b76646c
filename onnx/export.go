package onnx

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/crease-ml/crease"
	recorded "github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/nn"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// Versions that are written: what most runtimes read.
const (
	writtenIR    = 9
	writtenOpset = 20
)

// Export writes a module in its present mode as a model: nn.Eval it first for inference.
// x is an example of its input, whose shape the model has. Parameters and buffers become
// initializers of their names.
func Export(m nn.Module, x *crease.Tensor) (*Model, error) {
	names := map[*crease.Tensor]string{}
	for _, n := range nn.State(m) {
		names[n.Tensor] = n.Name
	}
	f := func(in ...*crease.Tensor) []*crease.Tensor { return []*crease.Tensor{m.Forward(in[0])} }
	return export(f, names, x)
}

// ExportFunc writes a function that could be compiled as a model; in are examples of its
// inputs. What it computes by rows that ONNX has no operator for is written as the simpler
// rows that these lower to. A row with neither is an *ExportError that lists all of them.
func ExportFunc(f func(in ...*crease.Tensor) []*crease.Tensor, in ...*crease.Tensor) (*Model, error) {
	return export(f, nil, in...)
}

// ExportError is a function that cannot be written.
type ExportError struct {
	Rows   []string // that ONNX has no operator for
	Reason string   // when rows are not the reason
}

func (e *ExportError) Error() string {
	if len(e.Rows) > 0 {
		return fmt.Sprintf("onnx: there are no operators for these rows: %v", e.Rows)
	}
	return "onnx: " + e.Reason
}

func export(f func(in ...*crease.Tensor) []*crease.Tensor, names map[*crease.Tensor]string, in ...*crease.Tensor) (*Model, error) {
	var m *Model
	var failed error
	err := try(func() {
		crease.NoGrad(func() {
			w := &writer{graph: &pb.Graph{Name: "crease"}, taken: map[string]bool{}, missing: map[string]bool{}}
			if failed = w.program(crease.Record(f, in...), names); failed == nil {
				m, failed = w.model()
			}
		})
	})
	return m, cmp.Or(err, failed)
}

// named is a value of the model that is being written.
type named struct {
	name string
	spec ops.Spec
	// row is the row it is another result of, when ONNX has no such result.
	row string
}

func (n *named) Spec() ops.Spec { return n.spec }

// writer makes nodes. It is a builder, so that the lowering of a row can write to it.
type writer struct {
	graph   *pb.Graph
	taken   map[string]bool
	missing map[string]bool
	count   int
}

func (w *writer) program(r *crease.Recording, names map[*crease.Tensor]string) error {
	values := map[*recorded.Value]ops.Value{}
	for i, v := range r.Inputs {
		name := w.fresh("input")
		if i == 0 && len(r.Inputs) == 1 {
			name = w.fresh("x")
		}
		w.graph.Input = append(w.graph.Input, valueInfo(name, v.Spec()))
		values[v] = &named{name: name, spec: v.Spec()}
	}
	for _, c := range r.Captures {
		values[c.Value] = w.initializer(cmp.Or(names[c.Tensor], "weight"), c.Tensor.Host())
	}
	for _, n := range r.Graph.Nodes() {
		switch n.Kind() {
		case recorded.Assign:
			return &ExportError{Reason: "the function changes a tensor: models of ONNX have no state"}
		case recorded.Const:
			h, _ := n.Host()
			values[n.Out()[0]] = w.Const(h)
		case recorded.Apply:
			in := make([]ops.Value, len(n.In()))
			for i, v := range n.In() {
				in[i] = values[v]
			}
			for i, v := range w.Apply(n.Op(), n.Attrs(), in...) {
				values[n.Out()[i]] = v
			}
		}
	}
	for _, v := range r.Results {
		y := w.Apply(ops.Copy, nil, values[v])[0].(*named) // an output has a name of its own
		w.graph.Output = append(w.graph.Output, valueInfo(y.name, y.spec))
	}
	if len(w.missing) > 0 {
		e := &ExportError{}
		for row := range w.missing {
			e.Rows = append(e.Rows, row)
		}
		slices.Sort(e.Rows)
		return e
	}
	return nil
}

// model checks what was written by reading it.
func (w *writer) model() (*Model, error) {
	p := &pb.Model{IRVersion: writtenIR, OpsetImport: []*pb.OperatorSet{{Version: writtenOpset}}, ProducerName: "crease", Graph: w.graph}
	m := &Model{proto: p}
	c := &checker{m: m}
	if err := c.model(); err != nil {
		return nil, err
	}
	return m, nil
}

// Apply writes a node, or what a row lowers to.
func (w *writer) Apply(op *ops.Op, attrs any, in ...ops.Value) []ops.Value {
	specs, err := op.Specs(attrs, ops.SpecsOf(in))
	if err != nil {
		panic(err)
	}
	for _, v := range in {
		if n := v.(*named); n.row != "" {
			panic(&NodeError{op.Name, &ExportError{Reason: "it uses a result of " + n.row + " that ONNX does not have"}})
		}
	}
	e := &emission{w: w, op: op, attrs: attrs, in: in, out: specs}
	if emit := emitters[op]; emit != nil {
		if out := emit(e); out != nil {
			return out
		}
	} else if op.ONNX != "" && op.Attrs == nil && len(specs) == 1 {
		return e.node(op.ONNX, in)
	}
	if op.Lower != nil {
		return op.Lower(w, attrs, in)
	}
	w.missing[op.Name] = true
	return e.others(0)
}

// Const writes an initializer.
func (w *writer) Const(h ops.Host) ops.Value { return w.initializer("const", h) }

func (w *writer) initializer(name string, h ops.Host) ops.Value {
	name = w.fresh(name)
	t := &pb.Tensor{Name: name, DataType: int32(elemOf(h.DType)), RawData: h.Data[:h.Bytes()], HasRaw: true}
	for _, n := range h.Shape {
		t.Dims = append(t.Dims, int64(n))
	}
	w.graph.Initializer = append(w.graph.Initializer, t)
	return &named{name: name, spec: h.Spec}
}

// fresh is a name that is not taken.
func (w *writer) fresh(base string) string {
	name := base
	for w.taken[name] {
		w.count++
		name = fmt.Sprintf("%s_%d", base, w.count)
	}
	w.taken[name] = true
	return name
}

func valueInfo(name string, s ops.Spec) *pb.ValueInfo {
	t := &pb.TensorType{ElemType: int32(elemOf(s.DType)), Shape: &pb.Shape{}}
	for _, n := range s.Shape {
		t.Shape.Dim = append(t.Shape.Dim, &pb.Dimension{Value: int64(n), Known: true})
	}
	return &pb.ValueInfo{Name: name, Type: &pb.Type{Tensor: t}}
}

// Marshal is the model as a file.
func (m *Model) Marshal() []byte { return pb.Marshal(m.proto) }
