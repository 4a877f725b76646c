//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// size returns the width of a terminal in characters, 0 for what is none.
func size(f *os.File) int {
	ws, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	switch {
	case err != nil:
		return 0
	case ws.Col == 0:
		return usual // a terminal that does not know
	}
	return int(ws.Col)
}
