package main

import (
	"fmt"
	"io"

	"github.com/crease-ml/crease/internal/compiling"
	"github.com/crease-ml/crease/internal/terminal"
)

// showCompiling shows, on a terminal, which kernel a device is compiling, on a line that
// goes away when it is done. It writes nothing to what is no terminal. The function that it
// returns ends that.
func showCompiling(w io.Writer) (stop func()) {
	if !terminal.Live(w) {
		return func() {}
	}
	return compiling.Watch(func(n int, name string) { drawCompiling(w, terminal.Width(w), n, name) })
}

// drawCompiling writes over the line at the cursor: the number and the name of the kernel
// that is being compiled, or nothing where there is none.
func drawCompiling(w io.Writer, width, n int, name string) {
	line := ""
	if name != "" {
		line = clip(fmt.Sprintf("compiling %d: %s", n, name), width-1)
	}
	fmt.Fprintf(w, "\r%s\x1b[K", line)
}
