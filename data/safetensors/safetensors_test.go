package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

func sample() []Tensor {
	var list []Tensor
	for i, t := range dtype.All() {
		data := make([]byte, 6*t.Size())
		for k := range data {
			data[k] = byte(i + k)
			if t == dtype.Bool {
				data[k] = byte(k % 2)
			}
		}
		list = append(list, Tensor{t.String() + ".weight", t, []int{2, 3}, data})
	}
	return append(list, Tensor{"scalar", dtype.F32, []int{}, []byte{0, 0, 192, 63}}, Tensor{"none", dtype.I64, []int{0, 4}, nil})
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	meta := map[string]string{"format": "test", "quote\"": "ü"}
	if err := Save(path, sample(), meta); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Metadata) != 2 || f.Metadata["quote\""] != "ü" {
		t.Errorf("metadata came back as %v", f.Metadata)
	}
	if len(f.Tensors()) != len(sample()) {
		t.Errorf("%d tensors came back", len(f.Tensors()))
	}
	for _, want := range sample() {
		got, ok := f.Get(want.Name)
		if !ok || got.DType != want.DType || !shape.Equal(got.Shape, want.Shape) || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("%s came back as %+v", want.Name, got)
		}
	}
	if _, ok := f.Get("absent"); ok {
		t.Error("found a tensor that is not there")
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, list := range map[string][]Tensor{
		"short data":    {{"a", dtype.F32, []int{2}, make([]byte, 4)}},
		"same name":     {{"a", dtype.U8, []int{1}, []byte{1}}, {"a", dtype.U8, []int{1}, []byte{1}}},
		"reserved name": {{"__metadata__", dtype.U8, []int{1}, []byte{1}}},
	} {
		var bad *FormatError
		if err := Write(&bytes.Buffer{}, list, nil); !errors.As(err, &bad) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// file puts a header and data together.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestMalformed(t *testing.T) {
	for name, b := range map[string][]byte{
		"empty":            {},
		"length only":      make([]byte, 8),
		"huge header":      append(bytes.Repeat([]byte{0xff}, 8), '{', '}'),
		"overlap":          file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3),
		"gap":              file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3),
		"left over":        file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3),
		"twice":            file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2),
		"overflow":         file(`{"a":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,0]}}`, 0),
		"negative":         file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,0]}}`, 0),
		"no shape":         file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1),
		"unknown field":    file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}`, 1),
		"trailing":         file(`{} {}`, 0),
		"number as a name": file(`{1:2}`, 0),
		"large place":      file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,3]}}`, 3),
		"small place":      file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4),
		"past the end":     file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}`, 3),
		"before the data":  file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[-1,3]}}`, 3),
		"backwards":        file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[2,1]}}`, 2),
		"unknown, before":  file(`{"a":{"dtype":"X9","shape":[4],"data_offsets":[-1,3]}}`, 3),
		"header past end":  file(`{}`, 0)[:9],
	} {
		var bad *FormatError
		if f, err := Read(b); !errors.As(err, &bad) {
			t.Errorf("%s: %v, %v", name, f, err)
		}
	}
}

// The error names the first thing that is wrong.
func TestReasons(t *testing.T) {
	for header, want := range map[string]string{
		`{1:2}`: "broken", `[]`: "no JSON object", ``: "no JSON object", `{"a":{}`: "cut off", `{"a":`: "entry \"a\"", `{} {}`: "follows", "{\"\xff\":1}": "UTF-8",
		`{"__metadata__":{"a":1}}`: "text to text", `{"a":1,"a":1}`: "twice", `{"a":1}`: "tensor \"a\"",
	} {
		if _, err := Read(file(header, 0)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", header, err, want)
		}
	}
}

// A header above the format's limit is refused before it is looked at, even where the
// file has all of it; one at the limit is looked at.
func TestHeaderLimit(t *testing.T) {
	b := make([]byte, 8+maxHeader+1)
	for size, limited := range map[uint64]bool{maxHeader: false, maxHeader + 1: true} {
		binary.LittleEndian.PutUint64(b, size)
		_, err := Read(b)
		if err == nil || strings.Contains(err.Error(), "limit") != limited {
			t.Errorf("a header of %d zeros: %v", size, err)
		}
	}
}

