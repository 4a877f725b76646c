package npy

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/ops"
)

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, typ := range names {
		for _, dims := range [][]int{{}, {0, 3}, {7}, {2, 3, 4}} {
			h := ops.Arg{Shape: dims}.Make(typ, r)
			b, err := Encode(h)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(b) - h.Bytes(); n%64 != 0 {
				t.Errorf("the elements begin at byte %d", n)
			}
			got, err := Decode(b)
			if err != nil || !got.Spec.Equal(h.Spec) || !slices.Equal(got.Data, h.Data) {
				t.Errorf("%v: got %v, %v", h.Spec, got.Spec, err)
			}
		}
	}
	if _, err := Encode(ops.NewHost(ops.Spec{DType: dtype.BF16, Shape: []int{1}})); err == nil {
		t.Error("bf16 was written")
	}
}

// fixtures are the .npy files of the malformed ones.
func fixtures(t testing.TB) map[string][]byte {
	dir := os.Getenv("CREASE_FIXTURES")
	if dir == "" {
		t.Skip("CREASE_FIXTURES does not say where the files are")
	}
	f, err := os.Open(filepath.Join(dir, "malformed-files.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".npy") {
			if files[path.Base(h.Name)], err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFiles(t *testing.T) {
	want := map[string][]float64{
		"valid_f4_2x3.npy": {0, 1, 2, 3, 4, 5}, "valid_f4_2x3_fortran.npy": {0, 1, 2, 3, 4, 5}, "valid_be_f8.npy": {1, 2, 3},
		"valid_v2.npy": {-7}, "valid_empty.npy": {},
	}
	files := fixtures(t)
	if len(files) < 25 {
		t.Fatalf("only %d files", len(files))
	}
	for name, data := range files {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		h, err := Decode(data)
		runtime.ReadMemStats(&after)
		if took, limit := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+4*len(data)); took > limit {
			t.Errorf("%s: %d bytes were allocated, the limit is %d", name, took, limit)
		}
		var format *FormatError
		switch {
		case strings.HasPrefix(name, "bad") && !errors.As(err, &format):
			t.Errorf("%s: got %v, want a *FormatError", name, err)
		case want[name] != nil && (err != nil || !slices.Equal(h.Float64s(), want[name])):
			t.Errorf("%s: got %v, %v, want %v", name, h.Float64s(), err, want[name])
		case strings.HasPrefix(name, "valid") && err != nil && name != "valid_v3_utf8.npy":
			t.Errorf("%s: %v", name, err)
		}
		// No truncation and no flipped bit is a panic.
		for n := range data {
			_, _ = Decode(data[:n])
			for bit := range 8 {
				damaged := slices.Clone(data)
				damaged[n] ^= 1 << bit
				_, _ = Decode(damaged)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	b, err := Encode(ops.Scalar(dtype.F32, 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := Decode(data); err == nil && h.Bytes() > len(data) {
			t.Errorf("%d bytes of elements from %d", h.Bytes(), len(data))
		}
	})
}
