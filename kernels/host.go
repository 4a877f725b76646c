package kernels

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// The right-hand sides of directives are Go expressions over a call: they size
// grids and fill in values. The names are those of the kernel's operands, of the
// attributes (as in JSON), and of lets, values and constants written before.
//
//	dim(x, i)       size of axis i of an operand, negative i from the end
//	count(x)        its number of elements
//	rank(x)         its number of axes
//	shape(x)        the sizes of all axes
//	dense(x)        whether it is row-major without gaps
//	out_x           whether the operand x is a result
//	has(x)          whether an optional operand is given
//	prod(x, i, j)   product of the sizes of axes i to j-1
//	axis(a, x)      an axis of x, counted from the front
//	ceil(a, b)      a/b rounded up
//	round(a) ceil_of(a)   a float64 as an int
//	min max len log pick(cond, a, b)
//	kept_n(x, axes)     sizes of the axes that are not in a list
//	kept_s(x, axes)     their strides
//	reduced_n reduced_s  the same of those that are in it (all, for an empty one);
//	                axes are joined where strides allow, and never none
//	batch_n(y)      sizes of the axes before the last two, 1 if there are none
//	batch_s(x, y)   strides of x along those axes of y, 0 where x repeats
//	stride(x, i)    stride of axis i of an operand
//	                (strides of an optional operand that is not given are 0)
//	F32 I64 ...     numbers of element types; T is that of the call
//
// Numbers are int or float64, lists are []int; text is compared with == and !=.

// env is a call as expressions see it.
type env struct {
	call *hal.Call
	vars map[string]any
}

// hostExpr is a compiled expression.
type hostExpr func(*env) (any, error)

func compileHost(src string) (hostExpr, error) {
	tree, err := parser.ParseExpr(src)
	if err != nil {
		return nil, err
	}
	return compileNode(tree)
}

func compileNode(n ast.Expr) (hostExpr, error) {
	switch n := n.(type) {
	case *ast.ParenExpr:
		return compileNode(n.X)
	case *ast.BasicLit:
		return literal(n)
	case *ast.Ident:
		name := n.Name
		return func(e *env) (any, error) { return e.lookup(name) }, nil
	case *ast.UnaryExpr:
		x, err := compileNode(n.X)
		if err != nil {
			return nil, err
		}
		zero := hostExpr(func(*env) (any, error) { return 0, nil })
		switch n.Op {
		case token.SUB:
			return operation(token.SUB, zero, x), nil
		case token.NOT:
			return operation(token.EQL, x, zero), nil
		}
	case *ast.BinaryExpr:
		x, err := compileNode(n.X)
		if err != nil {
			return nil, err
		}
		y, err := compileNode(n.Y)
		if err != nil {
			return nil, err
		}
		return operation(n.Op, x, y), nil
	case *ast.IndexExpr:
		x, err := compileNode(n.X)
		if err != nil {
			return nil, err
		}
		i, err := compileNode(n.Index)
		if err != nil {
			return nil, err
		}
		return index(x, i), nil
	case *ast.CallExpr:
		return compileCall(n)
	}
	return nil, fmt.Errorf("%T is not part of the language of directives", n)
}

func literal(n *ast.BasicLit) (hostExpr, error) {
	var v any
	var err error
	switch n.Kind {
	case token.INT:
		v, err = strconv.Atoi(n.Value)
	case token.FLOAT:
		v, err = strconv.ParseFloat(n.Value, 64)
	case token.STRING:
		v, err = strconv.Unquote(n.Value)
	default:
		err = fmt.Errorf("literal %s", n.Value)
	}
	return func(*env) (any, error) { return v, nil }, err
}

// int evaluates an expression that counts something.
func (e *env) int(f hostExpr) (int, error) {
	v, err := f(e)
	if err != nil {
		return 0, err
	}
	n, ok := v.(int)
	if !ok || n < 0 {
		return 0, fmt.Errorf("%v is no count", v)
	}
	return n, nil
}

