// Package safetensors reads and writes tensors in Hugging Face's safetensors
// format: the length of a header (8 bytes, little-endian), the header (JSON: for
// every tensor its type, shape and place), and the elements, little-endian, without
// gaps. PyTorch and other frameworks read and write it.
//
// Reading trusts nothing: types, shapes and places are checked against each other
// and against the size of the file before any element is used, and a file that
// breaks a rule is a *FormatError that names the tensor and the rule.
package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/shape"
)

// maxHeader is the format's limit on the header, in bytes.
const maxHeader = 100_000_000

// maxFile is the most that is read as a file, in bytes.
const maxFile = 1 << 40

// metadataKey is the header's entry for free text.
const metadataKey = "__metadata__"

// Tensor is one tensor of a file: dense, row-major, little-endian.
type Tensor struct {
	Name  string
	DType dtype.Type
	Shape []int
	Data  []byte
}

// File is what a file holds.
type File struct {
	Metadata map[string]string
	tensors  []Tensor // by name
	unknown  []Unreadable
}

// Unreadable is a tensor of an element type that crease does not have. The others of its
// file can be read.
type Unreadable struct{ Name, Type string }

// FormatError is a file that breaks a rule of the format.
type FormatError struct {
	Path   string // "" when read from memory
	Tensor string // "" when the file as a whole is at fault
	Reason string
}

func (e *FormatError) Error() string {
	s := "safetensors"
	if e.Path != "" {
		s += " file " + e.Path
	}
	if e.Tensor != "" {
		s += fmt.Sprintf(": tensor %q", e.Tensor)
	}
	return s + ": " + e.Reason
}

// ExitCode is the command line's code for a bad input file.
func (e *FormatError) ExitCode() int { return 5 }

var typeNames = map[string]dtype.Type{
	"F64": dtype.F64, "F32": dtype.F32, "F16": dtype.F16, "BF16": dtype.BF16, "F8_E4M3": dtype.F8E4M3, "F8_E5M2": dtype.F8E5M2,
	"I64": dtype.I64, "I32": dtype.I32, "I16": dtype.I16, "I8": dtype.I8,
	"U64": dtype.U64, "U32": dtype.U32, "U16": dtype.U16, "U8": dtype.U8, "BOOL": dtype.Bool,
}

func typeName(t dtype.Type) (string, bool) {
	for name, u := range typeNames {
		if t == u {
			return name, true
		}
	}
	return "", false
}

// entry is a tensor in the header.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets [2]int `json:"data_offsets"`
}

// Tensors lists the tensors by name.
func (f *File) Tensors() []Tensor { return f.tensors }

// Unreadable lists the tensors of element types that crease does not have, by name.
func (f *File) Unreadable() []Unreadable { return f.unknown }

// Get is the tensor of that name.
func (f *File) Get(name string) (Tensor, bool) {
	i, ok := slices.BinarySearchFunc(f.tensors, name, func(t Tensor, name string) int { return cmp.Compare(t.Name, name) })
	if !ok {
		return Tensor{}, false
	}
	return f.tensors[i], true
}

// Open reads a file.
func Open(path string) (*File, error) {
	data, err := safefile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	f, err := Read(data)
	var bad *FormatError
	if errors.As(err, &bad) {
		bad.Path = path
	}
	return f, err
}

// Read parses a file in memory. The tensors' Data are parts of it.
func Read(data []byte) (*File, error) {
	bad := func(tensor, format string, args ...any) (*File, error) {
		return nil, &FormatError{Tensor: tensor, Reason: fmt.Sprintf(format, args...)}
	}
	if len(data) < 8 {
		return bad("", "%d bytes are too few for the length of a header", len(data))
	}
	size := binary.LittleEndian.Uint64(data)
	if size > maxHeader || size > uint64(len(data)-8) {
		return bad("", "a header of %d bytes does not fit in the file's %d (or the format's limit of %d)", size, len(data)-8, maxHeader)
	}
	header, body := data[8:8+size], data[8+size:]
	entries, meta, err := parseHeader(header)
	if err != nil {
		return bad("", "%v", err)
	}
	f := &File{Metadata: meta}
	var places [][2]int
	for name, raw := range entries {
		var e entry
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&e); err != nil {
			return bad(name, "its header entry: %v", err)
		}
		begin, end := e.Offsets[0], e.Offsets[1]
		if begin < 0 || end < begin || end > len(body) {
			return bad(name, "bytes %d to %d are outside the %d bytes of data", begin, end, len(body))
		}
		places = append(places, e.Offsets)
		t, ok := typeNames[e.DType]
		if !ok {
			f.unknown = append(f.unknown, Unreadable{name, e.DType})
			continue
		}
		want, err := shape.Bytes(t, e.Shape)
		switch {
		case err != nil:
			return bad(name, "%v", err)
		case end-begin != want:
			return bad(name, "%s%s takes %d bytes, its place has %d", e.DType, shape.String(e.Shape), want, end-begin)
		case e.Shape == nil:
			return bad(name, "it has no shape")
		}
		f.tensors = append(f.tensors, Tensor{name, t, e.Shape, body[begin:end:end]})
	}
	if err := contiguous(places, len(body)); err != nil {
		return bad("", "%v", err)
	}
	slices.SortFunc(f.unknown, func(a, b Unreadable) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(f.tensors, func(a, b Tensor) int { return cmp.Compare(a.Name, b.Name) })
	return f, nil
}

