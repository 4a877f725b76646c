package debug

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for s, want := range map[string]int{"0": Off, "1": Devices, "2": Kernels, "3": Graphs, "4": Sources} {
		if n, err := Parse(s); err != nil || n != want {
			t.Errorf("%s is read as %d (%v)", s, n, err)
		}
	}
	for _, s := range []string{"", "5", "6", "-1", "two", "1.0", "99999999999999999999"} {
		if n, err := Parse(s); err == nil || n != Off || !strings.Contains(err.Error(), "from 0 to 4") {
			t.Errorf("%q is read as %d (%v)", s, n, err)
		}
	}
}

// A level prints what lower ones do. A bad value prints nothing and is an error every time.
func TestEnvironment(t *testing.T) {
	for _, c := range []struct {
		value string
		level int
		good  bool
	}{{"", Off, true}, {"0", Off, true}, {"1", Devices, true}, {"4", Sources, true}, {"5", Off, false}, {"all", Off, false}} {
		t.Run(c.value, func(t *testing.T) {
			t.Setenv("CREASE_DEBUG", c.value)
			defer Reload()()
			for l := Devices; l <= Sources; l++ {
				if On(l) != (l <= c.level) {
					t.Errorf("level %d is on: %v", l, On(l))
				}
			}
			for range 2 {
				if err := Load(); (err == nil) != c.good || !c.good && !strings.Contains(err.Error(), `CREASE_DEBUG="`+c.value+`"`) {
					t.Error(err)
				}
			}
			if old := Set(Kernels); old != c.level || !On(Kernels) || On(Graphs) {
				t.Errorf("the level was %d, want %d", old, c.level)
			}
		})
	}
}

func TestPrint(t *testing.T) {
	var b strings.Builder
	restore := Redirect(&b)
	Printf("%-10s %d", "cpu", 1)
	Program("opencl:0", "compiling", "neg", "a\nb")
	restore()
	if want := "cpu        1\nopencl:0   compiling neg:\na\nb\nopencl:0   end of neg\n"; b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}