func (e *env) lookup(name string) (any, error) {
	if v, ok := e.vars[name]; ok {
		return v, nil
	}
	if v, ok := attribute(e.call.Attrs, name); ok {
		return v, nil
	}
	if t, ok := typeNumber(name); ok {
		return t, nil
	}
	return nil, fmt.Errorf("%q is neither an operand, an attribute nor a name defined before", name)
}

// attribute is a field of an attribute struct by its name in JSON.
func attribute(attrs any, name string) (any, bool) {
	if attrs == nil {
		return nil, false
	}
	v := reflect.ValueOf(attrs)
	index, ok := attributesOf(v.Type())[name]
	if !ok {
		d, is := attrs.(ops.Derived)
		if !is {
			return nil, false
		}
		return d.Derived(name)
	}
	return hostValue(v.FieldByIndex(index)), true
}

// attributes is the fields of attribute structs by name, of every type met so far:
// every launch looks some up.
var attributes sync.Map

func attributesOf(t reflect.Type) map[string][]int {
	if known, ok := attributes.Load(t); ok {
		return known.(map[string][]int)
	}
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag != "" {
			fields[tag] = f.Index
		}
	}
	attributes.Store(t, fields)
	return fields
}

func hostValue(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Bool:
		return truth(v.Bool())
	case reflect.Int, reflect.Int64:
		return int(v.Int())
	case reflect.Uint8, reflect.Uint64:
		return int(v.Uint())
	case reflect.Float64:
		return v.Float()
	case reflect.String:
		return v.String()
	case reflect.Slice, reflect.Array:
		list := make([]int, v.Len())
		for i := range list {
			list[i], _ = hostValue(v.Index(i)).(int)
		}
		return list
	}
	return nil
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func operation(op token.Token, x, y hostExpr) hostExpr {
	return func(e *env) (any, error) {
		a, err := x(e)
		if err != nil {
			return nil, err
		}
		// The right side of && and || may only make sense if it is needed.
		if i, ok := a.(int); ok && (op == token.LAND && i == 0 || op == token.LOR && i != 0) {
			return truth(i != 0), nil
		}
		b, err := y(e)
		if err != nil {
			return nil, err
		}
		switch a := a.(type) {
		case int:
			switch b := b.(type) {
			case int:
				return intOp(op, a, b)
			case float64:
				return floatOp(op, float64(a), b)
			}
		case float64:
			switch b := b.(type) {
			case int:
				return floatOp(op, a, float64(b))
			case float64:
				return floatOp(op, a, b)
			}
		case string:
			if b, ok := b.(string); ok && (op == token.EQL || op == token.NEQ) {
				return truth((a == b) == (op == token.EQL)), nil
			}
		}
		return nil, fmt.Errorf("%T %s %T", a, op, b)
	}
}

func intOp(op token.Token, a, b int) (any, error) {
	switch op {
	case token.ADD:
		return a + b, nil
	case token.SUB:
		return a - b, nil
	case token.MUL:
		return a * b, nil
	case token.QUO, token.REM:
		if b == 0 {
			return 0, nil // of an empty operand
		}
		if op == token.QUO {
			return a / b, nil
		}
		return a % b, nil
	case token.LAND:
		return truth(a != 0 && b != 0), nil
	case token.LOR:
		return truth(a != 0 || b != 0), nil
	}
	return floatOp(op, float64(a), float64(b))
}

func floatOp(op token.Token, a, b float64) (any, error) {
	switch op {
	case token.ADD:
		return a + b, nil
	case token.SUB:
		return a - b, nil
	case token.MUL:
		return a * b, nil
	case token.QUO:
		return a / b, nil
	case token.EQL:
		return truth(a == b), nil
	case token.NEQ:
		return truth(a != b), nil
	case token.LSS:
		return truth(a < b), nil
	case token.LEQ:
		return truth(a <= b), nil
	case token.GTR:
		return truth(a > b), nil
	case token.GEQ:
		return truth(a >= b), nil
	}
	return nil, fmt.Errorf("operator %s is not part of the language of directives", op)
}

