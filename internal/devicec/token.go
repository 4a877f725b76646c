package devicec

import (
	"fmt"
	"strings"
)

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokNumber
	tokString
	tokPunct
)

// token is a word of the source. hidden are the macros that it came out of, which do
// not expand in it again.
type token struct {
	kind   tokenKind
	text   string
	line   int
	first  bool // of its line
	space  bool // white space comes before it
	hidden *hidden
}

type hidden struct {
	name string
	next *hidden
}

func (h *hidden) has(name string) bool {
	for ; h != nil; h = h.next {
		if h.name == name {
			return true
		}
	}
	return false
}

// syntaxError is what is wrong with a text, thrown and caught inside the package.
type syntaxError struct {
	line int
	text string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

func fail(line int, format string, args ...any) {
	panic(&syntaxError{line, fmt.Sprintf(format, args...)})
}

var puncts = []string{
	"<<=", ">>=", "...", "##", "++", "--", "->", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||",
	"+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=",
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// scan cuts a source into tokens. Comments and joined lines are gone.
func scan(src string) []token {
	var out []token
	line, first, space := 1, true, false
	add := func(kind tokenKind, text string) {
		out = append(out, token{kind: kind, text: text, line: line, first: first, space: space})
		first, space = false, false
	}
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '\n':
			line, first = line+1, true
			i++
		case c == ' ' || c == '\t' || c == '\r':
			space = true
			i++
		case strings.HasPrefix(src[i:], "\\\n"):
			line, space = line+1, true
			i += 2
		case strings.HasPrefix(src[i:], "//"):
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case strings.HasPrefix(src[i:], "/*"):
			end := strings.Index(src[i+2:], "*/")
			if end < 0 {
				fail(line, "a comment does not end")
			}
			line += strings.Count(src[i:i+end+4], "\n")
			space = true
			i += end + 4
		case isLetter(c):
			j := i + 1
			for j < len(src) && (isLetter(src[j]) || isDigit(src[j])) {
				j++
			}
			add(tokName, src[i:j])
			i = j
		case isDigit(c) || c == '.' && i+1 < len(src) && isDigit(src[i+1]):
			j := i + 1
			for j < len(src) && (isLetter(src[j]) || isDigit(src[j]) || src[j] == '.' || (src[j] == '+' || src[j] == '-') && exponent(src[i:j])) {
				j++
			}
			add(tokNumber, src[i:j])
			i = j
		case c == '"':
			end := strings.IndexByte(src[i+1:], '"')
			if end < 0 {
				fail(line, "a string does not end")
			}
			add(tokString, src[i+1:i+1+end])
			i += end + 2
		default:
			text := src[i : i+1]
			for _, p := range puncts {
				if strings.HasPrefix(src[i:], p) {
					text = p
					break
				}
			}
			add(tokPunct, text)
			i += len(text)
		}
	}
	return out
}

// exponent reports whether a sign may follow what is there of a number.
func exponent(s string) bool {
	last := s[len(s)-1] | 0x20
	hex := len(s) > 1 && s[1]|0x20 == 'x'
	return !hex && last == 'e' || hex && last == 'p'
}
