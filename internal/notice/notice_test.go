package notice

import (
	"strings"
	"testing"
)

func TestOnce(t *testing.T) {
	var b strings.Builder
	restore := Redirect(&b)
	for range 3 {
		Once("the %s is full", "disk")
	}
	Once("the disk is empty")
	restore()
	if b.String() != "crease: the disk is full\ncrease: the disk is empty\n" {
		t.Errorf("%q", b.String())
	}
}
