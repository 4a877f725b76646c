package onnx

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/onnx/pb"
)

// tensorType declares a tensor; a nil shape leaves the rank open.
func tensorType(e Elem, dims []int) *pb.Type {
	t := &pb.TensorType{ElemType: int32(e)}
	if dims != nil {
		t.Shape = &pb.Shape{}
	}
	for _, n := range dims {
		t.Shape.Dim = append(t.Shape.Dim, &pb.Dimension{Value: int64(n), Known: n >= 0})
	}
	return &pb.Type{Tensor: t}
}

func declare(name string, e Elem, dims []int) *pb.ValueInfo {
	return &pb.ValueInfo{Name: name, Type: tensorType(e, dims)}
}

// modelOf reads a graph as a model of version 21.
func modelOf(g *pb.Graph, functions ...*pb.Function) (*Model, error) {
	sets := []*pb.OperatorSet{{Version: 21}, {Domain: "mine", Version: 1}}
	return Decode(pb.Marshal(&pb.Model{IRVersion: 10, OpsetImport: sets, Graph: g, Functions: functions}))
}

func nodeOf(op string, in, out string, attrs ...*pb.Attribute) *pb.Node {
	return &pb.Node{OpType: op, Input: strings.Split(in, " "), Output: strings.Split(out, " "), Attribute: attrs}
}