func index(x, i hostExpr) hostExpr {
	return func(e *env) (any, error) {
		list, err := x(e)
		if err != nil {
			return nil, err
		}
		at, err := i(e)
		if err != nil {
			return nil, err
		}
		l, isList := list.([]int)
		k, isInt := at.(int)
		if !isList || !isInt || k < 0 || k >= len(l) {
			return nil, fmt.Errorf("index %v of %v", at, list)
		}
		return l[k], nil
	}
}

func compileCall(n *ast.CallExpr) (hostExpr, error) {
	name, ok := n.Fun.(*ast.Ident)
	if !ok {
		return nil, fmt.Errorf("only functions can be called")
	}
	f, ok := hostFuncs[name.Name]
	if !ok {
		return nil, fmt.Errorf("there is no function %q", name.Name)
	}
	args := make([]hostExpr, len(n.Args))
	for i, a := range n.Args {
		var err error
		if args[i], err = compileNode(a); err != nil {
			return nil, err
		}
	}
	return func(e *env) (any, error) {
		vals := make([]any, len(args))
		for i, a := range args {
			var err error
			if vals[i], err = a(e); err != nil {
				return nil, err
			}
		}
		v, err := f(vals)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name.Name, err)
		}
		return v, nil
	}, nil
}

// view is an operand in expressions, nil where an optional one is not given.
type view = *hal.View

// get reads arguments; a wrong type or count is an error.
func get[T any](args []any, i int) (T, error) {
	var zero T
	if i >= len(args) {
		return zero, fmt.Errorf("argument %d is missing", i+1)
	}
	v, ok := args[i].(T)
	if !ok {
		return zero, fmt.Errorf("argument %d is a %T, want a %T", i+1, args[i], zero)
	}
	return v, nil
}

func get2[A, B any](args []any) (a A, b B, err error) {
	if a, err = get[A](args, 0); err == nil {
		b, err = get[B](args, 1)
	}
	return a, b, err
}

