// Package notice tells the user what is not worth an error but must not be silent: a
// cache that is not used, an environment variable that nothing reads. It writes lines
// that begin with "crease: " to standard error, each once in the life of a process.
package notice

import (
	"fmt"
	"io"
	"os"
	"sync"
)

var (
	mu   sync.Mutex
	to   io.Writer = os.Stderr
	said           = map[string]bool{}
)

// Once writes a line unless it has been written before.
func Once(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	mu.Lock()
	defer mu.Unlock()
	if !said[text] {
		said[text] = true
		fmt.Fprintln(to, "crease:", text)
	}
}

// Redirect lets lines go to w, also those that were written before, and returns a
// function that ends that. Tests and the command line use it.
func Redirect(w io.Writer) (restore func()) {
	mu.Lock()
	defer mu.Unlock()
	oldTo, oldSaid := to, said
	to, said = w, map[string]bool{}
	return func() {
		mu.Lock()
		defer mu.Unlock()
		to, said = oldTo, oldSaid
	}
}
