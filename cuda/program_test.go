package cuda

import (
	"strings"
	"testing"

	"github.com/crease-ml/crease/internal/debug"
)

// At debug level 4 a program is printed as it is written and as the driver gets it.
func TestSourcesAreShown(t *testing.T) {
	var b strings.Builder
	defer debug.Redirect(&b)()
	for _, level := range []int{debug.Graphs, debug.Sources} {
		b.Reset()
		defer debug.Set(debug.Set(level))
		d, _, err := emulatedDevice(1)
		must(t, err)
		must(t, everything(d))
		must(t, d.Close())
		for _, want := range []string{" compiling nothing:\n", "SET(y, 0, GET(x, 0))", " loading the PTX of nothing:\n", ".entry nothing"} {
			if strings.Contains(b.String(), want) != (level == debug.Sources) {
				t.Errorf("level %d: %q is printed or missing in\n%s", level, want, &b)
			}
		}
	}
}
