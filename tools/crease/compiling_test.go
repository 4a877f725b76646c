package main

import (
	"bytes"
	"testing"

	"github.com/crease-ml/crease/internal/compiling"
)

// The line fits a narrow terminal and leaves nothing behind.
func TestDrawCompiling(t *testing.T) {
	for _, c := range []struct {
		width int
		name  string
		want  string
	}{
		{80, "matmul_f32", "\rcompiling 12: matmul_f32\x1b[K"},
		{20, "matmul_f32", "\rcompiling 12: ma...\x1b[K"},
		{80, "", "\r\x1b[K"},
	} {
		var b bytes.Buffer
		drawCompiling(&b, c.width, 12, c.name)
		if b.String() != c.want {
			t.Errorf("%d columns: %q, want %q", c.width, &b, c.want)
		}
	}
}

// Nothing is written to what is no terminal.
func TestCompilingIsNotShownInPipes(t *testing.T) {
	var b bytes.Buffer
	stop := showCompiling(&b)
	compiling.Begin("matmul_f32")()
	stop()
	if b.Len() > 0 {
		t.Errorf("wrote %q", &b)
	}
}
