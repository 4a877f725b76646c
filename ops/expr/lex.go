package expr

import (
	"fmt"
	"strings"
)

// SyntaxError says what is wrong with the text of an expression, and where.
type SyntaxError struct {
	Text   string
	Column int // in bytes, from 1
	Reason string
}

func (e *SyntaxError) Error() string {
	from, to := max(0, e.Column-60), min(len(e.Text), e.Column+20)
	text := e.Text[from:to]
	if from > 0 {
		text = "…" + text
	}
	if to < len(e.Text) {
		text += "…"
	}
	return fmt.Sprintf("expression %q: column %d: %s", text, e.Column, e.Reason)
}

type tokenKind uint8

const (
	end tokenKind = iota
	numeral
	name
	punctuation // an operator, a parenthesis or a comma
)

type token struct {
	kind tokenKind
	text string
	at   int // offset of the first byte
}

// describe names a token for an error.
func (t token) describe() string {
	if t.kind == end {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// lex is the token at or after an offset.
func lex(s string, at int) (token, error) {
	for at < len(s) && strings.IndexByte(" \t\r\n", s[at]) >= 0 {
		at++
	}
	if at == len(s) {
		return token{end, "", at}, nil
	}
	rest := s[at:]
	switch c := rest[0]; {
	case isDigit(c) || c == '.':
		return token{numeral, rest[:numeralLength(rest)], at}, nil
	case isLetter(c):
		n := 1
		for n < len(rest) && (isLetter(rest[n]) || isDigit(rest[n])) {
			n++
		}
		return token{name, rest[:n], at}, nil
	}
	if len(rest) > 1 {
		switch op := rest[:2]; op {
		case "<=", ">=", "==", "!=", "&&", "||":
			return token{punctuation, op, at}, nil
		}
	}
	if strings.IndexByte("+-*/%<>!(),", rest[0]) >= 0 {
		return token{punctuation, rest[:1], at}, nil
	}
	reason := fmt.Sprintf("unexpected character %q", []rune(rest[:min(4, len(rest))])[0])
	switch rest[0] {
	case '=':
		reason = `"=" is not an operator: write == to compare`
	case '&':
		reason = `"&" is not an operator: write && for logic, or band(a, b)`
	case '|':
		reason = `"|" is not an operator: write || for logic, or bor(a, b)`
	case '^':
		reason = `"^" is not an operator: write pow(a, b), xor(a, b) or bxor(a, b)`
	}
	return token{}, &SyntaxError{s, at + 1, reason}
}

// numeralLength is the length of digits, a fraction and an exponent. Whether
// they make a number is for the parser to see.
func numeralLength(s string) int {
	i := 0
	digits := func() {
		for i < len(s) && isDigit(s[i]) {
			i++
		}
	}
	digits()
	if i < len(s) && s[i] == '.' {
		i++
		digits()
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		digits()
	}
	return i
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
