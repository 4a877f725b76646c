package exec

import (
	"strings"
	"sync"
	"testing"

	"github.com/crease-ml/crease/internal/debug"
)

// reload reads the environment as a new process would.
func reload(t *testing.T) error {
	t.Helper()
	fallback, restore := settings.fallback.Load(), debug.Reload()
	t.Cleanup(func() {
		settings.once, settings.bad = sync.Once{}, nil
		settings.once.Do(func() {})
		settings.fallback.Store(fallback)
		restore()
	})
	settings.once, settings.bad = sync.Once{}, nil
	settings.fallback.Store(0)
	return loadSettings()
}

func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		fallback, level string
		want            Fallback
		debug           int
	}{
		{"", "", AllowReference, 0},
		{"ref", "0", AllowReference, 0},
		{"lower", "2", AllowLowering, 2},
		{"error", "4", KernelsOnly, 4},
	} {
		t.Run(c.fallback, func(t *testing.T) {
			t.Setenv("CREASE_FALLBACK", c.fallback)
			t.Setenv("CREASE_DEBUG", c.level)
			if err := reload(t); err != nil {
				t.Fatal(err)
			}
			if f := SetFallback(AllowReference); f != c.want {
				t.Errorf("fallback %s, want %s", f, c.want)
			}
			if l := SetDebug(0); l != c.debug {
				t.Errorf("debug level %d, want %d", l, c.debug)
			}
		})
	}
}

// A bad value is an error every time, not only the first.
func TestBadEnvironment(t *testing.T) {
	for name, value := range map[string]string{"CREASE_FALLBACK": "never", "CREASE_DEBUG": "5"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("CREASE_FALLBACK", "")
			t.Setenv("CREASE_DEBUG", "")
			t.Setenv(name, value)
			for range 2 {
				if err := reload(t); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), value) {
					t.Errorf("%s=%s: %v", name, value, err)
				}
			}
			if _, err := On(nil); err == nil {
				t.Error("an engine was made in spite of it")
			}
		})
	}
}

func TestParseFallback(t *testing.T) {
	for _, f := range []Fallback{AllowReference, AllowLowering, KernelsOnly} {
		if got, err := ParseFallback(f.String()); err != nil || got != f {
			t.Errorf("%s is read as %v (%v)", f, got, err)
		}
	}
	if _, err := ParseFallback("Ref"); err == nil {
		t.Error("a name in the wrong case was taken")
	}
}
