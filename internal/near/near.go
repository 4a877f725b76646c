// Package near finds the names that somebody who mistyped one may have meant.
package near

import (
	"cmp"
	"slices"
	"strings"
)

// most is how many names are suggested.
const most = 3

// closest returns up to three of the known names that are close to the given one, the
// closest first: those that begin with it, and those at most two insertions, deletions,
// substitutions or swaps away (one where the name is short).
func closest(name string, known []string) []string {
	name = strings.ToLower(name)
	if name == "" || len(name) > 64 {
		return nil
	}
	type found struct {
		name string
		far  int
	}
	var all []found
	for _, k := range known {
		low := strings.ToLower(k)
		far := distance(name, low)
		limit := 2
		if min(len(name), len(low)) < 5 {
			limit = 1
		}
		switch {
		case far <= limit:
			all = append(all, found{k, far})
		case len(name) >= 3 && strings.HasPrefix(low, name):
			all = append(all, found{k, limit + 1})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(a.far, b.far) })
	var out []string
	for _, f := range all[:min(most, len(all))] {
		out = append(out, f.name)
	}
	return out
}

// Hint returns ": did you mean A or B?" for the names that are near, "" without any.
func Hint(name string, known []string) string {
	list := closest(name, known)
	if len(list) == 0 {
		return ""
	}
	return ": did you mean " + strings.Join(list, " or ") + "?"
}

// distance counts the insertions, deletions, substitutions and swaps of neighbours that
// make one name of the other (optimal string alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row[0] = i + 1
		for j := range b {
			differ := 1
			if a[i] == b[j] {
				differ = 0
			}
			row[j+1] = min(last[j]+differ, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
