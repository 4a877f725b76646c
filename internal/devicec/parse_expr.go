package devicec

import (
	"math"
	"strconv"
	"strings"
)

// comma reads expressions of which the last counts; the dialect has only one.
func (p *parser) comma() expr { return p.assignment() }

func (p *parser) assignment() expr {
	x := p.ternary()
	t := p.peek()
	switch t.text {
	case "=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>=":
		if t.kind != tokPunct {
			return x
		}
		p.next()
		p.change(x)
		return &assign{pos(t.line), strings.TrimSuffix(t.text, "="), x, p.assignment()}
	}
	return x
}

func (p *parser) ternary() expr {
	x := p.binary(0)
	t := p.peek()
	if !p.accept("?") {
		return x
	}
	yes := p.assignment()
	p.expect(":")
	return &conditional{pos(t.line), x, yes, p.assignment()}
}

// levels are the operators of two operands, loosest first.
var levels = [][]string{{"||"}, {"&&"}, {"|"}, {"^"}, {"&"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}}

func (p *parser) binary(level int) expr {
	if level == len(levels) {
		return p.unary()
	}
	x := p.binary(level + 1)
	for {
		t := p.peek()
		found := false
		for _, op := range levels[level] {
			found = found || t.kind == tokPunct && t.text == op
		}
		if !found {
			return x
		}
		p.next()
		x = &binary{pos(t.line), t.text, x, p.binary(level + 1)}
	}
}

func (p *parser) unary() expr {
	t := p.peek()
	if t.kind == tokPunct {
		switch t.text {
		case "-", "!", "~", "+":
			p.next()
			return &unary{pos(t.line), t.text, p.unary()}
		case "++", "--":
			p.next()
			x := p.unary()
			p.change(x)
			return &increment{pos(t.line), x, by(t.text), false}
		case "(":
			p.next()
			if p.isType() {
				to := p.typeName()
				p.expect(")")
				return &cast{pos(t.line), to, p.unary()}
			}
			x := p.comma()
			p.expect(")")
			return p.postfix(x)
		}
	}
	return p.postfix(p.primary())
}

func by(op string) int {
	if op == "++" {
		return 1
	}
	return -1
}

func (p *parser) postfix(x expr) expr {
	for {
		t := p.peek()
		switch {
		case p.accept("["):
			x = &index{pos(t.line), x, p.comma()}
			p.expect("]")
		case p.accept("."):
			x = &member{pos(t.line), x, p.name().text}
		case t.kind == tokPunct && (t.text == "++" || t.text == "--"):
			p.next()
			p.change(x)
			x = &increment{pos(t.line), x, by(t.text), true}
		default:
			return x
		}
	}
}

var specials = map[string]string{"threadIdx": "tid", "blockIdx": "ctaid", "blockDim": "ntid", "gridDim": "nctaid"}

func (p *parser) primary() expr {
	t := p.next()
	switch {
	case t.kind == tokNumber:
		return number(t)
	case t.kind != tokName:
		fail(t.line, "%q where an expression is expected", t.text)
	}
	if r := specials[t.text]; r != "" && p.lookup(t.text) == nil {
		p.expect(".")
		axis := p.name()
		if axis.text != "x" && axis.text != "y" && axis.text != "z" {
			fail(axis.line, "%s.%s: an axis is x, y or z", t.text, axis.text)
		}
		return &special{pos(t.line), r + "." + axis.text}
	}
	if p.accept("(") {
		c := &call{pos: pos(t.line), name: t.text, fn: p.functions[t.text]}
		for !p.accept(")") {
			c.args = append(c.args, p.assignment())
			if !p.accept(",") && p.peek().text != ")" {
				fail(p.peek().line, "%q in the arguments of %s", p.peek().text, t.text)
			}
		}
		return c
	}
	d := p.lookup(t.text)
	if d == nil {
		fail(t.line, "%s is not declared", t.text)
	}
	return &reference{pos(t.line), d}
}

// number is a literal, with C's type.
func number(t token) expr {
	s := strings.ToLower(t.text)
	hex := strings.HasPrefix(s, "0x")
	if !hex && strings.ContainsAny(s, ".e") || hex && strings.Contains(s, "p") {
		k := f64
		if digits, ok := strings.CutSuffix(s, "f"); ok {
			s, k = digits, f32
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(v, 0) {
			fail(t.line, "%s is no number", t.text)
		}
		if k == f32 {
			v32, _ := strconv.ParseFloat(s, 32) // rounded once
			v = v32
		}
		return &literal{pos(t.line), floatValue(k, v)}
	}
	digits := strings.TrimRight(s, "ul")
	suffix := s[len(digits):]
	v, err := strconv.ParseUint(digits, 0, 64)
	if err != nil {
		fail(t.line, "%s is no number", t.text)
	}
	unsigned, long := strings.Contains(suffix, "u"), strings.Contains(suffix, "l")
	k := s32
	switch {
	case unsigned && !long && v <= math.MaxUint32:
		k = u32
	case unsigned || v > math.MaxInt64:
		k = u64
	case !long && v <= math.MaxInt32:
	case !long && hex && v <= math.MaxUint32:
		k = u32
	default:
		k = s64
	}
	return &literal{pos(t.line), intValue(k, int64(v))}
}