// Wide elements come first and equally wide tensors by name, so that all lie at
// multiples of their size; the header is a multiple of eight bytes.
func TestWriteOrder(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []Tensor{
		{"a", dtype.U8, []int{1}, []byte{1}}, {"z", dtype.F64, []int{1}, bytes.Repeat([]byte{2}, 8)},
		{"c", dtype.F32, []int{1}, bytes.Repeat([]byte{3}, 4)}, {"b", dtype.I32, []int{1}, bytes.Repeat([]byte{4}, 4)},
	}, nil); err != nil {
		t.Fatal(err)
	}
	size := binary.LittleEndian.Uint64(b.Bytes())
	want := `{"z":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"b":{"dtype":"I32","shape":[1],"data_offsets":[8,12]},` +
		`"c":{"dtype":"F32","shape":[1],"data_offsets":[12,16]},"a":{"dtype":"U8","shape":[1],"data_offsets":[16,17]}}`
	header := string(b.Bytes()[8 : 8+size])
	if strings.TrimRight(header, " ") != want || size%8 != 0 {
		t.Errorf("the header of %d bytes is\n%s, want\n%s", size, header, want)
	}
	if got, want := b.Bytes()[8+size:], "\x02\x02\x02\x02\x02\x02\x02\x02\x04\x04\x04\x04\x03\x03\x03\x03\x01"; string(got) != want {
		t.Errorf("the data is %q, want %q", got, want)
	}
}

// The shared fixtures hold the cases of the reference implementation.
func TestFixtures(t *testing.T) {
	dir := os.Getenv("CREASE_FIXTURES")
	if dir == "" {
		if os.Getenv("CREASE_FLAGSHIP") != "" {
			t.Fatal("CREASE_FLAGSHIP is set and CREASE_FIXTURES is not")
		}
		t.Skip("CREASE_FIXTURES is not set")
	}
	tmp := t.TempDir()
	if out, err := exec.Command("tar", "xzf", filepath.Join(dir, "malformed-files.tar.gz"), "-C", tmp).CombinedOutput(); err != nil {
		t.Fatalf("tar: %v\n%s", err, out)
	}
	list, err := filepath.Glob(filepath.Join(tmp, "safetensors", "*.safetensors"))
	if err != nil || len(list) < 20 {
		t.Fatalf("%d fixtures (%v)", len(list), err)
	}
	for _, path := range list {
		name := filepath.Base(path)
		f, err := Open(path)
		if name == "bad_dtype.safetensors" { // the file is fine but for one tensor
			if err != nil || len(f.Unreadable()) != 1 || len(f.Tensors()) != 0 {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if valid := strings.HasPrefix(name, "valid_"); valid != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, sample(), map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Read(data)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := Write(&again, file.Tensors(), file.Metadata); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := Read(again.Bytes()); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
	})
}

// A tensor of a type that crease does not have is listed; the others of its file are read.
func TestUnknownTypes(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []Tensor{{Name: "a", DType: dtype.U8, Shape: []int{2}, Data: []byte{1, 2}}, {Name: "b", DType: dtype.I8, Shape: []int{3}, Data: []byte{3, 4, 5}}}, nil); err != nil {
		t.Fatal(err)
	}
	odd := bytes.Replace(b.Bytes(), []byte(`"I8"`), []byte(`"X9"`), 1)
	f, err := Read(odd)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := f.Get("a")
	if !ok || !bytes.Equal(a.Data, []byte{1, 2}) || len(f.Tensors()) != 1 || len(f.Unreadable()) != 1 || f.Unreadable()[0] != (Unreadable{"b", "X9"}) {
		t.Errorf("%v and %v", f.Tensors(), f.Unreadable())
	}
	far := bytes.Replace(odd, []byte(`[2,5]`), []byte(`[2,9]`), 1)
	if _, err := Read(far); bytes.Equal(far, odd) || err == nil {
		t.Errorf("its place is not checked: %v", err)
	}
}

// Tensors are listed by name, those that cannot be read too.
func TestListsAreSorted(t *testing.T) {
	var names, odd []string
	for range 5 { // the header is a map, of whatever order
		f, err := Read(file(`{"d":{"dtype":"X1","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]},`+
			`"c":{"dtype":"X2","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[3,4]},"e":{"dtype":"X0","shape":[1],"data_offsets":[4,5]}}`, 5))
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range f.Tensors() {
			names = append(names, x.Name)
		}
		for _, x := range f.Unreadable() {
			odd = append(odd, x.Name+x.Type)
		}
	}
	if got := strings.Join(names, ""); got != "ababababab" {
		t.Errorf("readable are %s", got)
	}
	if got := strings.Join(odd, ""); got != strings.Repeat("cX2dX1eX0", 5) {
		t.Errorf("unreadable are %s", got)
	}
}
