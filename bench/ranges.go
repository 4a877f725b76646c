package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxSize bounds the sizes a range may ask for.
const maxSize = 1 << 24

// ParseSizes reads sizes as llama-bench does: "64,100" are two, "64-1024*2"
// doubles from 64 to 1024, "64-256+64" adds 64 up to 256. Without a step a range
// doubles.
func ParseSizes(s string) ([]int, error) {
	var out []int
	for part := range strings.SplitSeq(s, ",") {
		list, err := parseRange(part)
		if err != nil {
			return nil, fmt.Errorf("size %q: %w", part, err)
		}
		out = append(out, list...)
		if len(out) > 1000 {
			return nil, fmt.Errorf("sizes %q: more than 1000 of them", s)
		}
	}
	return slices.Compact(out), nil
}

func parseRange(s string) ([]int, error) {
	from, rest, ranged := strings.Cut(s, "-")
	lo, err := parseSize(from)
	if err != nil {
		return nil, err
	}
	if !ranged {
		return []int{lo}, nil
	}
	to, step, next := rest, 2, func(n, step int) int { return n * step }
	if i := strings.IndexAny(rest, "*+"); i >= 0 {
		if step, err = parseSize(rest[i+1:]); err != nil {
			return nil, err
		}
		to = rest[:i]
		if rest[i] == '+' {
			next = func(n, step int) int { return n + step }
		} else if step < 2 {
			return nil, fmt.Errorf("a factor of %d does not grow", step)
		}
	}
	hi, err := parseSize(to)
	if err != nil {
		return nil, err
	}
	if hi < lo {
		return nil, fmt.Errorf("it ends before it begins")
	}
	var out []int
	for n := lo; n <= hi; n = next(n, step) {
		if out = append(out, n); len(out) > 1000 {
			return nil, fmt.Errorf("more than 1000 sizes")
		}
	}
	return out, nil
}

func parseSize(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxSize {
		return 0, fmt.Errorf("want a size from 1 to %d (the forms are 64, 64-1024*2 and 64-256+64)", maxSize)
	}
	return n, nil
}
