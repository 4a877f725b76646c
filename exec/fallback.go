package exec

import (
	"cmp"
	"fmt"
	"os"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/ops"
)

// Fallback is the lowest step of the ladder that dispatch may take.
type Fallback uint32

// Fallbacks, from the most to the least permissive.
const (
	AllowReference Fallback = iota // "ref": anything; the default
	AllowLowering                  // "lower": the host reference is an error
	KernelsOnly                    // "error": lowering is an error too
)

// ParseFallback reads ref, lower or error.
func ParseFallback(s string) (Fallback, error) {
	for i, name := range fallbackNames {
		if s == name {
			return Fallback(i), nil
		}
	}
	return 0, fmt.Errorf("fallback %q: want ref, lower or error", s)
}

var fallbackNames = [...]string{"ref", "lower", "error"}

func (f Fallback) String() string { return fallbackNames[f] }

// FallbackError is returned when dispatch would have to take a forbidden step.
type FallbackError struct {
	Device string
	Op     string
	Step   Step
}

func (e *FallbackError) Error() string {
	return fmt.Sprintf("device %s has no kernel for %s here and falling back to its %s is forbidden (CREASE_FALLBACK): allow it with CREASE_FALLBACK=ref or lower, or use another device", e.Device, e.Op, e.Step)
}

// settings come from the environment once and can be changed by the program.
var settings struct {
	once     sync.Once
	bad      error
	fallback atomic.Uint32
}

// loadSettings reads the environment on first use; a bad value is an error
// every time.
func loadSettings() error {
	settings.once.Do(func() {
		if s, ok := os.LookupEnv("CREASE_FALLBACK"); ok && s != "" {
			f, err := ParseFallback(s)
			if err != nil {
				settings.bad = fmt.Errorf("CREASE_FALLBACK: %w", err)
				return
			}
			settings.fallback.Store(uint32(f))
		}
	})
	return cmp.Or(settings.bad, debug.Load())
}

// SetFallback changes the lowest step dispatch may take and returns the one in
// force before.
func SetFallback(f Fallback) Fallback {
	_ = loadSettings() // a bad environment is reported when an engine is made
	return Fallback(settings.fallback.Swap(uint32(f)))
}

// SetDebug changes how much is printed to standard error, as CREASE_DEBUG does, and returns
// the level in force before: 0 prints nothing, 1 every device and plan, 2 every kernel
// that runs, 3 the passes over compiled graphs, 4 the source of programs that devices compile.
func SetDebug(level int) int { return debug.Set(level) }

// Allowed returns a *FallbackError where an engine may not run an op by a step.
func Allowed(e *Engine, op *ops.Op, s Step) error { return e.refuse(op, s) }

// refuse returns an error when a step is forbidden.
func (e *Engine) refuse(op *ops.Op, s Step) error {
	f := Fallback(settings.fallback.Load())
	if s == Reference && f != AllowReference || s == Lowered && f == KernelsOnly {
		return &FallbackError{Device: e.name, Op: op.Name, Step: s}
	}
	return nil
}
