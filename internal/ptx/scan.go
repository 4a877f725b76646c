package ptx

import (
	"fmt"
	"strings"
)

// word is a token: a name or number, or one sign.
type word struct {
	text string
	line int
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c == '.' || c == '%' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// scan cuts a text into words. Comments are gone.
func scan(src string) ([]word, error) {
	var out []word
	line := 1
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == '\n':
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(src[i:], "//"):
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case strings.HasPrefix(src[i:], "/*"):
			end := strings.Index(src[i:], "*/")
			if end < 0 {
				return nil, fmt.Errorf("ptx: line %d: a comment does not end", line)
			}
			line += strings.Count(src[i:i+end], "\n")
			i += end + 2
		case c == '"':
			end := strings.IndexByte(src[i+1:], '"')
			if end < 0 {
				return nil, fmt.Errorf("ptx: line %d: a string does not end", line)
			}
			out = append(out, word{src[i : i+end+2], line})
			i += end + 2
		case wordByte(c):
			j := i
			for j < len(src) && (wordByte(src[j]) || strings.HasPrefix(src[j:], "::") || j > 0 && src[j] == ':' && src[j-1] == ':') {
				j++
			}
			out = append(out, word{src[i:j], line})
			i = j
		default:
			out = append(out, word{src[i : i+1], line})
			i++
		}
	}
	return out, nil
}
