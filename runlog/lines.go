package runlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/crease-ml/crease/internal/safefile"
)

// Schema is the number of the form of a line. It changes when a reader would have to.
const Schema = 1

// Lines is a file of JSON objects, one on every line (jsonlines.org). It is safe for
// concurrent use.
type Lines struct {
	mu   sync.Mutex
	file *os.File
	now  func() time.Time
}

// begins is what every file of lines begins with.
var begins = fmt.Sprintf(`{"schema":%d,`, Schema)

// OpenLines opens a file to add lines to its end, and makes it where there is none. A file
// that holds something else is refused.
func OpenLines(path string) (*Lines, error) {
	if ours, err := safefile.Begins(path, begins); err == nil && !ours { // Append has the words for an error
		return nil, &safefile.Error{Path: path, Do: "write", Reason: "it is no log of a run: give another name"}
	}
	f, err := safefile.Append(path, 0o644)
	if err != nil {
		return nil, err
	}
	return &Lines{file: f, now: time.Now}, nil
}

// Write adds a line: what kind of event it is, the step, and what else there is to say. A
// value is a number, a text, a truth value, or a list or struct of these.
func (l *Lines) Write(kind string, step int, values map[string]any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b bytes.Buffer
	head := []any{"schema", Schema, "time", l.now().UTC().Format(time.RFC3339Nano), "kind", kind, "step", step}
	for i := 0; i < len(head); i += 2 {
		if err := member(&b, head[i].(string), head[i+1]); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := member(&b, name, values[name]); err != nil {
			return err
		}
	}
	b.WriteString("}\n")
	if _, err := l.file.Write(b.Bytes()); err != nil {
		return notWritten(l.file, err)
	}
	return nil
}

// notWritten is the error of a write to a log.
func notWritten(f *os.File, err error) error {
	var system *fs.PathError
	if errors.As(err, &system) {
		err = system.Err
	}
	return &safefile.Error{Path: f.Name(), Do: "write", Err: err}
}

// member writes a name and its value, after what was written before.
func member(b *bytes.Buffer, name string, value any) error {
	if v, ok := value.(float64); ok {
		switch {
		case math.IsNaN(v):
			value = "NaN"
		case math.IsInf(v, 1):
			value = "Infinity"
		case math.IsInf(v, -1):
			value = "-Infinity"
		}
	}
	key, err := json.Marshal(name)
	if err != nil {
		return fmt.Errorf("log: %q: %w", name, err)
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("log: %s: %w", name, err)
	}
	before := byte(',')
	if b.Len() == 0 {
		before = '{'
	}
	b.WriteByte(before)
	b.Write(key)
	b.WriteByte(':')
	b.Write(text)
	return nil
}

// Close closes the file.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
