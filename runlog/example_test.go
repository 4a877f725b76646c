package runlog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/crease-ml/crease/runlog"
)

// A run writes lines for scripts and events for TensorBoard.
func Example() {
	dir, err := os.MkdirTemp("", "runlog")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	lines, err := runlog.OpenLines(filepath.Join(dir, "log.jsonl"))
	if err != nil {
		panic(err)
	}
	events, err := runlog.OpenEvents(filepath.Join(dir, "events"))
	if err != nil {
		panic(err)
	}
	for step, loss := range []float64{0.75, 0.5} {
		err = lines.Write("report", step, map[string]any{"loss": loss})
		if err == nil {
			err = events.Scalar("loss", step, loss)
		}
		if err != nil {
			panic(err)
		}
	}
	lines.Close()
	events.Close()
	text, _ := os.ReadFile(filepath.Join(dir, "log.jsonl"))
	for line := range strings.Lines(string(text)) {
		_, end, _ := strings.Cut(line, `"kind"`)
		fmt.Print(`{... "kind"`, end)
	}
	// Output:
	// {... "kind":"report","step":0,"loss":0.75}
	// {... "kind":"report","step":1,"loss":0.5}
}
