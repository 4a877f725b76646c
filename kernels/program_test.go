package kernels

import (
	"strings"
	"testing"
)

func TestListing(t *testing.T) {
	if got := Listing("a\nb"); got != "   1  a\n   2  b" {
		t.Errorf("%q", got)
	}
	if got := Listing(strings.Repeat("x\n", 10_000)); strings.Count(got, "\n") != maxLines+1 {
		t.Errorf("%d lines", strings.Count(got, "\n"))
	}
}
