package expr

import (
	"math"
	"strconv"
	"strings"
)

// String is the canonical text: operators where there are any, and no more
// parentheses than the tree needs. Parse returns an equal tree for it, if the
// expression is within the limits of Parse and passes Check.
func (n *Node) String() string {
	var b strings.Builder
	n.print(&b, 0)
	return b.String()
}

// print writes n, in parentheses if it binds looser than the context does.
func (n *Node) print(b *strings.Builder, context int) {
	switch n.Op {
	case OpInput, OpParam:
		b.WriteString(n.Op + strconv.Itoa(n.Index))
		return
	case OpConst:
		b.WriteString(number(n.Value))
		return
	}
	f := byName[n.Op]
	if f == nil || f.Operator == "" || len(n.Args) != f.Arity {
		b.WriteString(n.Op + "(")
		for i, a := range n.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			a.print(b, 0)
		}
		b.WriteByte(')')
		return
	}
	if f.Arity == 1 {
		b.WriteString(f.Operator)
		if a := n.Args[0]; a.Op == OpConst { // the minus would join the number
			b.WriteString("(" + number(a.Value) + ")")
		} else {
			a.print(b, unaryPrecedence)
		}
		return
	}
	own := precedence(f.Operator)
	left := own
	if own == comparison {
		left++
	}
	if own < context {
		b.WriteByte('(')
		defer b.WriteByte(')')
	}
	n.Args[0].print(b, left)
	b.WriteString(" " + f.Operator + " ")
	n.Args[1].print(b, own+1)
}

// number is the shortest text that gives the value back; NaNs are all one.
func number(v float64) string {
	switch {
	case v != v:
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

const (
	comparison      = 3
	unaryPrecedence = 6
)

// precedence of an infix operator, higher binding tighter.
func precedence(operator string) int {
	switch operator {
	case "||":
		return 1
	case "&&":
		return 2
	case "+", "-":
		return 4
	case "*", "/", "%":
		return 5
	}
	return comparison
}
