package timing

import "testing"

// TestPaper is the table of checks against the TPU v1 paper; known misses are
// printed and not asserted.
func TestPaper(t *testing.T) {
	misses := 0
	for _, c := range Paper() {
		what := "within"
		switch {
		case c.Miss:
			what = "MISS"
			misses++
		case !c.Holds():
			t.Errorf("%s: model %.4g, paper %.4g %s, differs by %.2f, limit %.2f", c.Name, c.Model, c.Paper, c.Unit, c.Difference, c.Limit)
		case c.Bound:
			what = "above"
		}
		t.Logf("%-45s model %9.5g  paper %9.5g %-20s differs %6.2f  %s %s", c.Name, c.Model, c.Paper, c.Unit, c.Difference, what, c.Why)
	}
	if misses != 7 {
		t.Errorf("%d figures are marked as misses, want the 7 of reference/tpu.md", misses)
	}
}

// The paper's own rows add up, so that shares of them mean something.
func TestPaperRowsAddUp(t *testing.T) {
	for _, w := range workloads {
		if sum := w.matrix() + w.other; sum < 99.85 || sum > 100.15 {
			t.Errorf("%s: rows 1, 4, 5 and 6 add to %.1f", w.name, sum)
		}
	}
	// The LSTMs reach half of what their useful multiply-adds say: half speed.
	for _, i := range []int{2, 3} {
		w := workloads[i]
		if f := w.useful / 100 * 92 / w.tops; f < 1.95 || f > 2.1 {
			t.Errorf("%s: useful work is %.2f times the rate reached, want about 2", w.name, f)
		}
	}
}
