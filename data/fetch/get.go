package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/crease-ml/crease/internal/safefile"
)

// Options of Get. The zero value is what the command line uses.
type Options struct {
	Client *http.Client
	// Stall is how long a connection may give nothing; 0 stands for 30 seconds.
	Stall time.Duration
	// Tries is how often a connection that breaks is taken up; 0 stands for 5.
	Tries int
	// Wait is the pause before that, doubled each time; 0 stands for a second.
	Wait time.Duration
	// Progress, when set, sees how much of a file is there, at most ten times a second
	// and at its end.
	Progress func(f File, have int64)
}

// Error is a file that could not be got.
type Error struct {
	File   File
	Reason string
	Err    error // may be nil
}

func (e *Error) Error() string {
	s := fmt.Sprintf("get %s: %s", e.File.URL, e.Reason)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Get puts the files of a set into dir/NAME, which it makes. Files that are there
// and right are left alone; others of their names are an error, not replaced. It
// returns an *Error, a *safefile.Error, or that of ctx; what has arrived by then is
// kept for the next call.
func Get(ctx context.Context, s Set, dir string, o Options) error {
	if o.Client == nil {
		o.Client = &http.Client{}
	}
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	if o.Tries == 0 {
		o.Tries = 5
	}
	if o.Wait == 0 {
		o.Wait = time.Second
	}
	folder := filepath.Join(dir, s.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, f := range s.Files {
		if err := o.file(ctx, f, filepath.Join(folder, f.Name)); err != nil {
			return err
		}
	}
	return nil
}

// file gets one file.
func (o Options) file(ctx context.Context, f File, path string) error {
	if _, err := os.Lstat(path); err == nil {
		sum, err := sumOf(path, f.Size)
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			return &Error{File: f, Reason: fmt.Sprintf("%s is there and is another file (SHA-256 %s, want %s): move it away", path, sum, f.SHA256)}
		}
		o.show(f, f.Size)
		return nil
	}
	lock, err := safefile.Lock(path)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	part := path + ".part"
	var last error
	for try := range o.Tries {
		if try > 0 {
			select {
			case <-time.After(o.Wait << (try - 1)):
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		begun, err := o.more(ctx, f, part)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			var final *Error
			if errors.As(err, &final) {
				return err
			}
			last = err
			continue
		}
		sum, err := sumOf(part, f.Size)
		if err != nil {
			return err
		}
		if sum == f.SHA256 {
			return os.Rename(part, path)
		}
		if err := os.Remove(part); err != nil {
			return err
		}
		last = fmt.Errorf("the server gave other bytes: SHA-256 %s, want %s", sum, f.SHA256)
		if !begun { // not for what lay there before: another try gets the same
			return &Error{File: f, Reason: "wrong content", Err: last}
		}
	}
	return &Error{File: f, Reason: fmt.Sprintf("given up after %d tries", o.Tries), Err: last}
}

// more appends to the part of a file what is missing. Begun says that something was
// there before. An *Error is final; after any other a further try may help.
func (o Options) more(ctx context.Context, f File, part string) (begun bool, err error) {
	out, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, &Error{File: f, Reason: "its file", Err: err}
	}
	defer out.Close()
	info, err := out.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, &Error{File: f, Reason: part + " is no regular file", Err: err}
	}
	have := info.Size()
	if have > f.Size {
		have = 0
	}
	if have == f.Size {
		return true, nil
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	stalled := time.AfterFunc(o.Stall, stop)
	defer stalled.Stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL, nil)
	if err != nil {
		return false, &Error{File: f, Reason: "its address", Err: err}
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	// A file that is packed already must not be unpacked on the way.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := o.Client.Do(req)
	if err != nil {
		return false, err
	}
	defer res.Body.Close()
	switch {
	case have > 0 && res.StatusCode == http.StatusPartialContent && res.Header.Get("Content-Range") == fmt.Sprintf("bytes %d-%d/%d", have, f.Size-1, f.Size):
	case res.StatusCode == http.StatusOK:
		have = 0 // the server begins anew
	case have > 0 && (res.StatusCode == http.StatusPartialContent || res.StatusCode == http.StatusRequestedRangeNotSatisfiable):
		if err := out.Truncate(0); err != nil {
			return false, err
		}
		return false, fmt.Errorf("the server has another part than bytes %d to %d of %d: %s", have, f.Size-1, f.Size, res.Header.Get("Content-Range"))
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests:
		return false, fmt.Errorf("the server says %s", res.Status)
	default:
		return false, &Error{File: f, Reason: "the server says " + res.Status}
	}
	if err := out.Truncate(have); err != nil {
		return false, err
	}
	if _, err := out.Seek(have, io.SeekStart); err != nil {
		return false, err
	}
	begun = have > 0
	return begun, o.copy(f, out, res.Body, have, stalled)
}

// copy writes what arrives and asks the disk to keep it.
func (o Options) copy(f File, out *os.File, body io.Reader, have int64, stalled *time.Timer) error {
	buf := make([]byte, 64<<10)
	var shown time.Time
	for {
		n, err := body.Read(buf)
		stalled.Reset(o.Stall)
		if have += int64(n); have > f.Size {
			return &Error{File: f, Reason: fmt.Sprintf("the server gives more than the %d bytes that the file has", f.Size)}
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return &Error{File: f, Reason: "its file", Err: err}
		}
		if time.Since(shown) > 100*time.Millisecond || err == io.EOF {
			shown = time.Now()
			o.show(f, have)
		}
		switch {
		case err == io.EOF && have < f.Size:
			return fmt.Errorf("the server ended after %d of %d bytes", have, f.Size)
		case err == io.EOF:
			return out.Sync()
		case errors.Is(err, context.Canceled):
			return fmt.Errorf("nothing came for %v after %d of %d bytes", o.Stall, have, f.Size)
		case err != nil:
			return fmt.Errorf("after %d of %d bytes: %w", have, f.Size, err)
		}
	}
}

func (o Options) show(f File, have int64) {
	if o.Progress != nil {
		o.Progress(f, have)
	}
}

// sumOf is the SHA-256 of a file in hexadecimal digits.
func sumOf(path string, limit int64) (string, error) {
	f, _, err := safefile.Open(path, max(limit, 1)*4)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
