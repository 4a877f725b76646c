package conform

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
)

// Open opens a device for a test, which is skipped where there is none, see [Absent].
func Open(t testing.TB, name string) hal.Device {
	t.Helper()
	d, err := hal.Open(name)
	if err != nil {
		spec, bad := hal.ParseSpec(name)
		if bad != nil {
			t.Fatal(bad)
		}
		Absent(t, spec.Kind, err)
	}
	return d
}

// Absent skips a test that needs devices of a kind and cannot have one, because of
// err. Where CREASE_FLAGSHIP, a list of kinds as in "cpu,opencl", says that they are
// there, the test fails instead.
func Absent(t testing.TB, kind string, err error) {
	t.Helper()
	if slices.Contains(strings.Split(os.Getenv("CREASE_FLAGSHIP"), ","), kind) {
		t.Fatal(err)
	}
	t.Skip(err)
}
