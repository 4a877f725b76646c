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

// array puts a file of version 1.0 together.
func array(header string, data ...byte) []byte {
	b := append([]byte(magic), 1, 0, byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), data...)
}

func TestHeaders(t *testing.T) {
	for header, want := range map[string][]float64{
		"{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }":         {1, 2},
		"{'descr': '<i2', 'fortran_order': False, 'shape': (2,)}":           {1, 2},
		" { \"shape\":(2L,) , 'fortran_order':False,'descr' : \"<i2\" } \n": {1, 2},
		"{'descr': '>i2', 'fortran_order': False, 'shape': (2,)}":           {256, 512},
		"{'descr': '=i2', 'fortran_order': True, 'shape': (1, 2)}":          {1, 2},
		"{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2)}":         {1, 0, 2, 0},
		"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2)}":          {1, 2, 0, 0},

		"": nil, "{": nil, "}": nil, "{}": nil, "'descr'": nil,
		"{'descr': '<i2', 'fortran_order': False}":                                                      nil,
		"{'descr': '<i2', 'shape': (2,)}":                                                               nil,
		"{'fortran_order': False, 'shape': (2,)}":                                                       nil,
		"{'descr': '<i2' 'fortran_order': False, 'shape': (2,)}":                                        nil,
		"{'descr' '<i2', 'fortran_order': False, 'shape': (2,)}":                                        nil,
		"{descr: '<i2', 'fortran_order': False, 'shape': (2,)}":                                         nil,
		"{'descr': <i2, 'fortran_order': False, 'shape': (2,)}":                                         nil,
		"{'descr': '<i2', 'descr': '<i2', 'fortran_order': False, 'shape': (2,)}":                       nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (2,), 'x': 'y'}":                             nil,
		"{'descr': '<<i2', 'fortran_order': False, 'shape': (2,)}":                                      nil,
		"{'descr': '<c8', 'fortran_order': False, 'shape': (2,)}":                                       nil,
		"{'descr': '<i2', 'fortran_order': 0, 'shape': (2,)}":                                           nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (2)}":                                        nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': 2,)}":                                        nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (2,}":                                        nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (-2,)}":                                      nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (2,,)}":                                      nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (3,)}":                                       nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (1,)}":                                       nil,
		"{'descr: '<i2', 'fortran_order': False, 'shape': (2,)":                                         nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape}":                                              nil,
		"{'descr': '<i2', 'fortran_order': False, 'shape': (4611686018427387904, 4611686018427387904)}": nil,
	} {
		h, err := Decode(array(header, 1, 0, 2, 0))
		var bad *FormatError
		switch {
		case want == nil && !errors.As(err, &bad):
			t.Errorf("%s was read: %v, %v", header, h.Spec, err)
		case want != nil && (err != nil || !slices.Equal(h.Float64s(), want)):
			t.Errorf("%s: %v, %v, want %v", header, h.Data, err, want)
		}
	}
}

func TestVersionsAndSizes(t *testing.T) {
	good := "{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}"
	version := func(major, minor byte, size uint32, rest string) []byte {
		b := append([]byte(magic), major, minor)
		if major > 1 {
			return append(append(b, byte(size), byte(size>>8), byte(size>>16), byte(size>>24)), rest...)
		}
		return append(append(b, byte(size), byte(size>>8)), rest...)
	}
	long := good + strings.Repeat(" ", maxHeader-len(good))
	n := uint32(len(good))
	for what, c := range map[string]struct {
		data []byte
		good bool
	}{
		"1.0": {version(1, 0, n, good+"x"), true}, "2.0": {version(2, 0, n, good+"x"), true}, "3.0": {version(3, 0, n, good+"x"), true},
		"0.0": {version(0, 0, n, good+"x"), false}, "1.1": {version(1, 1, n, good+"x"), false}, "4.0": {version(4, 0, n, good+"x"), false},
		"longest, 1.0": {version(1, 0, maxHeader, long+"x"), true}, "longest, 2.0": {version(2, 0, maxHeader, long+"x"), true},
		"too long, 1.0": {version(1, 0, maxHeader+1, long+" x"), false}, "too long, 2.0": {version(2, 0, maxHeader+1, long+" x"), false},
		"beyond the file": {version(1, 0, n+2, good+"x"), false}, "far beyond": {version(2, 0, 1<<31, good+"x"), false},
		"cut in the size": {version(2, 0, n, "")[:11], false}, "no header": {version(1, 0, 0, ""), false}, "other magic": {append([]byte("\x94"), version(1, 0, n, good+"x")[1:]...), false},
	} {
		h, err := Decode(c.data)
		if (err == nil) != c.good || c.good && (len(h.Data) != 1 || h.Data[0] != 'x') {
			t.Errorf("%s: %v, %v", what, h.Data, err)
		}
	}
}

func TestFilesOnDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	h := ops.Arg{Shape: []int{3, 2}}.Make(dtype.F64, rand.New(rand.NewPCG(3, 4)))
	if err := WriteFile(path, h); err != nil {
		t.Fatal(err)
	}
	got, err := ReadFile(path)
	if err != nil || !got.Spec.Equal(h.Spec) || !slices.Equal(got.Data, h.Data) {
		t.Errorf("%v came back as %v, %v", h.Spec, got.Spec, err)
	}
	if err := os.WriteFile(path, []byte("no array"), 0o600); err != nil {
		t.Fatal(err)
	}
	var bad *FormatError
	if _, err := ReadFile(path); !errors.As(err, &bad) || bad.Path != path || !strings.Contains(err.Error(), path) {
		t.Errorf("the error does not name the file: %v", err)
	}
	if err := WriteFile(path, ops.NewHost(ops.Spec{DType: dtype.BF16, Shape: []int{1}})); err == nil {
		t.Error("bf16 was written")
	}
}

// What is wrong with a header counts, also where its shape has no elements.
func TestHeadersOfNothing(t *testing.T) {
	good := "{'descr': '|u1', 'fortran_order': False, 'shape': (0,), }"
	if h, err := Decode(array(good)); err != nil || len(h.Data) != 0 || !slices.Equal(h.Shape, []int{0}) {
		t.Errorf("no elements: %v, %v", h.Spec, err)
	}
	for _, change := range [][2]string{{"(0,)", "(-2,)"}, {"(0,)", "(a,)"}, {"(0,)", "(99999999999999999999,)"}, {"(0,)", "(0)"}, {", }", ", x}"}, {", }", ", 'x'}"}, {", }", " x}"}, {", }", ", 'x': 1}"}, {"{'descr': '|u1', ", "{xdescrx: '|u1', "}, {"'|u1'", "x|u1x"}, {"'descr': '|u1', 'fortran_order': False, 'shape': (0,), ", "'descr':"}} {
		bad := strings.Replace(good, change[0], change[1], 1)
		if h, err := Decode(array(bad)); err == nil {
			t.Errorf("%s was read as %v", bad, h.Spec)
		}
	}
}

// The header is the one that NumPy writes: types of one byte have no order of bytes.
func TestEncodedHeaders(t *testing.T) {
	for typ, name := range map[dtype.Type]string{dtype.U8: "|u1", dtype.I8: "|i1", dtype.Bool: "|b1", dtype.I16: "<i2", dtype.F32: "<f4", dtype.F64: "<f8"} {
		for text, dims := range map[string][]int{"()": {}, "(3,)": {3}, "(3, 2)": {3, 2}} {
			b, err := Encode(ops.NewHost(ops.Spec{DType: typ, Shape: dims}))
			want := "{'descr': '" + name + "', 'fortran_order': False, 'shape': " + text + ", }"
			if err != nil || !strings.HasPrefix(string(b), magic+"\x01\x00\x76\x00"+want+" ") || b[127] != '\n' {
				t.Errorf("%v%v is written as %q (%v), want %s", typ, dims, b[:min(len(b), 128)], err, want)
			}
		}
	}
}
