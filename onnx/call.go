package onnx

import (
	"fmt"
	"math"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// operator is a row of the importer's table: how nodes of an operator are computed.
type operator struct {
	key opKey
	run func(c *call) []ops.Value
}

// operators are all that crease has, by name. Files of operators add to it in their init
// functions.
var operators = map[opKey]*operator{}

// add declares an operator of the standard domain.
func add(name string, run func(c *call) []ops.Value) { addIn("", name, run) }

// add1 declares an operator of one output.
func add1(name string, run func(c *call) ops.Value) {
	add(name, func(c *call) []ops.Value { return []ops.Value{run(c)} })
}

func addIn(domain, name string, run func(c *call) []ops.Value) {
	k := opKey{domain, name}
	if operators[k] != nil {
		panic("onnx: operator " + k.String() + " is declared twice")
	}
	operators[k] = &operator{k, run}
}

// Operators are the names of the operators that crease has, sorted.
func Operators() []string {
	var names []string
	for k := range operators {
		names = append(names, k.String())
	}
	slices.Sort(names)
	return names
}

// call is one run of a node.
type call struct {
	f    *frame
	b    *builder
	n    *node
	in   []ops.Value
	read map[string]bool // attributes that were asked for
}

// version is the version of the operators that the node is of.
func (c *call) version() int { return int(c.n.version) }

// fail ends the node.
func (c *call) fail(format string, args ...any) {
	panic(&NodeError{c.n.label(), fmt.Errorf(format, args...)})
}

// AttributeError is an attribute, or a value of it, that crease does not do.
type AttributeError struct {
	Name   string
	Reason string
}

func (e *AttributeError) Error() string { return "attribute " + e.Name + " " + e.Reason }

// refuse ends the node because of an attribute.
func (c *call) refuse(name, format string, args ...any) {
	panic(&NodeError{c.n.label(), &AttributeError{name, fmt.Sprintf(format, args...)}})
}

// unread refuses attributes that the operator did not ask for: it would compute something
// else than the file says.
func (c *call) unread() {
	for _, a := range c.n.Attribute {
		if !c.read[a.Name] {
			c.refuse(a.Name, "is not one that crease knows")
		}
	}
}

// ignore marks attributes that change nothing here.
func (c *call) ignore(names ...string) {
	for _, name := range names {
		c.read[name] = true
	}
}

// has reports whether input i is given.
func (c *call) has(i int) bool { return i < len(c.in) && c.in[i] != nil }

// wants reports whether output i is asked for.
func (c *call) wants(i int) bool { return i < len(c.n.Output) && c.n.Output[i] != "" }

// value is input i, of any kind.
func (c *call) value(i int) ops.Value {
	if !c.has(i) {
		c.fail("input %d is missing", i)
	}
	return c.in[i]
}

// x is input i, a tensor of a type that crease computes with.
func (c *call) x(i int) ops.Value {
	v := c.value(i)
	if n, ok := v.(*narrow); ok {
		panic(&NodeError{c.n.label(), &TypeError{Elem: n.elem, What: fmt.Sprintf("input %d", i)}})
	}
	if _, ok := v.(*list); ok {
		c.fail("input %d is a sequence, want a tensor", i)
	}
	return v
}

// opt is input i, or nil.
func (c *call) opt(i int) ops.Value {
	if !c.has(i) {
		return nil
	}
	return c.x(i)
}

// all are the inputs, none missing.
func (c *call) all() []ops.Value {
	out := make([]ops.Value, len(c.in))
	for i := range c.in {
		out[i] = c.x(i)
	}
	return out
}

// host is the elements of input i.
func (c *call) host(i int) ops.Host { return c.b.host(c.x(i)) }

// numbers are the elements of input i, a vector or scalar of whole numbers.
func (c *call) numbers(i int) []int {
	h := c.host(i)
	if h.DType.IsFloat() || len(h.Shape) > 1 {
		c.fail("input %d is %v, want a vector of whole numbers", i, h.Spec)
	}
	out := make([]int, h.Elements())
	for j := range out {
		out[j] = int(h.Int(j))
	}
	return out
}

// floats are the elements of input i.
func (c *call) floats(i int) []float64 { return c.host(i).Float64s() }

// scalar is the only element of input i.
func (c *call) scalar(i int) float64 {
	h := c.host(i)
	if h.Elements() != 1 {
		c.fail("input %d is %v, want one element", i, h.Spec)
	}
	if !h.DType.IsFloat() {
		return float64(h.Int(0))
	}
	return h.At(0)
}

// attr is an attribute, or nil.
func (c *call) attr(name string) *pb.Attribute {
	c.read[name] = true
	for _, a := range c.n.Attribute {
		if a.Name != name {
			continue
		}
		if a.Ref != "" {
			return c.f.attrs[a.Ref] // nil: the call leaves it out
		}
		return a
	}
	return nil
}

func (c *call) typed(name string, types ...int32) *pb.Attribute {
	a := c.attr(name)
	if a != nil && a.Type != 0 && !slices.Contains(types, a.Type) {
		c.refuse(name, "is of the wrong type")
	}
	return a
}

func (c *call) int(name string, def int) int {
	if a := c.typed(name, pb.AttrInt); a != nil {
		return int(a.I)
	}
	return def
}

func (c *call) bool(name string) bool { return c.int(name, 0) != 0 }

func (c *call) float(name string, def float64) float64 {
	if a := c.typed(name, pb.AttrFloat); a != nil {
		return float64(a.F)
	}
	return def
}

func (c *call) string(name, def string) string {
	if a := c.typed(name, pb.AttrString); a != nil {
		return string(a.S)
	}
	return def
}

// oneOf is a string attribute with a fixed set of values.
func (c *call) oneOf(name, def string, allowed ...string) string {
	s := c.string(name, def)
	if s != def && !slices.Contains(allowed, s) {
		c.refuse(name, "is %q, which crease does not do", s)
	}
	return s
}

// ints is a list attribute, nil where it is not given.
func (c *call) ints(name string) []int {
	a := c.typed(name, pb.AttrInts)
	if a == nil {
		return nil
	}
	out := make([]int, len(a.Ints))
	for i, v := range a.Ints {
		out[i] = int(v)
	}
	return out
}

// intsOr fills in a list that is not given with n times a value.
func (c *call) intsOr(name string, n, value int) []int {
	list := c.ints(name)
	if list == nil {
		return slices.Repeat([]int{value}, n)
	}
	if len(list) != n {
		c.refuse(name, "has %d values, want %d", len(list), n)
	}
	return list
}

// axis is an attribute that names an axis of a rank.
func (c *call) axis(name string, def, rank int) int { return c.axisOf(c.int(name, def), rank) }

// axisOf counts an axis from the front.
func (c *call) axisOf(axis, rank int) int {
	a, err := shape.Axis(axis, rank)
	if err != nil {
		c.fail("%v", err)
	}
	return a
}

// axesOf counts axes from the front.
func (c *call) axesOf(axes []int, rank int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = c.axisOf(a, rank)
		if slices.Contains(out[:i], out[i]) {
			c.fail("axis %d is named twice", a)
		}
	}
	return out
}

