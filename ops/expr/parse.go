package expr

import (
	"fmt"
	"math"
	"strconv"
)

// Limits of Parse.
const (
	MaxLength = 64 << 10 // bytes of text
	MaxDepth  = 200      // levels of the tree, and of parentheses
)

// Parse reads an expression. The error is a *SyntaxError.
func Parse(s string) (*Node, error) {
	p := parser{text: s}
	if len(s) > MaxLength {
		return nil, p.fail(MaxLength, "the text has %d bytes, at most %d are allowed: split the expression", len(s), MaxLength)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	t, err := p.binary(1)
	if err != nil {
		return nil, err
	}
	if p.tok.kind != end {
		return nil, p.fail(p.tok.at, "unexpected %s: an operator should come here, or the end", p.tok.describe())
	}
	return t.node, nil
}

// MustParse is Parse for text that is part of the program: it panics on an
// error.
func MustParse(s string) *Node {
	n, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return n
}

// parser is a recursive-descent parser, one token ahead.
type parser struct {
	text  string
	tok   token
	depth int
}

// term is a parsed part: its tree, the height of it and where it starts.
type term struct {
	node   *Node
	height int
	at     int
}

func (p *parser) fail(at int, format string, args ...any) error {
	return &SyntaxError{p.text, at + 1, fmt.Sprintf(format, args...)}
}

func (p *parser) advance() (err error) {
	p.tok, err = lex(p.text, p.tok.at+len(p.tok.text))
	return err
}

// expect consumes one token of punctuation.
func (p *parser) expect(text, context string) error {
	if p.tok.kind != punctuation || p.tok.text != text {
		return p.fail(p.tok.at, "found %s where %q should %s", p.tok.describe(), text, context)
	}
	return p.advance()
}

// nested runs a production one level deeper.
func (p *parser) nested(production func() (term, error)) (term, error) {
	if p.depth == MaxDepth {
		return term{}, p.fail(p.tok.at, "nested deeper than %d levels: split the expression", MaxDepth)
	}
	p.depth++
	defer func() { p.depth-- }()
	return production()
}

// binary parses operators that bind at least as tightly as the level.
func (p *parser) binary(level int) (term, error) {
	left, err := p.unary()
	if err != nil {
		return term{}, err
	}
	for compared := false; ; {
		f := infix[p.tok.text]
		if p.tok.kind != punctuation || f == nil {
			return left, nil
		}
		own := precedence(f.Operator)
		if own < level {
			return left, nil
		}
		at := p.tok.at
		if own == comparison {
			if compared {
				return term{}, p.fail(at, "comparisons do not chain: write a < b && b < c, or use parentheses")
			}
			compared = true
		}
		if err := p.advance(); err != nil {
			return term{}, err
		}
		right, err := p.binary(own + 1)
		if err != nil {
			return term{}, err
		}
		start := left.at
		if left, err = p.call(at, f, left, right); err != nil {
			return term{}, err
		}
		left.at = start
	}
}

// unary parses prefix operators.
func (p *parser) unary() (term, error) {
	at := p.tok.at
	if p.tok.kind != punctuation || p.tok.text != "-" && p.tok.text != "!" {
		return p.primary()
	}
	f := byName["not"]
	if p.tok.text == "-" {
		f = byName["neg"]
	}
	if err := p.advance(); err != nil {
		return term{}, err
	}
	literal := f.Name == "neg" && (p.tok.kind == numeral || p.tok.kind == name && constant[p.tok.text] != 0)
	operand, err := p.nested(p.unary)
	if err != nil {
		return term{}, err
	}
	if literal {
		if v := operand.node.Value; v == v {
			operand.node.Value = -v
		}
		operand.at = at
		return operand, nil
	}
	return p.call(at, f, operand)
}

// constant holds the numbers that have names.
var constant = map[string]float64{"inf": math.Inf(1), "nan": math.NaN()}

// primary parses a number, an operand, a call or parentheses.
func (p *parser) primary() (term, error) {
	tok := p.tok
	switch {
	case tok.kind == end:
		return term{}, p.fail(tok.at, "the expression ends where an operand should come")
	case tok.kind == numeral:
		v, err := strconv.ParseFloat(tok.text, 64)
		switch {
		case math.IsInf(v, 0):
			return term{}, p.fail(tok.at, "%s is out of the range of float64: write inf for infinity", tok.text)
		case err != nil:
			return term{}, p.fail(tok.at, "%q is not a number", tok.text)
		}
		return p.leaf(&Node{Op: OpConst, Value: v})
	case tok.kind == name:
		return p.named()
	case tok.text == "(":
		if err := p.advance(); err != nil {
			return term{}, err
		}
		inner, err := p.nested(func() (term, error) { return p.binary(1) })
		if err != nil {
			return term{}, err
		}
		inner.at = tok.at
		return inner, p.expect(")", fmt.Sprintf(`close the "(" of column %d`, tok.at+1))
	}
	return term{}, p.fail(tok.at, "unexpected %s: an operand should come here", tok.describe())
}

// leaf consumes the token that a leaf was made of.
func (p *parser) leaf(n *Node) (term, error) {
	t := term{n, 1, p.tok.at}
	return t, p.advance()
}

// named parses an operand, a named number or a call.
func (p *parser) named() (term, error) {
	tok := p.tok
	if v, ok := constant[tok.text]; ok {
		return p.leaf(&Node{Op: OpConst, Value: v})
	}
	if kind, index := tok.text[:1], tok.text[1:]; (kind == OpInput || kind == OpParam) && digitsOnly(index) {
		if len(index) != 1 {
			return term{}, p.fail(tok.at, "there is no operand %s: they are %s0 to %s%d", tok.text, kind, kind, MaxOperands-1)
		}
		return p.leaf(&Node{Op: kind, Index: int(index[0] - '0')})
	}
	f := byName[tok.text]
	if f == nil {
		return term{}, p.fail(tok.at, "there is nothing called %q: expr.Functions lists the functions, operands are x0 to x9 and p0 to p9", tok.text)
	}
	if err := p.advance(); err != nil {
		return term{}, err
	}
	if err := p.expect("(", "follow the function "+f.Name); err != nil {
		return term{}, err
	}
	return p.nested(func() (term, error) { return p.arguments(tok.at, f) })
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// arguments parses the rest of a call after its "(".
func (p *parser) arguments(at int, f *function) (term, error) {
	var args []term
	for i := range f.Arity {
		if i > 0 {
			if err := p.expect(",", fmt.Sprintf("separate the operands: %s takes %d", f.Name, f.Arity)); err != nil {
				return term{}, err
			}
		}
		a, err := p.binary(1)
		if err != nil {
			return term{}, err
		}
		args = append(args, a)
	}
	if err := p.expect(")", fmt.Sprintf("end the call: %s takes %d", f.Name, f.Arity)); err != nil {
		return term{}, err
	}
	return p.call(at, f, args...)
}

// call makes a node after checking where operands are truth values.
func (p *parser) call(at int, f *function, args ...term) (term, error) {
	t := term{&Node{Op: f.Name, Args: make([]*Node, len(args))}, 0, at}
	for i, a := range args {
		t.node.Args[i] = a.node
		t.height = max(t.height, a.height)
	}
	if t.height++; t.height > MaxDepth {
		return term{}, p.fail(at, "the expression has more than %d levels: split it", MaxDepth)
	}
	matched := args
	switch f.takes {
	case truths:
		return t, nil
	case numbers:
		for _, a := range args {
			if typeOf(a.node) == truthType {
				return term{}, p.fail(a.at, "%s takes numbers and this is a truth value: convert it with float(...)", f.Name)
			}
		}
		return t, nil
	case choice:
		matched = args[1:]
	}
	if a, b := typeOf(matched[0].node), typeOf(matched[1].node); a != b && a != anyType && b != anyType {
		return term{}, p.fail(at, "%s takes two numbers or two truth values, not one of each: convert the truth value with float(...)", f.Name)
	}
	return t, nil
}

// nodeType is what is known of a value without the inputs' element types.
type nodeType uint8

const (
	anyType nodeType = iota
	truthType
	numberType
)

func typeOf(n *Node) nodeType {
	switch n.Op {
	case OpInput:
		return anyType
	case OpParam, OpConst:
		return numberType
	case "where":
		if t := typeOf(n.Args[1]); t != anyType {
			return t
		}
		return typeOf(n.Args[2])
	}
	if byName[n.Op].Bool {
		return truthType
	}
	return numberType
}
