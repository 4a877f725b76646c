package graph

import "strings"

// Diff compares two dumps of a graph in text, before a pass and after it: lines that only
// one has begin with - or +. Lines that both have are left out.
func Diff(before, after string) string {
	a, b := lines(before), lines(after)
	had, has := map[string]int{}, map[string]int{}
	for _, l := range a {
		had[l]++
	}
	for _, l := range b {
		has[l]++
	}
	var out strings.Builder
	i, j := 0, 0
	// Nodes keep their numbers and mostly their order, so that what is in one list only
	// belongs beside what surrounds it.
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && has[a[i]] == 0:
			out.WriteString("- " + a[i] + "\n")
			i++
		case j < len(b) && had[b[j]] == 0:
			out.WriteString("+ " + b[j] + "\n")
			j++
		default:
			if i < len(a) {
				i++
			}
			if j < len(b) {
				j++
			}
		}
	}
	return out.String()
}

func lines(s string) []string {
	s = strings.TrimSuffix(s, "\n")
	if s == "" {
		return nil
	}
	return strings.Split(s, "\n")
}
