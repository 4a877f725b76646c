package pb

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Every model of ONNX's tests means the same after it was written and read again.
func TestRoundTrip(t *testing.T) {
	dir := os.Getenv("CREASE_FIXTURES")
	if dir == "" {
		t.Skip("CREASE_FIXTURES does not say where the models are")
	}
	f, err := os.Open(filepath.Join(dir, "onnx", "onnx-backend-open.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	models := 0
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, ".onnx") {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		models++
		var first, second Model
		if err := Unmarshal(data, &first); err != nil {
			t.Fatalf("%s: %v", h.Name, err)
		}
		if err := Unmarshal(Marshal(&first), &second); err != nil {
			t.Fatalf("%s, written anew: %v", h.Name, err)
		}
		if !reflect.DeepEqual(first, second) {
			t.Errorf("%s changed", h.Name)
		}
	}
	if models != 1205 {
		t.Errorf("%d models, want 1205", models)
	}
}

func TestSyntaxErrors(t *testing.T) {
	for name, data := range map[string][]byte{
		"a tag that does not end":    {0x80},
		"a length beyond the end":    {0x3a, 0x7f},
		"a graph that is a number":   {0x38, 0x01},
		"a version that is text":     {0x0a, 0x01, 'x'},
		"a name that is not UTF-8":   {0x12, 0x01, 0xff},
		"a varint that is too long":  {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"floats that are not whole":  {0x3a, 0x07, 0x2a, 0x05, 0x22, 0x03, 1, 2, 3},
		"integers that do not end":   {0x3a, 0x05, 0x2a, 0x03, 0x3a, 0x01, 0x80},
		"an end without a beginning": {0x0c},
	} {
		var m Model
		var syntax *SyntaxError
		if err := Unmarshal(data, &m); !errors.As(err, &syntax) || syntax.Reason == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
