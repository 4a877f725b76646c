package peer

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// Libraries are what a Python can be asked to time.
var Libraries = []string{"numpy", "torch"}

//go:embed python.py
var script string

// Python is a process of Python that times small operations of one library, on one
// thread, when it is asked to. Its methods are for one goroutine.
//
// A process that dies, answers nonsense or does not answer in time is killed; from
// then on it has no workloads, and Sample returns the first error again.
type Python struct {
	Library string // one of Libraries
	Version string // of the library
	Runs    string // the version of Python that runs it

	workloads []string
	limit     time.Duration
	cmd       *exec.Cmd
	kill      context.CancelFunc
	in        io.WriteCloser
	lines     chan line // closed where the output ends
	says      *tail
	failed    error
}

// PythonOptions say which Python is started, and how long it may take.
type PythonOptions struct {
	Path   string        // or a name to be found in PATH; that of CREASE_PYTHON when empty, else python3
	Start  time.Duration // until the library is loaded; 15 s when 0
	Answer time.Duration // until a sample has been taken; 5 s when 0
}

// StartPython starts a Python and waits until it has loaded the library. A Python
// or a library that is not there is an *AbsentError. The process ends with the
// context, and with Close.
func StartPython(ctx context.Context, library string, o PythonOptions) (*Python, error) {
	if !slices.Contains(Libraries, library) {
		return nil, fmt.Errorf("peer %q: want %s", library, strings.Join(Libraries, " or "))
	}
	name := cmp.Or(o.Path, os.Getenv("CREASE_PYTHON"), "python3")
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, &AbsentError{library, []string{name}, err}
	}
	ctx, kill := context.WithCancel(ctx)
	p := &Python{Library: library, limit: cmp.Or(o.Answer, 5*time.Second), kill: kill, lines: make(chan line), says: &tail{}}
	p.cmd = exec.CommandContext(ctx, path, "-c", script, library)
	p.cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1", "VECLIB_MAXIMUM_THREADS=1", "PYTHONWARNINGS=ignore")
	p.cmd.Stderr = p.says
	p.cmd.WaitDelay = 100 * time.Millisecond // a grandchild may hold the pipes open
	isolate(p.cmd)
	out, err := p.open()
	if err != nil {
		kill()
		return nil, fmt.Errorf("%s cannot be started: %w", path, err)
	}
	go read(ctx, out, p.lines)
	a, err := p.hear(ctx, cmp.Or(o.Start, 15*time.Second))
	switch {
	case err != nil:
	case a.Error != "":
		err = &AbsentError{library, []string{path}, errors.New(a.Error)}
	case a.Library != library || a.Version == "":
		err = fmt.Errorf("%s says that it has %q of version %q, want %s", path, a.Library, a.Version, library)
	}
	if err != nil {
		return nil, p.fail(err)
	}
	p.Version, p.Runs, p.workloads = a.Version, a.Python, a.Workloads
	return p, nil
}

// open starts the process and returns its output.
func (p *Python) open() (out io.Reader, err error) {
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if out, err = p.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	return out, p.cmd.Start()
}

// Has reports whether the library can do a workload.
func (p *Python) Has(workload string) bool { return slices.Contains(p.workloads, workload) }

// Sample is the mean time of one op of a workload, in nanoseconds, over a stretch of
// about the given length. The first sample of a workload warms it up. When the
// library fails at a workload, that one is not had any more, and the others are.
func (p *Python) Sample(ctx context.Context, workload string, length time.Duration) (ns float64, err error) {
	switch {
	case p.failed != nil:
		return 0, p.failed
	case !p.Has(workload):
		return 0, fmt.Errorf("%s has no workload %s", p.Library, workload)
	}
	ask, err := json.Marshal(map[string]any{"workload": workload, "seconds": length.Seconds()})
	if err != nil {
		return 0, err
	}
	_, _ = p.in.Write(append(ask, '\n')) // hear finds out why nobody reads
	a, err := p.hear(ctx, p.limit+length)
	if err == nil && a.Error != "" {
		p.workloads = slices.DeleteFunc(slices.Clone(p.workloads), func(w string) bool { return w == workload })
		return 0, fmt.Errorf("%s %s fails at %s: %s", p.Library, p.Version, workload, a.Error)
	}
	if err == nil && (!(a.NS > 0) || math.IsInf(a.NS, 0)) {
		err = fmt.Errorf("%s says that an op of %s takes %g ns", p.cmd.Path, workload, a.NS)
	}
	if err != nil {
		return 0, p.fail(err)
	}
	return a.NS, nil
}

// Close ends the process.
func (p *Python) Close() {
	p.kill()
	if p.failed == nil {
		p.failed = fmt.Errorf("%s has been closed", p.Library)
	}
	p.workloads = nil
	_ = p.cmd.Wait() // which says that it was killed
}

// fail closes the process because of an error.
func (p *Python) fail(err error) error {
	p.failed = err
	p.Close()
	return err
}

// answer is a line that the script writes.
type answer struct {
	Library, Version, Python string
	Workloads                []string
	NS                       float64
	Error                    string
}

// hear waits for a line.
func (p *Python) hear(ctx context.Context, limit time.Duration) (a answer, err error) {
	late := time.NewTimer(limit)
	defer late.Stop()
	select {
	case <-ctx.Done():
		return a, ctx.Err()
	case <-late.C:
		return a, fmt.Errorf("%s did not answer for %s within %v", p.cmd.Path, p.Library, limit)
	case l, ok := <-p.lines:
		switch {
		case !ok:
			return a, p.died(ctx)
		case l.err != nil:
			return a, fmt.Errorf("%s cannot be read: %w", p.cmd.Path, l.err)
		}
		if err := json.Unmarshal(l.text, &a); err != nil {
			return a, fmt.Errorf("%s does not answer in JSON for %s: %.60q", p.cmd.Path, p.Library, l.text)
		}
		return a, nil
	}
}

// died says how the process ended. One that only closed its output is killed.
func (p *Python) died(ctx context.Context) error {
	defer time.AfterFunc(100*time.Millisecond, p.kill).Stop()
	err := p.cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	how := "exit status 0"
	if err != nil {
		how = err.Error()
	}
	if last := p.says.last(); last != "" {
		how += ": " + last
	}
	return fmt.Errorf("%s ended instead of answering for %s (%s)", p.cmd.Path, p.Library, how)
}

// line is one of the output, or why there are no more.
type line struct {
	text []byte
	err  error
}

// read sends the lines of an output until its end, or the context's. A line that is
// too long for an answer is an error.
func read(ctx context.Context, out io.Reader, to chan<- line) {
	defer close(to)
	send := func(l line) bool {
		select {
		case to <- l:
			return true
		case <-ctx.Done():
			return false
		}
	}
	s := bufio.NewScanner(out)
	for s.Scan() {
		if !send(line{text: bytes.Clone(s.Bytes())}) {
			return
		}
	}
	if s.Err() != nil && !errors.Is(s.Err(), os.ErrClosed) {
		send(line{err: s.Err()})
	}
}

// tail keeps the end of what a process writes to standard error.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - 4096; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

// last is the last line, in which Python names the exception.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	text := strings.TrimSpace(string(t.text))
	return text[strings.LastIndexByte(text, '\n')+1:]
}