var hostFuncs = map[string]func(args []any) (any, error){
	"dim": func(args []any) (any, error) {
		v, i, err := axisOf(args)
		if err != nil {
			return nil, err
		}
		return v.Shape[i], nil
	},
	"count": func(args []any) (any, error) {
		v, err := get[view](args, 0)
		if err != nil {
			return nil, err
		}
		return v.Elements(), nil
	},
	"shape": func(args []any) (any, error) {
		v, err := get[view](args, 0)
		if err != nil {
			return nil, err
		}
		return v.Shape, nil
	},
	"rank": func(args []any) (any, error) {
		v, err := get[view](args, 0)
		if err != nil {
			return nil, err
		}
		return len(v.Shape), nil
	},
	"has": func(args []any) (any, error) {
		v, err := get[view](args, 0)
		return truth(v != nil), err
	},
	"prod": func(args []any) (any, error) {
		v, i, err := get2[view, int](args)
		if err != nil {
			return nil, err
		}
		j, err := get[int](args, 2)
		if err != nil || i < 0 || j > len(v.Shape) {
			return nil, fmt.Errorf("axes %d to %d of %d: %v", i, j, len(v.Shape), err)
		}
		p := 1
		for ; i < j; i++ {
			p *= v.Shape[i]
		}
		return p, nil
	},
	"axis": func(args []any) (any, error) {
		a, v, err := get2[int, view](args)
		if err != nil {
			return nil, err
		}
		return shape.Axis(a, len(v.Shape))
	},
	"ceil": func(args []any) (any, error) {
		a, b, err := get2[int, int](args)
		if err != nil || b <= 0 {
			return nil, fmt.Errorf("ceil(%d, %d): %v", a, b, err)
		}
		return ceil(a, b), nil
	},
	"min": func(args []any) (any, error) {
		a, b, err := get2[int, int](args)
		return min(a, b), err
	},
	"max": func(args []any) (any, error) {
		a, b, err := get2[int, int](args)
		return max(a, b), err
	},
	"round": func(args []any) (any, error) {
		a, err := get[float64](args, 0)
		return int(math.Round(a)), err
	},
	"ceil_of": func(args []any) (any, error) {
		a, err := get[float64](args, 0)
		return int(math.Ceil(a)), err
	},
	"log": func(args []any) (any, error) {
		a, err := get[float64](args, 0)
		return math.Log(a), err
	},
	"len": func(args []any) (any, error) {
		l, err := get[[]int](args, 0)
		return len(l), err
	},
	"pick": func(args []any) (any, error) {
		if len(args) != 3 {
			return nil, fmt.Errorf("%d arguments, want 3", len(args))
		}
		if c, err := get[int](args, 0); err != nil {
			return nil, err
		} else if c != 0 {
			return args[1], nil
		}
		return args[2], nil
	},
	"dense": func(args []any) (any, error) {
		v, err := get[view](args, 0)
		return truth(err == nil && v.Dense()), err
	},
	"stride": func(args []any) (any, error) {
		if v, err := get[view](args, 0); err == nil && v == nil {
			return 0, nil
		}
		v, i, err := axisOf(args)
		if err != nil {
			return nil, err
		}
		return v.Strides[i], nil
	},
	"batch_n": func(args []any) (any, error) {
		v, err := get[view](args, 0)
		if err != nil || len(v.Shape) < 3 {
			return []int{1}, err
		}
		return v.Shape[:len(v.Shape)-2], nil
	},
	"batch_s": func(args []any) (any, error) {
		x, y, err := get2[view, view](args)
		if err != nil || len(y.Shape) < 3 {
			return []int{0}, err
		}
		if x == nil {
			return make([]int, len(y.Shape)-2), nil
		}
		lead := len(x.Shape) - 2
		return shape.BroadcastStrides(x.Shape[:lead], x.Strides[:lead], y.Shape[:len(y.Shape)-2])
	},
	"kept_n":    func(args []any) (any, error) { n, _, err := axesOf(args, false); return n, err },
	"kept_s":    func(args []any) (any, error) { _, s, err := axesOf(args, false); return s, err },
	"reduced_n": func(args []any) (any, error) { n, _, err := axesOf(args, true); return n, err },
	"reduced_s": func(args []any) (any, error) { _, s, err := axesOf(args, true); return s, err },
}

// axisOf is a view and an axis of it, counted from the end where negative.
func axisOf(args []any) (view, int, error) {
	v, i, err := get2[view, int](args)
	if err != nil {
		return nil, 0, err
	}
	i, err = shape.Axis(i, len(v.Shape))
	return v, i, err
}

// axesOf is the sizes and the strides of the axes of a view that are, or are
// not, in a list.
func axesOf(args []any, in bool) (n, s []int, err error) {
	v, list, err := get2[view, []int](args)
	if err != nil {
		return nil, nil, err
	}
	all, err := shape.Axes(list, len(v.Shape))
	if err != nil {
		return nil, nil, err
	}
	member := map[int]bool{}
	for _, a := range all {
		member[a] = true
	}
	var dims, strides []int
	for i, n := range v.Shape {
		if member[i] == in {
			dims, strides = append(dims, n), append(strides, v.Strides[i])
		}
	}
	d, joined := shape.Collapse(dims, strides)
	if len(d) == 0 {
		return []int{1}, []int{0}, nil
	}
	return d, joined[0], nil
}

// typeNumber is a dtype constant in expressions: F32, I64 ...
func typeNumber(name string) (int, bool) {
	t, err := dtype.Parse(strings.ToLower(name))
	return int(t), err == nil && strings.ToUpper(name) == name
}
