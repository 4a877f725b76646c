package conform

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/exec"
)

// served collects what serves the calls of a suite on a device, with dense operands.
type served struct{ rows []*servedRow }

// servedRow is what serves one row of the table of ops, by groups of element types.
type servedRow struct {
	op string
	by [len(groups)]tally
}

// groups are the columns. Kernels have names in the first one, which is the widest.
var groups = [...]struct {
	name  string
	width int
	has   func(dtype.Type) bool
}{
	{"F32", 28, func(t dtype.Type) bool { return t == dtype.F32 }},
	{"F64", 7, func(t dtype.Type) bool { return t == dtype.F64 }},
	{"F16 F8", 7, func(t dtype.Type) bool { return t.IsFloat() && t.Size() < 4 }},
	{"INT", 7, func(t dtype.Type) bool { return !t.IsFloat() && t != dtype.Bool }},
	{"BOOL", 7, func(t dtype.Type) bool { return t == dtype.Bool }},
}

// way is how a call is served: not at all, because it is a view, or by a step of
// dispatch.
type way int

// ways from the best to the worst, as a column says them and in words.
var ways = [...]struct{ short, long string }{
	{"view", "views"}, {"kernel", "kernels"}, {"copy", "copy+kernel"}, {"lower", "lowering"}, {"ref", "reference"},
}

func wayOf(p *exec.Plan) way {
	if _, _, view := p.View(); view {
		return 0
	}
	return 1 + way(p.Step())
}

// tally counts calls.
type tally struct {
	count   [len(ways)]int
	kernels map[string]int
}

// best is the best way that calls are served, len(ways) when there were none.
func (t *tally) best() way {
	return way(slices.IndexFunc(append(t.count[:], 1), func(n int) bool { return n > 0 }))
}

// mixed reports whether calls are served in several ways.
func (t *tally) mixed() bool {
	n := 0
	for _, c := range t.count {
		n += min(c, 1)
	}
	return n > 1
}

// add notes what serves the subject's call.
func (v *served) add(s *subject) {
	layouts := make([]*exec.Layout, len(s.specs))
	of := s.want[0].DType
	for i, spec := range s.specs {
		l, err := exec.NewLayout(spec, nil)
		if err != nil {
			return
		}
		layouts[i], of = l, s.specs[0].DType
	}
	p, err := s.e.Plan(s.op, s.c.Attrs, layouts)
	if err != nil {
		return // the check has said so
	}
	if n := len(v.rows); n == 0 || v.rows[n-1].op != s.op.Name {
		v.rows = append(v.rows, &servedRow{op: s.op.Name})
	}
	for i, g := range groups {
		if !g.has(of) {
			continue
		}
		t := &v.rows[len(v.rows)-1].by[i]
		t.count[wayOf(p)]++
		if l := p.Launch(); l != nil {
			if t.kernels == nil {
				t.kernels = map[string]int{}
			}
			t.kernels[l.Kernel.Name]++
		}
	}
}

// cell is a tally in a column: the best way, starred where calls are served in others
// too.
func (t *tally) cell(width int) string {
	best := t.best()
	if best == way(len(ways)) {
		return "-"
	}
	star := ""
	if t.mixed() {
		star = "*"
	}
	if width < 10 || len(t.kernels) == 0 {
		return ways[best].short + star
	}
	// The kernel that serves most calls, and how many others there are.
	names := slices.SortedFunc(maps.Keys(t.kernels), func(a, b string) int {
		return cmp.Or(cmp.Compare(t.kernels[b], t.kernels[a]), cmp.Compare(a, b))
	})
	if n := len(names); n > 1 {
		star += fmt.Sprintf(" +%d", n-1)
	}
	return clipped(names[0], width-len(star)) + star
}

// clipped is a name in a column that may be too narrow for it.
func clipped(name string, width int) string {
	if len(name) > width {
		return name[:width-2] + ".."
	}
	return name
}

// String is a table of 80 columns and the sum of it.
func (v *served) String() string {
	line := func(op string, cell func(i int) string) string {
		s := fmt.Sprintf("%-19s", clipped(op, 19))
		for i, g := range groups {
			s += fmt.Sprintf(" %-*s", g.width, cell(i))
		}
		return strings.TrimRight(s, " ") + "\n"
	}
	out := line("ROW", func(i int) string { return groups[i].name })
	var rows [len(ways)]int
	mixed := false
	for _, r := range v.rows {
		best := way(len(ways) - 1)
		for i := range r.by {
			best = min(best, r.by[i].best())
			mixed = mixed || r.by[i].mixed()
		}
		rows[best]++
		out += line(r.op, func(i int) string { return r.by[i].cell(groups[i].width) })
	}
	if mixed {
		out += "* some cases or types are served in another way\n"
	}
	var sum []string
	for i := range ways {
		i = (i + 1) % len(ways) // views last
		if n := rows[i]; n == 1 {
			sum = append(sum, "1 "+strings.TrimSuffix(ways[i].long, "s"))
		} else if n > 1 {
			sum = append(sum, fmt.Sprintf("%d %s", n, ways[i].long))
		}
	}
	return out + fmt.Sprintf("%d rows: %s", len(v.rows), strings.Join(sum, ", "))
}