// A compiled session holds for the values of inputs that decide the graph, and for no
// others.
func TestStaticInputs(t *testing.T) {
	m, err := modelOf(&pb.Graph{
		Node: []*pb.Node{nodeOf("Reshape", "x s", "y"), nodeOf("If", "c", "z",
			&pb.Attribute{Name: "then_branch", Type: pb.AttrGraph, G: &pb.Graph{Node: []*pb.Node{nodeOf("Neg", "y", "a")}, Output: []*pb.ValueInfo{declare("a", Float32, nil)}}},
			&pb.Attribute{Name: "else_branch", Type: pb.AttrGraph, G: &pb.Graph{Node: []*pb.Node{nodeOf("Add", "y y", "b")}, Output: []*pb.ValueInfo{declare("b", Float32, nil)}}})},
		Input:  []*pb.ValueInfo{declare("x", Float32, nil), declare("s", Int64, []int{2}), declare("c", Bool, []int{})},
		Output: []*pb.ValueInfo{declare("z", Float32, nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	dev := cpu(t)
	s, err := NewSession(m, dev)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	on := crease.On(dev)
	for round := range 2 {
		for _, dims := range [][]int64{{2, 3}, {3, 2}} {
			for _, cond := range []bool{true, false} {
				x := crease.From([]float32{1, 2, 3, 4, 5, 6 + float32(round)}, nil, on)
				out, err := s.RunCompiled(Of(x), Of(crease.From(dims, nil, on)), Of(crease.From([]bool{cond}, []int{}, on)))
				if err != nil {
					t.Fatal(err)
				}
				y := out[0].Tensor
				want := 2 * float64(6+round)
				if cond {
					want = -float64(6 + round)
				}
				if got := y.Floats(); y.Dim(0) != int(dims[0]) || y.Dim(1) != int(dims[1]) || got[5] != want {
					t.Errorf("shape %v, condition %v: got %v %v", dims, cond, y.Shape(), got)
				}
			}
		}
	}
	if len(s.programs) != 4 {
		t.Errorf("%d recordings, want 4", len(s.programs))
	}
}

// A loop counts, carries and stacks; running it again and again holds no more memory.
func TestLoopAndMemory(t *testing.T) {
	one := &pb.Tensor{Name: "k", DataType: int32(Float32), Dims: []int64{4096}, RawData: make([]byte, 4*4096), HasRaw: true}
	body := &pb.Graph{
		Node: []*pb.Node{
			nodeOf("Cast", "i", "f", &pb.Attribute{Name: "to", Type: pb.AttrInt, I: int64(Float32)}),
			nodeOf("Add", "h f", "g"), nodeOf("Add", "g k", "h2"), nodeOf("Identity", "c", "c2"), nodeOf("ReduceMax", "h2", "top", attrInt("keepdims", 0)),
		},
		Initializer: []*pb.Tensor{one},
		Input:       []*pb.ValueInfo{declare("i", Int64, []int{}), declare("c", Bool, []int{}), declare("h", Float32, nil)},
		Output:      []*pb.ValueInfo{declare("c2", Bool, nil), declare("h2", Float32, nil), declare("top", Float32, nil)},
	}
	m, err := modelOf(&pb.Graph{
		Node:   []*pb.Node{{OpType: "Loop", Input: []string{"n", "", "x"}, Output: []string{"y", "tops"}, Attribute: []*pb.Attribute{{Name: "body", Type: pb.AttrGraph, G: body}}}},
		Input:  []*pb.ValueInfo{declare("n", Int64, []int{}), declare("x", Float32, []int{4096})},
		Output: []*pb.ValueInfo{declare("y", Float32, nil), declare("tops", Float32, nil)},
	})
	if err != nil {
		t.Fatal(err)
	}
	dev := cpu(t)
	s, err := NewSession(m, dev)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	x, n := crease.Zeros([]int{4096}, crease.On(dev)), crease.From([]int64{5}, []int{}, crease.On(dev))
	used := 0
	for i := range 40 {
		out, err := s.Run(Of(n), Of(x))
		if err != nil {
			t.Fatal(err)
		}
		if y, tops := out[0].Tensor.Floats(), out[1].Tensor.Floats(); y[7] != 10 || fmt.Sprint(tops) != "[0 1 3 6 10]" {
			t.Fatalf("got %v, %v", y[7], tops)
		}
		for _, v := range out {
			v.Free()
		}
		if i == 5 {
			used = dev.Memory().InUse
		}
	}
	if now := dev.Memory().InUse; now > used {
		t.Errorf("%d bytes are in use, %d were after the first runs", now, used)
	}
}

func TestFunctions(t *testing.T) {
	// scale(x) = a*x, with a from the call or 3.
	scale := &pb.Function{Name: "scale", Domain: "mine", Input: []string{"x"}, Output: []string{"y"},
		Default:     []*pb.Attribute{attrFloat("a", 3)},
		OpsetImport: []*pb.OperatorSet{{Version: 21}},
		Node: []*pb.Node{
			{OpType: "Constant", Output: []string{"k"}, Attribute: []*pb.Attribute{{Name: "value_float", Type: pb.AttrFloat, Ref: "a"}}},
			nodeOf("Mul", "x k", "y"),
		}}
	call := func(in, out string, attrs ...*pb.Attribute) *pb.Node {
		n := nodeOf("scale", in, out, attrs...)
		n.Domain = "mine"
		return n
	}
	graphOf := func(nodes ...*pb.Node) *pb.Graph {
		return &pb.Graph{Node: nodes, Input: []*pb.ValueInfo{declare("x", Float32, []int{1})}, Output: []*pb.ValueInfo{declare("z", Float32, nil)}}
	}
	m, err := modelOf(graphOf(call("x", "h"), call("h", "z", attrFloat("a", 5))), scale)
	if err != nil {
		t.Fatal(err)
	}
	dev := cpu(t)
	s, err := NewSession(m, dev)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(Of(crease.From([]float32{2}, nil, crease.On(dev))))
	if err != nil || out[0].Tensor.Item() != 30 {
		t.Errorf("got %v, %v, want 30", out, err)
	}
	// A function that calls itself, and functions that each call the one before twice.
	self := &pb.Function{Name: "scale", Domain: "mine", Input: []string{"x"}, Output: []string{"y"}, Node: []*pb.Node{call("x", "y")}}
	if _, err := modelOf(graphOf(call("x", "z")), self); err == nil || !strings.Contains(err.Error(), "calls itself") {
		t.Errorf("recursion: %v", err)
	}
	list := []*pb.Function{{Name: "scale", Domain: "mine", Input: []string{"x"}, Output: []string{"y"}, Node: []*pb.Node{nodeOf("Neg", "x", "y")}}}
	last := "scale"
	for i := range 40 {
		a, b := nodeOf(last, "x", "h"), nodeOf(last, "h", "y")
		a.Domain, b.Domain = "mine", "mine"
		last = fmt.Sprintf("f%d", i)
		list = append(list, &pb.Function{Name: last, Domain: "mine", Input: []string{"x"}, Output: []string{"y"}, Node: []*pb.Node{a, b}})
	}
	top := nodeOf(last, "x", "z")
	top.Domain = "mine"
	if _, err := modelOf(graphOf(top), list...); err == nil || !strings.Contains(err.Error(), "too many nodes") {
		t.Errorf("functions of functions: %v", err)
	}
}

func TestNodesThatCannotRun(t *testing.T) {
	run := func(n *pb.Node, dims []int) error {
		m, err := modelOf(&pb.Graph{Node: []*pb.Node{n}, Input: []*pb.ValueInfo{declare("x", Float32, dims)}, Output: []*pb.ValueInfo{declare("y", Float32, nil)}})
		if err != nil {
			return err
		}
		return runModel(m, cpu(t))
	}
	var attribute *AttributeError
	if err := run(nodeOf("Relu", "x", "y", attrInt("shiny", 1)), []int{2}); !errors.As(err, &attribute) || attribute.Name != "shiny" {
		t.Errorf("an unknown attribute: %v", err)
	}
	if err := run(nodeOf("Gelu", "x", "y", attrString("approximate", "roughly")), []int{2}); !errors.As(err, &attribute) {
		t.Errorf("an unknown value: %v", err)
	}
	var elem *TypeError
	if err := run(nodeOf("Cast", "x", "y", attrInt("to", int(String))), []int{2}); !errors.As(err, &elem) || elem.Elem != String {
		t.Errorf("a cast to strings: %v", err)
	}
	var node *NodeError
	if err := run(nodeOf("Transpose", "x", "y", attrInts("perm", 0, 0)), []int{2, 2}); !errors.As(err, &node) {
		t.Errorf("a bad permutation: %v", err)
	}
	if d := (dtype.F32); elemOf(d) != Float32 || elemOf(dtype.F8E4M3) != Float8E4M3FN {
		t.Error("element types are mixed up")
	}
}
