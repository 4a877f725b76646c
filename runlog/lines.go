package runlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/crease-ml/crease/internal/jsonobj"
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

// line is what every line begins with.
type line struct {
	Schema int    `json:"schema"`
	Time   string `json:"time"`
	Kind   string `json:"kind"`
	Step   int    `json:"step"`
}

// Write adds a line: what kind of event it is, the step, and what else there is to say. A
// value is a number, a text, a truth value, or a list or struct of these.
func (l *Lines) Write(kind string, step int, values map[string]any) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	head, err := jsonobj.Marshal(line{Schema, l.now().UTC().Format(time.RFC3339Nano), kind, step})
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	rest, err := jsonobj.Marshal(values)
	if err != nil {
		return fmt.Errorf("log: %w", err)
	}
	if _, err := l.file.Write(append(jsonobj.Join(head, rest), '\n')); err != nil {
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

// Close closes the file.
func (l *Lines) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file.Close()
}
