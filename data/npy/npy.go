// Package npy reads and writes arrays in NumPy's format: a magic string, a version, the
// length of a header, the header (a Python dictionary of the element type, the order and the
// shape), and the elements without gaps.
//
// Reading trusts nothing: the header is read by a small parser of its own and never run, and
// the shape is checked against the size of the file before anything is allocated. Types that
// crease does not have, among them Python objects, are errors. Arrays in Fortran's order are
// put in C's. A file that breaks a rule is a *FormatError.
package npy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

const magic = "\x93NUMPY"

// maxHeader limits the header; NumPy refuses longer ones too.
const maxHeader = 10_000

// FormatError is a file that breaks a rule of the format.
type FormatError struct {
	Path   string // "" when read from memory
	Reason string
}

func (e *FormatError) Error() string {
	if e.Path == "" {
		return "npy: " + e.Reason
	}
	return "npy file " + e.Path + ": " + e.Reason
}

// ExitCode is the command line's code for a bad input file.
func (e *FormatError) ExitCode() int { return 5 }

// names are the element types, little-endian.
var names = map[string]dtype.Type{
	"f8": dtype.F64, "f4": dtype.F32, "f2": dtype.F16, "i8": dtype.I64, "i4": dtype.I32, "i2": dtype.I16, "i1": dtype.I8,
	"u8": dtype.U64, "u4": dtype.U32, "u2": dtype.U16, "u1": dtype.U8, "b1": dtype.Bool,
}

// maxFile limits the files that are read whole.
const maxFile = 1 << 36

// ReadFile reads a file.
func ReadFile(path string) (ops.Host, error) {
	data, err := safefile.Read(path, maxFile)
	if err != nil {
		return ops.Host{}, err
	}
	h, err := Decode(data)
	if e, ok := err.(*FormatError); ok {
		e.Path = path
	}
	return h, err
}

// Decode reads a file's bytes.
func Decode(data []byte) (ops.Host, error) {
	fail := func(format string, args ...any) (ops.Host, error) {
		return ops.Host{}, &FormatError{Reason: fmt.Sprintf(format, args...)}
	}
	if len(data) < 10 || string(data[:6]) != magic {
		return fail("it does not begin as a NumPy array does")
	}
	size, at := int(binary.LittleEndian.Uint16(data[8:])), 10
	switch major := data[6]; {
	case data[7] != 0 || major < 1 || major > 3:
		return fail("it is of version %d.%d; 1.0, 2.0 and 3.0 are known", major, data[7])
	case major > 1:
		if len(data) < 12 {
			return fail("it ends before its header")
		}
		n := binary.LittleEndian.Uint32(data[8:])
		if n > maxHeader {
			return fail("its header has %d bytes, at most %d are read", n, maxHeader)
		}
		size, at = int(n), 12
	}
	if size > len(data)-at || size > maxHeader {
		return fail("its header has %d bytes, the file has %d and at most %d are read", size, len(data)-at, maxHeader)
	}
	h, err := parseHeader(string(data[at : at+size]))
	if err != nil {
		return fail("header: %v", err)
	}
	n, err := shape.Bytes(h.typ, h.shape)
	if err != nil {
		return fail("%v", err)
	}
	body := data[at+size:]
	if len(body) != n {
		return fail("it has %d bytes of elements, its shape %s of %v needs %d", len(body), shape.String(h.shape), h.typ, n)
	}
	out := ops.NewHost(ops.Spec{DType: h.typ, Shape: h.shape})
	copy(out.Data, body)
	if h.big {
		swap(out.Data, h.typ.Size())
	}
	if h.fortran {
		out = transposed(out)
	}
	return out, nil
}

func swap(data []byte, size int) {
	for ; len(data) >= size && size > 1; data = data[size:] {
		for i := range size / 2 {
			data[i], data[size-1-i] = data[size-1-i], data[i]
		}
	}
}

// transposed puts the elements of an array in Fortran's order in C's.
func transposed(h ops.Host) ops.Host {
	back := make([]int, len(h.Shape))
	axes := make([]int, len(h.Shape))
	for i, n := range h.Shape {
		back[len(back)-1-i], axes[i] = n, len(axes)-1-i
	}
	h.Shape = back
	return ops.Interpreter{}.Apply(ops.Permute, ops.PermuteAttrs{Axes: axes}, &ops.HostValue{Host: h})[0].(*ops.HostValue).Host
}

// Encode writes an array as a file of version 1.0. f8 and bf16 types have no name there.
func Encode(h ops.Host) ([]byte, error) {
	name := ""
	for n, t := range names {
		if t == h.DType {
			name = "<" + n
		}
	}
	if name == "" {
		return nil, fmt.Errorf("npy: NumPy has no type for %v: cast the array first", h.DType)
	}
	if h.DType.Size() == 1 {
		name = "|" + name[1:]
	}
	dims := ""
	for _, n := range h.Shape {
		dims += strconv.Itoa(n) + ", "
	}
	if len(h.Shape) > 1 {
		dims = strings.TrimSuffix(dims, ", ")
	} else {
		dims = strings.TrimSuffix(dims, " ")
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", name, dims)
	// The elements begin at a multiple of 64.
	pad := 63 - (10+len(text))%64
	text += strings.Repeat(" ", pad) + "\n"
	var b bytes.Buffer
	b.WriteString(magic + "\x01\x00")
	b.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(text))))
	b.WriteString(text)
	b.Write(h.Data[:h.Bytes()])
	return b.Bytes(), nil
}

// WriteFile writes an array to a file, whole or not at all.
func WriteFile(path string, h ops.Host) error {
	data, err := Encode(h)
	if err != nil {
		return err
	}
	return safefile.Write(path, 0o666, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}
