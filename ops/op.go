package ops

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops/expr"
	"github.com/crease-ml/crease/shape"
)

// Kind says what a row asks of a backend.
type Kind uint8

// Kinds of op.
const (
	Core      Kind = iota // a backend should have a kernel for it
	View                  // metadata only: no kernel, no copy
	Composite             // lowers to core ops; a kernel is optional
)

func (k Kind) String() string { return [...]string{"core", "view", "composite"}[k] }

// Family groups core ops by the kernel that computes them.
type Family uint8

// Families.
const (
	NoFamily   Family = iota // views and composites
	Map                      // elementwise with NumPy broadcasting, from a scalar expression
	Reduce                   // over any axes
	CopyFamily               // full, iota, copy, cast, pad, concat
	GatherFamily
	ScatterFamily
	MatMulFamily
	Random
	Ordering // along one axis
)

func (f Family) String() string {
	return [...]string{"", "map", "reduce", "copy", "gather", "scatter", "matmul", "random", "ordering"}[f]
}

// Op is one row of the table: all that the project knows of an operation.
// Rows are declared in init functions, because rules refer to other rows.
type Op struct {
	Name   string // snake_case: the key of kernels, graph files and the command line
	GoName string // the variable that holds the row; left out, Name in camel case
	// Method is the Tensor method that is generated for the row; left out, GoName. "-"
	// is for none, where the method or function is written by hand.
	Method string
	// Internal rows serve the rules of other rows, as fused gradients do, or are made by
	// the compiler; they have no method.
	Internal bool

	Doc    string // what it computes, one or two sentences
	ONNX   string // the ONNX operator, "" when there is none
	Kind   Kind
	Family Family
	// Inputs names the inputs in order, "x w bias?": a trailing "?" marks an
	// optional one, a trailing "..." any number of the last one.
	Inputs string
	// Attrs is the zero value of the attribute struct, nil when there is none.
	Attrs any
	// Types are the element types of the first input (of the output, for an op
	// without inputs) that the row is defined on.
	Types []dtype.Type
	// Promotes says which inputs share a promoted element type. Left out, it is all
	// inputs of a row with an expression, and none of others.
	Promotes Promotion
	// Converts (optional) is the element type that callers (crease.Apply) cast the first
	// input to: sums count truth values, and any number is a truth value to any and all.
	Converts func(dtype.Type) dtype.Type

	// Infer is the shape and dtype rule. The arity and the first input's type
	// have been checked.
	Infer func(attrs any, in []Spec) ([]Spec, error)

	// Expr is the scalar expression of an elementwise op over the inputs x0,
	// x1 ... and the parameters p0, p1 ... that Params takes from the attributes.
	Expr   *expr.Node
	Params func(attrs any) []float64

	// Ref is the reference implementation in plain Go: float64 accumulation,
	// any element type, dense operands. Out is allocated and zero.
	Ref func(attrs any, in, out []Host)

	// View computes the result of a view op as a window on its input's memory.
	// False means that this view cannot be made without a copy.
	View func(attrs any, in hal.View) (hal.View, bool)

	// Lower computes the op by simpler ones.
	Lower func(b Builder, attrs any, in []Value) []Value

	// Fold (optional) is a value that exists already and that a call gives back
	// unchanged, to the bit, or nil.
	Fold func(c Call, k Known) Value
	// Absorb (optional) is the call that does what a call of this row does, and by, an
	// elementwise call with its result as operand at, after it. False where there is none.
	Absorb func(b Builder, c, by Call, at int) (Call, bool)

	// Window says that a view shows distinct elements of its input, in the same
	// positions whatever the elements are: its gradient may be added to the same view
	// of the input's gradient, in place of what Grad returns.
	Window bool

	// Grad returns the gradient for every input from those of the outputs. A
	// composite without one inherits the gradient of its lowering.
	Grad func(g *GradCall) []Value
	// NoGrad is the reason why the op has no gradient; asking for one is an error
	// that quotes it.
	NoGrad string
	// Saves names the values that Grad reads besides the output gradients;
	// anything else is released after the forward pass.
	Saves Saved

	// Cost is the arithmetic and the memory traffic of one call.
	Cost func(attrs any, in, out []Spec) Cost
	// Tol bounds the error of a kernel against Ref.
	Tol Tolerance
	// GradTol bounds the error of a gradient on a device against that of references. Left
	// out, it follows from Tol, see [Op.GradBound].
	GradTol Tolerance
	// Probe rows stand for many: a quick look at a device, as crease doctor takes, runs
	// their cases and no others.
	Probe bool
	// Cases are the inputs that tests and gradient checks use.
	Cases []Case
	// Bench says with which attributes and operands the op is measured at a size.
	// Rows with an expression, with ReduceAttrs and with ArgAttrs have one without
	// saying so. Nil means that the op is not measured.
	Bench func(s Size) Case

	// Moves says that results may be on another device than inputs: of what is recorded for
	// gradients and is no row of the table, such as Tensor.To.
	Moves bool

	made     *derived  // when the row is declared
	produces *producer // of FusedReduce
}

