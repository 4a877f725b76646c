package all_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/crease-ml/crease/all"
	"github.com/crease-ml/crease/hal"
)

// Every package that registers a driver is there, but for those of tests.
func TestEveryDriver(t *testing.T) {
	have := map[string]bool{}
	for _, d := range hal.Drivers() {
		have[d.Kind] = true
	}
	for _, s := range hal.AbsentKinds() {
		if s.Name != "opengl" { // has no backend yet
			t.Errorf("there is no driver of kind %s", s.Name)
		}
	}
	text, err := os.ReadFile("all.go")
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range dirs {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pkg := filepath.Base(filepath.Dir(file))
		if strings.Contains(string(b), "hal.Register(") && !strings.HasSuffix(file, "_test.go") && pkg != "all" && !strings.Contains(string(text), "crease/"+pkg+`"`) {
			t.Errorf("%s registers a driver, and package all does not import it", file)
		}
	}
}
