package ops

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops/expr"
)

// FusedAttrs are the parameters of the rows that a fused row was made of, in the
// order of its expression.
type FusedAttrs struct {
	Params []float64 `json:"params"`
}

// FusedName is the name of every fused row.
const FusedName = "fused"

// fused holds the rows made so far, by text. Programs and plans are kept by row, so that
// one expression must be one row.
var fused struct {
	sync.Mutex
	rows map[string]*Op
}

// Fused returns the row that computes an expression put together from those of other
// elementwise rows. Inputs broadcast; those that are not truth values have one element
// type, which is that of the result unless truth says that the result is one. The same
// expression gives the same row. It is in no table: backends make a kernel for it when
// it is asked for (exec.Fuser), and its reference is that of the expression.
func Fused(e *expr.Node, truth bool) *Op {
	text := canonical(e)
	if truth {
		text += " bool"
	}
	return fusedRow(text, func() *Op {
		op := &Op{
			Name: FusedName, Doc: "Several elementwise ops in one pass: " + text + ".", Kind: Core, Family: Map,
			Inputs: "x...", Attrs: FusedAttrs{}, Types: Any, Expr: e, Tol: arithmetic,
			NoGrad: "it is made by the graph compiler, after gradients",
			Params: func(attrs any) []float64 { return attrs.(FusedAttrs).Params },
			Infer:  fusedInfer(truth),
		}
		op.Cost, op.Ref = flopsPer(flopsOf(e)), mapRef(e, op.Params)
		return op
	})
}

// fusedRow returns the row of a text, which it makes once.
func fusedRow(text string, build func() *Op) *Op {
	fused.Lock()
	defer fused.Unlock()
	if op := fused.rows[text]; op != nil {
		return op
	}
	op := build()
	op.made = op.derived()
	if fused.rows == nil {
		fused.rows = map[string]*Op{}
	}
	fused.rows[text] = op
	return op
}

// flopsOf is the number of operations of an expression for an element.
func flopsOf(e *expr.Node) (flops float64) {
	e.Walk(func(n *expr.Node) {
		if len(n.Args) > 0 {
			flops++
		}
	})
	return flops
}

// IsFused reports whether the row was made by Fused or FusedReduce.
func (op *Op) IsFused() bool { return op.Name == FusedName }

func fusedInfer(truth bool) func(any, []Spec) ([]Spec, error) {
	return func(_ any, in []Spec) ([]Spec, error) {
		t := dtype.Bool
		for _, s := range in {
			switch {
			case s.DType == dtype.Bool || s.DType == t:
			case t == dtype.Bool:
				t = s.DType
			default:
				return nil, typeErr("element types differ")
			}
		}
		dims, err := broadcastSpecs(in)
		if err != nil {
			return nil, err
		}
		if truth {
			t = dtype.Bool
		}
		return []Spec{{t, dims}}, nil
	}
}

// canonical is a text that is as long as the expression has nodes: shared parts are
// written once and numbered.
func canonical(e *expr.Node) string {
	var b strings.Builder
	names := map[*expr.Node]string{}
	e.Walk(func(n *expr.Node) {
		switch n.Op {
		case expr.OpInput, expr.OpParam:
			names[n] = n.Op + strconv.Itoa(n.Index)
		case expr.OpConst:
			names[n] = strconv.FormatFloat(n.Value, 'g', -1, 64)
		default:
			names[n] = "#" + strconv.Itoa(len(names))
			fmt.Fprintf(&b, "%s=%s(", names[n], n.Op)
			for i, a := range n.Args {
				if i > 0 {
					b.WriteByte(',')
				}
				b.WriteString(names[a])
			}
			b.WriteString(") ")
		}
	})
	return b.String() + names[e]
}
