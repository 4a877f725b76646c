package expr

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Program is an expression as register instructions, for an executor that runs
// each of them over a strip of elements before the next. Equal parts of the
// expression are computed once.
type Program struct {
	Instrs []Instr // in order, at least one
	Regs   int     // registers used: 0 to Regs-1
	Out    int     // the register that holds the result at the end
}

// OpCopy is the one operation of a Program that is not in Functions: Dst =
// Args[0]. It occurs where the whole expression is a single operand.
const OpCopy = "copy"

// Instr computes one function. Dst can be the register of an operand that is
// not needed any more, so an executor must be able to work in place.
type Instr struct {
	Op   string // a name in Functions, or OpCopy
	Dst  int
	Args [3]Arg // as many as the arity, then zero
	// Uniform results are the same for every element: no input is involved, and
	// an executor can compute one element and spread it.
	Uniform bool
}

// ArgKind says where an operand is.
type ArgKind uint8

// Kinds of operand. Params and constants are scalars, so that an executor can
// choose a vector-scalar primitive.
const (
	None  ArgKind = iota // beyond the arity
	Reg                  // the register Index
	Input                // the input Index
	Param                // the attribute Index
	Const                // the number Value
)

// Arg is an operand of an instruction.
type Arg struct {
	Kind  ArgKind
	Index int
	Value float64
}

// Program compiles the expression for at most maxRegs registers. Nothing is
// spilled: needing more is an error, whose remedy is to split the expression.
//
// Parts are ordered by the registers they need, the greediest first, after
// Sethi and Ullman, "The Generation of Optimal Code for Arithmetic Expressions",
// J. ACM 17(4), 1970, which is optimal for trees; then registers are assigned
// by a linear scan over the order.
func (n *Node) Program(maxRegs int) (*Program, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	g := graph{byNode: map[*Node]int{}, byKey: map[valueKey]int{}}
	root := g.add(n)
	if g.values[root].leaf() {
		root = g.intern(value{op: OpCopy, args: []int{root}, uniform: g.values[root].uniform}, valueKey{op: OpCopy})
	}
	g.schedule(root)
	prog := g.assign()
	if prog.Regs > maxRegs {
		return nil, fmt.Errorf("expression: %d registers are needed and %d are allowed: split the expression", prog.Regs, maxRegs)
	}
	return prog, nil
}

// value is a distinct value of the expression.
type value struct {
	op      string
	args    []int // values, for an operation
	operand Arg   // for a leaf
	need    int   // registers to compute it by itself, 0 for a leaf
	uniform bool
	done    bool // scheduled
}

func (v *value) leaf() bool { return v.operand.Kind != None }

// valueKey is equal for nodes with equal values.
type valueKey struct {
	op   string
	args [3]int
	leaf Arg
	bits uint64 // of a constant: NaN is not equal to itself, and -0 is to 0
}

type graph struct {
	values []value
	byNode map[*Node]int
	byKey  map[valueKey]int
	order  []int // values to compute, operands first
}

func (g *graph) intern(v value, k valueKey) int {
	id, ok := g.byKey[k]
	if !ok {
		id = len(g.values)
		g.values = append(g.values, v)
		g.byKey[k] = id
	}
	return id
}

// add numbers the value of a node.
func (g *graph) add(n *Node) int {
	if id, ok := g.byNode[n]; ok {
		return id
	}
	v, k := value{op: n.Op, uniform: true}, valueKey{op: n.Op}
	switch n.Op {
	case OpInput:
		v.operand, v.uniform = Arg{Kind: Input, Index: n.Index}, false
		k.leaf = v.operand
	case OpParam:
		v.operand = Arg{Kind: Param, Index: n.Index}
		k.leaf = v.operand
	case OpConst:
		v.operand = Arg{Kind: Const, Value: n.Value}
		k.bits = math.Float64bits(n.Value)
	default:
		for i, a := range n.Args {
			id := g.add(a)
			v.args = append(v.args, id)
			v.uniform = v.uniform && g.values[id].uniform
			k.args[i] = id
		}
		if byName[n.Op].Commutative && k.args[0] > k.args[1] {
			k.args[0], k.args[1] = k.args[1], k.args[0]
		}
		v.need = 1
		for i, id := range g.greedy(v.args) {
			v.need = max(v.need, g.values[id].need+i)
		}
	}
	id := g.intern(v, k)
	g.byNode[n] = id
	return id
}

// greedy is the distinct operations among values, by falling need.
func (g *graph) greedy(ids []int) []int {
	var ops []int
	for _, id := range ids {
		if !g.values[id].leaf() && !slices.Contains(ops, id) {
			ops = append(ops, id)
		}
	}
	slices.SortStableFunc(ops, func(a, b int) int { return cmp.Compare(g.values[b].need, g.values[a].need) })
	return ops
}

// schedule appends a value to the order, after what it is computed from.
func (g *graph) schedule(id int) {
	if g.values[id].done {
		return
	}
	g.values[id].done = true
	for _, a := range g.greedy(g.values[id].args) {
		g.schedule(a)
	}
	g.order = append(g.order, id)
}

// assign gives every value the lowest register that is free while it is needed.
func (g *graph) assign() *Program {
	lastUse := make([]int, len(g.values))
	for i, id := range g.order {
		for _, a := range g.values[id].args {
			lastUse[a] = i
		}
	}
	var (
		prog  = &Program{Instrs: make([]Instr, len(g.order))}
		regs  = make([]int, len(g.values))
		taken []bool
	)
	for i, id := range g.order {
		v, in := &g.values[id], &prog.Instrs[i]
		in.Op, in.Uniform = v.op, v.uniform
		for k, a := range v.args {
			in.Args[k] = g.values[a].operand
			if !g.values[a].leaf() {
				in.Args[k] = Arg{Kind: Reg, Index: regs[a]}
				if lastUse[a] == i {
					taken[regs[a]] = false
				}
			}
		}
		in.Dst = slices.Index(taken, false)
		if in.Dst < 0 {
			in.Dst = len(taken)
			taken = append(taken, false)
		}
		taken[in.Dst] = true
		regs[id] = in.Dst
		prog.Out = in.Dst
	}
	prog.Regs = len(taken)
	return prog
}