// parseHeader splits the header into entries, refusing repeated names, which
// encoding/json would merge.
func parseHeader(header []byte) (entries map[string]json.RawMessage, meta map[string]string, err error) {
	if !utf8.Valid(header) {
		return nil, nil, errors.New("the header is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(header))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, nil, fmt.Errorf("the header is no JSON object (%v, %v)", open, err)
	}
	entries = map[string]json.RawMessage{}
	seen := map[string]bool{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, nil, fmt.Errorf("the header is broken: %w", err)
		}
		name, ok := key.(string)
		if !ok || seen[name] {
			return nil, nil, fmt.Errorf("the header names %v twice or not as text", key)
		}
		seen[name] = true
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errors.New("the header is cut off")
			}
			return nil, nil, fmt.Errorf("the header's entry %q: %w", name, err)
		}
		if name != metadataKey {
			entries[name] = raw
			continue
		}
		if err := json.Unmarshal(raw, &meta); err != nil {
			return nil, nil, fmt.Errorf("the metadata must map text to text: %w", err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, nil, fmt.Errorf("the header is cut off: %w", err)
	}
	if rest := bytes.TrimSpace(header[dec.InputOffset():]); len(rest) > 0 {
		return nil, nil, errors.New("something follows the header's object")
	}
	return entries, meta, nil
}

// contiguous refuses overlaps, gaps and bytes that belong to no tensor.
func contiguous(places [][2]int, size int) error {
	slices.SortFunc(places, func(a, b [2]int) int { return slices.Compare(a[:], b[:]) })
	at := 0
	for _, p := range places {
		if p[0] != at {
			return fmt.Errorf("the data has an overlap or a gap at byte %d: the next tensor begins at %d", at, p[0])
		}
		at = p[1]
	}
	if at != size {
		return fmt.Errorf("%d bytes follow the last tensor", size-at)
	}
	return nil
}

// Write writes tensors and metadata, which may be nil. Wide elements come first
// and equally wide tensors by name, as the reference implementation orders them.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	list := slices.Clone(tensors)
	slices.SortFunc(list, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.Name, b.Name))
	})
	var b bytes.Buffer
	b.WriteByte('{')
	put := func(key string, v any) error {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		k, err := json.Marshal(key)
		if err != nil {
			return err
		}
		val, err := json.Marshal(v)
		b.Write(k)
		b.WriteByte(':')
		b.Write(val)
		return err
	}
	if metadata != nil {
		if err := put(metadataKey, metadata); err != nil {
			return err
		}
	}
	at := 0
	seen := map[string]bool{metadataKey: true}
	for _, t := range list {
		name, ok := typeName(t.DType)
		want, err := shape.Bytes(t.DType, t.Shape)
		switch {
		case !ok:
			return &FormatError{Tensor: t.Name, Reason: fmt.Sprintf("the format has no element type %s", t.DType)}
		case err != nil:
			return &FormatError{Tensor: t.Name, Reason: err.Error()}
		case want != len(t.Data):
			return &FormatError{Tensor: t.Name, Reason: fmt.Sprintf("%s takes %d bytes, %d given", shape.String(t.Shape), want, len(t.Data))}
		case seen[t.Name]:
			return &FormatError{Tensor: t.Name, Reason: "the name is taken"}
		}
		seen[t.Name] = true
		dims := append([]int{}, t.Shape...)
		if err := put(t.Name, entry{name, dims, [2]int{at, at + want}}); err != nil {
			return err
		}
		at += want
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(b.Len())); err != nil {
		return err
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return err
	}
	for _, t := range list {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

// Save writes a file that appears whole or not at all.
func Save(path string, tensors []Tensor, metadata map[string]string) error {
	return safefile.Write(path, 0o644, func(w io.Writer) error { return Write(w, tensors, metadata) })
}
