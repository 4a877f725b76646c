package exec

import "io"

// DebugTo sends what CREASE_DEBUG prints somewhere else.
func DebugTo(w io.Writer) (restore func()) {
	old := debugOutput
	debugOutput = w
	return func() { debugOutput = old }
}
