package npy

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/dtype"
)

// header is what a file says of its elements.
type header struct {
	typ          dtype.Type
	big, fortran bool // most significant byte first, first axis fastest
	shape        []int
}

// parseHeader reads the dictionary. It knows strings, truth values, and tuples of whole
// numbers, and wants just the three keys of the format.
func parseHeader(s string) (h header, err error) {
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "{") || !strings.HasSuffix(s, "}") {
		return h, fmt.Errorf("it is not a dictionary")
	}
	s = strings.TrimSpace(s[1 : len(s)-1])
	seen := map[string]bool{}
	for s != "" {
		var key string
		if key, s, err = quoted(s); err != nil {
			return h, err
		}
		if seen[key] {
			return h, fmt.Errorf("the key %q is there twice", key)
		}
		seen[key] = true
		rest, ok := strings.CutPrefix(strings.TrimSpace(s), ":")
		if !ok {
			return h, fmt.Errorf("the key %q has no value", key)
		}
		if rest, err = h.set(key, strings.TrimSpace(rest)); err != nil {
			return h, err
		}
		rest = strings.TrimSpace(rest)
		if s, ok = strings.CutPrefix(rest, ","); !ok && rest != "" {
			return h, fmt.Errorf("%.10q follows the value of %q", rest, key)
		}
		s = strings.TrimSpace(s)
	}
	for _, key := range []string{"descr", "fortran_order", "shape"} {
		if !seen[key] {
			return h, fmt.Errorf("it has no %q", key)
		}
	}
	return h, nil
}

// set takes a value off the text.
func (h *header) set(key, s string) (rest string, err error) {
	switch key {
	case "descr":
		text, rest, err := quoted(s)
		if err != nil {
			return "", fmt.Errorf("the element type is no plain one: %w", err)
		}
		name := strings.TrimLeft(text, "<>|=")
		if h.typ = names[name]; h.typ == dtype.Invalid || len(text)-len(name) > 1 {
			return "", fmt.Errorf("elements of type %q, which crease does not have", text)
		}
		h.big = strings.HasPrefix(text, ">")
		return rest, nil
	case "fortran_order":
		if rest, ok := strings.CutPrefix(s, "True"); ok {
			h.fortran = true
			return rest, nil
		}
		if rest, ok := strings.CutPrefix(s, "False"); ok {
			return rest, nil
		}
		return "", fmt.Errorf("fortran_order is neither True nor False")
	case "shape":
		return h.tuple(s)
	}
	return "", fmt.Errorf("%q is not a key of the format", key)
}

func (h *header) tuple(s string) (string, error) {
	end := strings.IndexByte(s, ')')
	if !strings.HasPrefix(s, "(") || end < 0 {
		return "", fmt.Errorf("the shape is not a tuple")
	}
	h.shape = []int{}
	inner := strings.TrimSpace(s[1:end])
	parts := strings.Split(inner, ",")
	if last := len(parts) - 1; strings.TrimSpace(parts[last]) == "" {
		parts = parts[:last] // a comma at the end, or nothing at all
	} else if last == 0 {
		return "", fmt.Errorf("the shape is a number, not a tuple")
	}
	for _, p := range parts {
		n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(p), "L"), 10, 62)
		if err != nil {
			return "", fmt.Errorf("a size of the shape is %.20q", strings.TrimSpace(p))
		}
		h.shape = append(h.shape, int(n))
	}
	return s[end+1:], nil
}

func quoted(s string) (text, rest string, err error) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", "", fmt.Errorf("a string was expected at %.10q", s)
	}
	end := strings.IndexByte(s[1:], s[0])
	if end < 0 {
		return "", "", fmt.Errorf("a string does not end")
	}
	return s[1 : 1+end], s[2+end:], nil
}
