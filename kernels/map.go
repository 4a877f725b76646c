package kernels

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// This file makes a kernel of every op row that has a scalar expression. It does so for any
// expression, which is how ops are fused: their expressions are substituted into each other.

// mapKey holds everything that the text of a map kernel depends on.
type mapKey struct {
	expr   *expr.Node
	class  class
	bools  int // bit i: input i is of truth values among numbers
	truth  bool
	rank   int // of the collapsed views, 0 where all are dense
	inputs int
	group  int
	items  int
}

// addMaps registers a kernel for every elementwise row.
func (l *Library) addMaps(r *hal.Registry) {
	for _, op := range ops.All() {
		if op.Expr == nil {
			continue
		}
		for _, t := range op.Types {
			if l.computes(classOf(t)) {
				r.Add(l.mapKernel(op, t))
			}
		}
	}
}

// mapTable is the name of the kernels of this file in tuning tables.
const mapTable = "map"

func (l *Library) mapKernel(op *ops.Op, t dtype.Type) *hal.Kernel {
	return &hal.Kernel{
		Key:  hal.Key{Op: op.Name, DType: t, Layout: hal.Free},
		Name: op.Name + "_" + t.String() + "_map", Priority: hal.Portable,
		Accepts: func(c *hal.Call) bool {
			return indexable(c) && l.computes(classOf(computedIn(c.In, c.Out[0]))) && l.tuned.of(mapTable, groupTune) <= l.caps.MaxGroup
		},
		Plan: func(c *hal.Call) (hal.Launch, error) {
			var params []float64
			if op.Params != nil {
				params = op.Params(c.Attrs)
			}
			all := windows(c)
			s, err := l.planMap(op.Name, op.Expr, params, all[len(c.In)], all[:len(c.In)])
			return launchOf(s, 0, always), err
		},
	}
}

// fusion identifies the kernel of a fused row in an element type.
type fusion struct {
	op *ops.Op
	t  dtype.Type
}

// Fuse returns the kernel of a fused row for operands of an element type, nil where the device
// does not compute in that type. Devices implement exec.Fuser by it.
func (l *Library) Fuse(op *ops.Op, t dtype.Type) *hal.Kernel {
	if !l.computes(classOf(t)) || op.Expr == nil { // a reduction reads what was stored
		return nil
	}
	if k, ok := l.fused.Load(fusion{op, t}); ok {
		return k.(*hal.Kernel)
	}
	k := l.mapKernel(op, dtype.Invalid) // of any first operand: it may be a truth value
	k.Name = op.Name + "_" + t.String() + "_map"
	v, _ := l.fused.LoadOrStore(fusion{op, t}, k)
	return v.(*hal.Kernel)
}

// computedIn returns the element type that an expression is computed in: that of the first
// operand that does not consist of truth values.
func computedIn(in []hal.View, out hal.View) dtype.Type {
	if len(in) == 0 {
		return out.DType
	}
	for _, v := range in {
		if v.DType != dtype.Bool {
			return v.DType
		}
	}
	return dtype.Bool
}

// planMap plans the step that evaluates an expression over windows of one shape. It returns
// no step where the shape has no elements.
func (l *Library) planMap(name string, e *expr.Node, params []float64, out window, in []window) ([]*step, error) {
	total := out.Elements()
	if total == 0 {
		return nil, nil
	}
	views := make([]hal.View, len(in))
	for i, w := range in {
		views[i] = w.View
	}
	t := computedIn(views, out.View)
	key := mapKey{expr: e, class: classOf(t), inputs: len(in), truth: out.DType == dtype.Bool && t != dtype.Bool}
	key.group, key.items = l.tuned.of(mapTable, groupTune), l.tuned.of(mapTable, itemsTune)
	strides, dense := [][]int{out.Strides}, out.Dense()
	for i, v := range in {
		strides, dense = append(strides, v.Strides), dense && v.Dense()
		if v.DType == dtype.Bool && t != dtype.Bool {
			key.bools |= 1 << i
		}
	}
	var dims []int
	if !dense {
		dims, strides = shape.Collapse(out.Shape, strides...)
		for key.rank = 2; key.rank < len(dims); key.rank *= 2 { // few texts serve all ranks
		}
	}
	p, err := l.get(key, func() (*source, error) { return mapSource(name, key, len(params)) })
	if err != nil {
		return nil, err
	}
	all := append([]window{out}, in...)
	w := &values{}
	args := header(w, func(i int) bool {
		if i == 0 {
			return key.class.coded() && !key.truth
		}
		return key.class.coded() && key.bools>>(i-1)&1 == 0
	}, all)
	w.int(total)
	w.int(int(t))
	if key.rank > 0 {
		for _, list := range append([][]int{dims}, strides...) {
			for range key.rank - len(list) {
				w.int(1) // an axis of one element in front, whatever its stride
			}
			for _, n := range list {
				w.int(n)
			}
		}
	}
	for _, v := range params {
		w.real(key.class, v, t)
	}
	return []*step{{
		program: p, groups: [3]int{ceil(total, key.group*key.items), 1, 1},
		values: w.done(), args: args, buffers: make([]hal.Buffer, len(args)),
	}}, nil
}

// mapSource returns the kernel that evaluates an expression.
func mapSource(name string, key mapKey, params int) (*source, error) {
	s := &source{name: fmt.Sprintf("%s_%s", name, key.class), class: key.class, group: [3]int{key.group, 1, 1},
		defines: [][2]string{{"ITEMS", fmt.Sprint(key.items)}, {"RANK", fmt.Sprint(key.rank)}}}
	out := buffer{name: "y", typ: "T", out: true}
	if key.truth {
		out.typ = "bool"
	}
	s.buffers = []buffer{out}
	for i := range key.inputs {
		b := buffer{name: fmt.Sprintf("a%d", i), typ: "T"}
		if key.bools>>i&1 == 1 {
			b.typ = "bool"
		}
		s.buffers = append(s.buffers, b)
	}
	s.fields = []field{{name: "total", typ: "int"}, {name: "T", typ: "int"}}
	if key.rank > 0 {
		s.fields = append(s.fields, field{"dims", "int", key.rank})
		for _, b := range s.buffers {
			s.fields = append(s.fields, field{b.name + "_s", "int", key.rank})
		}
	}
	for i := range params {
		s.fields = append(s.fields, field{name: fmt.Sprintf("p%d", i), typ: "real"})
	}
	code, err := render(key.expr, key.class, "result")
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString("\tOWN(i) {\n")
	at := func(string) string { return "i" }
	if key.rank > 0 {
		at = func(name string) string { return "i_" + name }
		for _, f := range s.buffers {
			fmt.Fprintf(&b, "\t\tint i_%s = 0;\n", f.name)
		}
		b.WriteString("\t\tint rest = i;\n\t\tfor (int d = RANK - 1; d >= 0; d--) {\n\t\t\tint q = rest / dims[d], at = rest - q * dims[d];\n\t\t\trest = q;\n")
		for _, f := range s.buffers {
			fmt.Fprintf(&b, "\t\t\ti_%s += at * %[1]s_s[d];\n", f.name)
		}
		b.WriteString("\t\t}\n")
	}
	for i := range key.inputs {
		fmt.Fprintf(&b, "\t\treal x%d = GET(a%[1]d, %s);\n", i, at(fmt.Sprintf("a%d", i)))
	}
	b.WriteString(code)
	fmt.Fprintf(&b, "\t\tSET(y, %s, result);\n\t}\n", at("y"))
	s.body = b.String()
	return s, nil
}