// axesFrom are n axes from the first on.
func axesFrom(first, n int) []int {
	axes := make([]int, n)
	for i := range axes {
		axes[i] = first + i
	}
	return axes
}

// elem is an attribute that names an element type.
func (c *call) elem(name string, def Elem) Elem {
	e := Elem(c.int(name, int(def)))
	if e == Undefined {
		e = def
	}
	if e.DType() == dtype.Invalid {
		panic(&NodeError{c.n.label(), &TypeError{Elem: e}})
	}
	return e
}

// tensor is an attribute that is an array.
func (c *call) tensor(name string) ops.Value {
	a := c.typed(name, pb.AttrTensor)
	if a == nil || a.T == nil {
		return nil
	}
	return c.f.constant(a.T, c.n.label()+", attribute "+name)
}

// graph is an attribute that is a graph.
func (c *call) graph(name string) *graph {
	c.read[name] = true
	g := c.n.graphs[name]
	if g == nil {
		c.fail("it has no graph %q", name)
	}
	return g
}

// spec is that of input i.
func (c *call) spec(i int) ops.Spec { return c.x(i).Spec() }

// function runs a node that calls a function of the model.
func (c *call) function() []ops.Value {
	fn := c.n.body
	f := c.f.child(fn.graph)
	f.outer = nil
	f.attrs = map[string]*pb.Attribute{}
	for _, a := range fn.Default {
		f.attrs[a.Name] = a
	}
	for _, a := range c.n.Attribute {
		f.attrs[a.Name] = c.attr(a.Name)
	}
	in := map[string]ops.Value{}
	for i, name := range fn.Input {
		in[name] = nil
		if i < len(c.in) {
			in[name] = c.in[i]
		}
	}
	return f.run(in)
}

// clampInt keeps a number from a file inside what sizes can be.
func clampInt(v int) int { return min(max(v, math.MinInt32), math.MaxInt32) }