// derived is what is asked of a row in every call.
type derived struct {
	least, most int     // the arity
	types       typeSet // Types as a set
	attrCode            // of Attrs
}

// Saved is a set of inputs and outputs that a gradient needs.
type Saved uint32

// In is the set of the i-th input, Out that of the i-th output, i < 16.
func In(i ...int) (s Saved) {
	for _, i := range i {
		s |= 1 << i
	}
	return s
}

// Out is the set of the given outputs.
func Out(i ...int) Saved { return In(i...) << 16 }

// HasIn and HasOut test membership.
func (s Saved) HasIn(i int) bool  { return i < 16 && s>>i&1 == 1 }
func (s Saved) HasOut(i int) bool { return i < 16 && s>>(16+i)&1 == 1 }

// Cost of one call.
type Cost struct {
	Flops float64
	Bytes float64 // read plus written, each operand once
}

var table = map[string]*Op{}

// Get is the row of that name, or nil.
func Get(name string) *Op { return table[name] }

// All is every row, sorted by name.
func All() []*Op {
	all := make([]*Op, 0, len(table))
	for _, op := range table {
		all = append(all, op)
	}
	slices.SortFunc(all, func(a, b *Op) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// Declare adds a row and returns it. It is called from init functions; an
// incomplete or duplicate row panics, so no such binary starts.
func Declare(op Op) *Op {
	if op.Cost == nil {
		op.Cost = moveCost
	}
	if why := op.incomplete(); why != "" {
		panic(fmt.Sprintf("ops: row %q: %s", op.Name, why))
	}
	made, err := op.derive()
	if err != nil {
		panic(fmt.Sprintf("ops: row %q: %v", op.Name, err))
	}
	op.made = made
	if op.GradTol.ULP == 0 {
		op.GradTol.ULP = gradULP + 2*op.Tol.ULP
	}
	op.GradTol.Products = op.GradTol.Products || op.Tol.Products
	op.GoName = cmp.Or(op.GoName, camelCase(op.Name))
	if op.Bench == nil {
		op.Bench = derivedBench(&op)
	}
	if op.Promotes == 0 && op.Expr != nil {
		op.Promotes = PromoteFrom(0)
	}
	table[op.Name] = &op
	return &op
}

// derive works out what is asked of the row in every call.
func (op *Op) derive() (*derived, error) {
	d := &derived{}
	for _, name := range strings.Fields(op.Inputs) {
		if strings.HasSuffix(name, "...") {
			d.least, d.most = d.least+1, -1
			break
		}
		d.most++
		if !strings.HasSuffix(name, "?") {
			d.least++
		}
	}
	for _, t := range op.Types {
		d.types |= 1 << t
	}
	code, err := newAttrCode(op.Attrs)
	if err != nil {
		return nil, err
	}
	d.attrCode = *code
	return d, nil
}

// derived is what was worked out when the row was declared; a row that was not declared
// works it out every time.
func (op *Op) derived() *derived {
	if op.made != nil {
		return op.made
	}
	d, err := op.derive()
	if err != nil {
		panic("ops: row " + op.Name + ": " + err.Error())
	}
	return d
}

// typeSet has a bit for every element type.
type typeSet uint32

func (s typeSet) has(t dtype.Type) bool { return s>>t&1 == 1 }

func (op *Op) incomplete() string {
	switch {
	case slices.Contains(strings.Split(op.Name, "_"), "") || strings.ToLower(op.Name) != op.Name:
		return "the name must be snake_case"
	case table[op.Name] != nil:
		return "declared twice"
	case op.Doc == "":
		return "has no doc"
	case op.Infer == nil:
		return "has no shape rule"
	case op.Ref == nil:
		return "has no reference"
	case len(op.Types) == 0:
		return "names no element types"
	case op.Kind == Composite && op.Lower == nil:
		return "is a composite without a lowering"
	case op.Kind == View && op.View == nil:
		return "is a view without a view rule"
	case op.Kind == Core && op.Family == NoFamily:
		return "is a core op without a family"
	case op.Family == Map && op.Expr == nil:
		return "is a map without an expression"
	case op.Tol.Products && op.Tol.Depth == nil:
		return "adds up products and does not say how many (Tolerance.Depth)"
	case op.Grad != nil && op.NoGrad != "":
		return "has a gradient and a reason for having none"
	case op.Grad == nil && op.NoGrad == "" && op.Lower == nil:
		return "has no gradient, no lowering to inherit one from, and no reason"
	case len(op.Cases) == 0:
		return "has no test cases"
	}
	return ""
}

// MethodName is the name of the row's method on Tensor, "" for rows without one. The
// generator of methods leaves out rows whose attributes or inputs it has no form for.
func (op *Op) MethodName() string {
	if op.Internal || op.Method == "-" {
		return ""
	}
	return cmp.Or(op.Method, op.GoName)
}

// camelCase is the usual Go name of a row: "leaky_relu" is LeakyRelu.
func camelCase(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}

// Arity is the least and the most number of inputs; most is -1 for any number.
func (op *Op) Arity() (least, most int) {
	d := op.derived()
	return d.least, d.most
}

// Differentiable reports whether a gradient can be asked for.
func (op *Op) Differentiable() bool { return op.NoGrad == "" }

// Specs applies the shape and dtype rule: the specs of the outputs, or a
// *ShapeError, *DTypeError or *AttrError naming the op.
func (op *Op) Specs(attrs any, in []Spec) ([]Spec, error) {
	d := op.derived()
	if len(in) < d.least || d.most >= 0 && len(in) > d.most {
		return nil, &ShapeError{Op: op.Name, In: in, Rule: fmt.Sprintf("takes inputs %q, got %d", op.Inputs, len(in))}
	}
	if wordsOf(&attrs).typ != d.typ {
		return nil, &AttrError{Op: op.Name, Reason: fmt.Sprintf("attributes are %T, want %T", attrs, op.Attrs)}
	}
	if len(in) > 0 && !d.types.has(in[0].DType) {
		return nil, &DTypeError{Op: op.Name, In: in, Rule: "is not defined on " + in[0].DType.String()}
	}
	out, err := op.Infer(attrs, in)
	if err != nil {
		return nil, named(op.Name, in, err)
	}
	for _, s := range out {
		if _, err := shape.Bytes(s.DType, s.Shape); err != nil {
			return nil, &ShapeError{Op: op.Name, In: in, Rule: err.Error()}
		}
	}
	return out, nil
}

// Apply records or runs the op through a builder.
func (op *Op) Apply(b Builder, attrs any, in ...Value) []Value { return b.Apply(op, attrs, in...) }

// With applies an op that has attributes and one output.
func (op *Op) With(b Builder, attrs any, in ...Value) Value { return b.Apply(op, attrs, in...)[0] }

// Of applies an op that has no attributes and one output.
func (op *Op) Of(b Builder, in ...Value) Value { return b.Apply(op, nil, in...)[0] }
