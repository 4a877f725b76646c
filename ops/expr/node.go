package expr

import (
	"errors"
	"fmt"
	"math"
)

// Values of Node.Op that are not names of functions.
const (
	OpInput = "x"     // the input Index
	OpParam = "p"     // the attribute Index
	OpConst = "const" // the number Value
)

// MaxOperands bounds the inputs of an expression, and also its attributes.
const MaxOperands = 10

// Node is an expression. Nodes are immutable once built and may be shared
// between expressions, and within one.
type Node struct {
	Op    string  // OpInput, OpParam, OpConst or a name in Functions
	Index int     // which input or attribute, from 0
	Value float64 // of a constant
	Args  []*Node // operands of a function, as many as its arity
}

// Walk calls visit once for every distinct node, operands before what uses
// them.
func (n *Node) Walk(visit func(*Node)) {
	seen := map[*Node]bool{}
	var walk func(*Node)
	walk = func(n *Node) {
		if seen[n] {
			return
		}
		seen[n] = true
		for _, a := range n.Args {
			walk(a)
		}
		visit(n)
	}
	walk(n)
}

// Inputs is one more than the highest index of an input, 0 without inputs.
func (n *Node) Inputs() int { return n.count(OpInput) }

// Params is one more than the highest index of an attribute, 0 without any.
func (n *Node) Params() int { return n.count(OpParam) }

func (n *Node) count(op string) (count int) {
	n.Walk(func(n *Node) {
		if n.Op == op {
			count = max(count, n.Index+1)
		}
	})
	return count
}

// Substitute is the expression with inputs replaced; an input that is not a key
// stays. Replacements are not searched for inputs, so {0: x1, 1: x0} swaps.
// Parts without a replaced input are shared with n, and replacements with the
// result, which can thus have many more paths than nodes: Program is linear in
// the nodes, String and Eval in the paths.
func (n *Node) Substitute(inputs map[int]*Node) *Node {
	done := map[*Node]*Node{}
	var substitute func(*Node) *Node
	substitute = func(n *Node) *Node {
		if n.Op == OpInput {
			if r, ok := inputs[n.Index]; ok {
				return r
			}
			return n
		}
		if r, ok := done[n]; ok {
			return r
		}
		r, args := n, make([]*Node, len(n.Args))
		for i, a := range n.Args {
			args[i] = substitute(a)
			if args[i] != a {
				r = &Node{Op: n.Op, Args: args}
			}
		}
		done[n] = r
		return r
	}
	return substitute(n)
}

// Check reports a node that was built wrongly: an unknown name, a wrong number
// of operands, a nil operand or an index outside 0 to MaxOperands-1. What Parse
// returns passes.
func (n *Node) Check() error {
	seen := map[*Node]bool{}
	var check func(*Node) error
	check = func(n *Node) error {
		if n == nil {
			return errors.New("expression: nil node: every operand must be set")
		}
		if seen[n] {
			return nil
		}
		seen[n] = true
		arity := 0
		switch n.Op {
		case OpInput, OpParam:
			if n.Index < 0 || n.Index >= MaxOperands {
				return fmt.Errorf("expression: %s%d: the index must be from 0 to %d", n.Op, n.Index, MaxOperands-1)
			}
		case OpConst:
		default:
			f := byName[n.Op]
			if f == nil {
				return fmt.Errorf("expression: there is no function %q: expr.Functions lists them", n.Op)
			}
			arity = f.Arity
		}
		if len(n.Args) != arity {
			return fmt.Errorf("expression: node %q has %d operands, it must have %d", n.Op, len(n.Args), arity)
		}
		for _, a := range n.Args {
			if err := check(a); err != nil {
				return err
			}
		}
		return nil
	}
	return check(n)
}

// CheckInt reports what has no exact meaning on integers: a function that is
// not marked Int, or a constant with a fraction. The node must pass Check.
func (n *Node) CheckInt() (err error) {
	n.Walk(func(n *Node) {
		switch {
		case err != nil || n.Op == OpInput || n.Op == OpParam:
		case n.Op == OpConst:
			// An infinity equals its truncation; it saturates.
			if n.Value != math.Trunc(n.Value) {
				err = fmt.Errorf("expression: the constant %s is not a whole number: on integers write one, or convert the inputs to a float type", n)
			}
		case !byName[n.Op].Int:
			err = fmt.Errorf("expression: %s is not defined on integers: convert the inputs to a float type", n.Op)
		}
	})
	return err
}
