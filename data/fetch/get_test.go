package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// content is what the test's server has.
var content = func() []byte {
	b := make([]byte, 300<<10)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}()

// serve has a set of one file behind a handler, which is told how many requests
// came before.
func serve(t *testing.T, h func(n int, w http.ResponseWriter, r *http.Request)) Set {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(int(n.Add(1))-1, w, r) }))
	t.Cleanup(s.Close)
	sum := sha256.Sum256(content)
	return Set{Name: "mine", Files: []File{{"data.bin", s.URL + "/data.bin", int64(len(content)), hex.EncodeToString(sum[:])}}}
}

// honest gives the file, whole or a range of it.
func honest(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "data.bin", time.Time{}, bytes.NewReader(content))
}

// cut gives the first bytes of what an honest server gives, and breaks off.
func cut(w http.ResponseWriter, r *http.Request, n int) {
	var from int
	if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); err == nil {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(content)-1, len(content)))
		w.Header().Set("Content-Length", fmt.Sprint(len(content)-from))
		w.WriteHeader(http.StatusPartialContent)
	} else {
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	}
	w.Write(content[from : from+n])
	w.(http.Flusher).Flush()
}

var quick = Options{Wait: time.Millisecond, Stall: 2 * time.Second}

func check(t *testing.T, dir string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "mine", "data.bin"))
	if err != nil || !bytes.Equal(b, content) {
		t.Errorf("the file has %d bytes: %v", len(b), err)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "mine"))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v: %v", entries, err)
	}
}

func TestGet(t *testing.T) {
	requests := 0
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) { requests = n + 1; honest(w, r) })
	dir := t.TempDir()
	var seen []int64
	o := quick
	o.Progress = func(_ File, have int64) { seen = append(seen, have) }
	for range 2 { // the second time there is nothing to do
		if err := Get(t.Context(), s, dir, o); err != nil {
			t.Fatal(err)
		}
		check(t, dir)
	}
	if requests != 1 || !slices.IsSorted(seen) || seen[len(seen)-1] != int64(len(content)) {
		t.Errorf("%d requests, progress %v", requests, seen)
	}
}

// What broke off is taken up where it stopped: at once, and in a later call.
func TestBrokenConnectionsAreResumed(t *testing.T) {
	var ranges []string
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		if n < 3 {
			cut(w, r, 70<<10)
			panic(http.ErrAbortHandler)
		}
		honest(w, r)
	})
	dir := t.TempDir()
	once := quick
	once.Tries = 1
	var failed *Error
	if err := Get(t.Context(), s, dir, once); !errors.As(err, &failed) {
		t.Fatalf("a broken connection: %v", err)
	}
	if err := Get(t.Context(), s, dir, quick); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
	if !slices.Equal(ranges, []string{"", "bytes=71680-", "bytes=143360-", "bytes=215040-"}) {
		t.Errorf("asked for %q", ranges)
	}
}

func TestStalledConnectionsAreResumed(t *testing.T) {
	s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 0 {
			cut(w, r, 1000)
			<-r.Context().Done()
			return
		}
		honest(w, r)
	})
	dir, o := t.TempDir(), quick
	o.Stall = 200 * time.Millisecond
	if err := Get(t.Context(), s, dir, o); err != nil {
		t.Fatal(err)
	}
	check(t, dir)
}

// A server that knows no ranges, or gives another one than it was asked for,
// begins anew.
func TestServersWithoutRanges(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"none": func(w http.ResponseWriter, _ *http.Request) { w.Write(content) },
		"another": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") == "" {
				honest(w, r)
				return
			}
			w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(content)
		},
		"not satisfiable": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			honest(w, r)
		},
	} {
		s := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
			if n == 0 {
				cut(w, r, 5000)
				panic(http.ErrAbortHandler)
			}
			h(w, r)
		})
		dir := t.TempDir()
		if err := Get(t.Context(), s, dir, quick); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		check(t, dir)
	}
}

// Wrong bytes are refused and nothing is left of them; a part that lay there wrong
// is got anew.
func TestLies(t *testing.T) {
	wrong := slices.Clone(content)
	wrong[1000] ^= 1
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"content": {func(w http.ResponseWriter, _ *http.Request) { w.Write(wrong) }, "SHA-256"},
		"longer":  {func(w http.ResponseWriter, _ *http.Request) { w.Write(append(slices.Clone(content), 1)) }, "more than the 307200 bytes"},
		"shorter": {func(w http.ResponseWriter, _ *http.Request) { w.Write(content[:1000]) }, "1000 of 307200"},
		"missing": {http.NotFound, "404"},
		"broken":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "502"},
	} {
		s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { c.h(w, r) })
		dir := t.TempDir()
		var failed *Error
		if err := Get(t.Context(), s, dir, quick); !errors.As(err, &failed) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, "mine", "data.bin")); err == nil {
			t.Errorf("%s: there is a file", name)
		}
	}
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { honest(w, r) })
	for _, size := range []int{2000, len(content), len(content) + 5} {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "mine"), 0o755); err != nil {
			t.Fatal(err)
		}
		part := append(slices.Clone(wrong), 1, 2, 3, 4, 5)[:size]
		if err := os.WriteFile(filepath.Join(dir, "mine", "data.bin.part"), part, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := Get(t.Context(), s, dir, quick); err != nil {
			t.Errorf("a wrong part of %d bytes: %v", size, err)
		}
		check(t, dir)
	}
}

func TestOtherFilesAreLeftAlone(t *testing.T) {
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) { honest(w, r) })
	dir := t.TempDir()
	path := filepath.Join(dir, "mine", "data.bin")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	var failed *Error
	if err := Get(t.Context(), s, dir, quick); !errors.As(err, &failed) || !strings.Contains(err.Error(), "another file") {
		t.Errorf("a file that is there: %v", err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("it is now %q: %v", b, err)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
		cut(w, r, 1000)
		cancel()
		<-r.Context().Done()
	})
	if err := Get(ctx, s, t.TempDir(), quick); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// The sums and sizes are those of the files that are here.
func TestSums(t *testing.T) {
	dir := os.Getenv("CREASE_DATA")
	if dir == "" {
		t.Skip("CREASE_DATA is not set")
	}
	found := 0
	for _, s := range Sets {
		for _, f := range s.Files {
			info, err := os.Stat(filepath.Join(dir, s.Name, f.Name))
			if err != nil || info.Size() != f.Size {
				continue // absent, or packed anew
			}
			found++
			if sum, err := sumOf(filepath.Join(dir, s.Name, f.Name), f.Size); err != nil || sum != f.SHA256 {
				t.Errorf("%s/%s has SHA-256 %s, the table says %s (%v)", s.Name, f.Name, sum, f.SHA256, err)
			}
		}
	}
	if found == 0 {
		t.Skip("no file is here as published")
	}
}
