// Package terminal tells what a command writes to: whether a person watches, and how
// many characters fit on a line.
package terminal

import (
	"io"
	"os"
	"strconv"
)

// usual is the width of what is no terminal, in characters, and narrowest the least that
// is used.
const (
	usual     = 80
	narrowest = 20
)

// Width returns how many characters fit on a line: what COLUMNS says, else the width of
// the terminal that w is, else 80.
func Width(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(n, narrowest)
	}
	if f, ok := w.(*os.File); ok {
		if n := size(f); n > 0 {
			return max(n, narrowest)
		}
	}
	return usual
}

// Live reports whether w is a terminal that can write over a line.
func Live(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("TERM") != "dumb" && size(f) > 0
}
