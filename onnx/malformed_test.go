package onnx

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// malformed unpacks the ONNX files of the fixtures.
func malformed(t testing.TB) map[string][]byte {
	dir := os.Getenv("CREASE_FIXTURES")
	if dir == "" {
		t.Skip("CREASE_FIXTURES does not say where the malformed files are")
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
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".onnx") {
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			files[path.Base(h.Name)] = b
		}
	}
	return files
}

// runFile does all that a command would with a model: it reads, checks and runs it.
func runFile(t testing.TB, path string) error {
	dev, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(path)
	if err != nil {
		return err
	}
	defer m.Close()
	return runModel(m, dev)
}

func runModel(m *Model, dev *crease.Device) error {
	s, err := NewSession(m, dev, MaxBytes(1<<24))
	if err != nil {
		return err
	}
	defer s.Close()
	var in []Value
	for _, d := range m.Inputs() {
		dims := make([]int, len(d.Shape))
		for i, n := range d.Shape {
			dims[i] = min(max(n, 1), 8)
		}
		if len(dims) > 4 || d.Shape == nil && len(dims) > 0 {
			return errors.New("an input of too many axes for a test")
		}
		if d.Elem.DType() == dtype.Invalid {
			return &TypeError{Elem: d.Elem}
		}
		h := ops.NewHost(ops.Spec{DType: d.Elem.DType(), Shape: dims})
		v := Of(crease.FromHost(h, crease.On(dev)))
		if elems[d.Elem].narrow {
			v.Elem = d.Elem
		}
		in = append(in, v)
	}
	if _, err = s.Run(in...); err != nil {
		return err
	}
	_, err = s.RunCompiled(in...)
	return err
}

func TestMalformedFiles(t *testing.T) {
	files := malformed(t)
	if len(files) < 27 {
		t.Fatalf("%d files, want 27", len(files))
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	runFile(t, filepath.Join(dir, "no such file")) // opens the device
	for name, data := range files {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, name)
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := runFile(t, file)
			runtime.ReadMemStats(&after)
			if took, limit := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+4*len(data)); took > limit {
				t.Errorf("%d bytes were allocated, the limit is %d", took, limit)
			}
			if strings.HasPrefix(name, "valid") {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("there was no error")
			}
			t.Log(err)
			if name == "bad_unknown_op.onnx" {
				var missing *UnsupportedError
				if !errors.As(err, &missing) || len(missing.Missing) != 1 {
					t.Errorf("the missing operator is not named: %v", err)
				}
			}
		})
	}
}

// Every truncation and every flipped bit of a valid file is an error or a model, and never a
// panic.
func TestDamagedFile(t *testing.T) {
	data := malformed(t)["valid_add.onnx"]
	dev, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	try := func(data []byte) {
		if m, err := Decode(data); err == nil {
			_ = runModel(m, dev)
		}
	}
	for n := range data {
		try(data[:n])
		for bit := range 8 {
			damaged := append([]byte{}, data...)
			damaged[n] ^= 1 << bit
			try(damaged)
		}
	}
}

// A file of empty messages would take a hundred times its size in memory.
func TestTinyMessages(t *testing.T) {
	var graph []byte
	for range 1 << 20 {
		graph = append(graph, 0x0a, 0x00) // an empty node
	}
	model := append([]byte{0x08, 8, 0x3a}, varint(len(graph))...)
	model = append(model, graph...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Decode(model)
	runtime.ReadMemStats(&after)
	var format *FormatError
	if !errors.As(err, &format) || !strings.Contains(err.Error(), "memory") {
		t.Errorf("got %v, want an error about memory", err)
	}
	if took, limit := after.TotalAlloc-before.TotalAlloc, uint64(16<<20+4*len(model)); took > limit {
		t.Errorf("%d bytes were allocated, the limit is %d", took, limit)
	}
}

func varint(n int) (b []byte) {
	for ; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

func FuzzDecode(f *testing.F) {
	if os.Getenv("CREASE_FIXTURES") != "" {
		for _, b := range malformed(f) {
			f.Add(b)
		}
	}
	f.Add(pb.Marshal(&pb.Model{IRVersion: 8, Graph: &pb.Graph{Node: []*pb.Node{{OpType: "Add"}}}}))
	dev, err := crease.Open("cpu@threads=1")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, data []byte) {
		// A file that runs for long ends the fuzzer, which keeps it.
		watch := time.AfterFunc(10*time.Second, func() { panic("a model runs for more than 10 seconds") })
		defer watch.Stop()
		m, err := Decode(data)
		if err != nil {
			return
		}
		_ = runModel(m, dev)
	})
}
