package onnx

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// externalFrom is the size in bytes from which a tensor goes to the file of external data.
const externalFrom = 1024

// Placement says where the tensors of a model that is written are.
type Placement uint8

// Placements.
const (
	Embedded Placement = iota // in the model's file
	External                  // those of 1 KiB and more in one file beside it, NAME.data
)

// String is the name, type and shape of an input or output.
func (d Declared) String() string {
	s := d.Name
	if d.Kind != "" && d.Kind != "tensor" {
		return s + " (" + d.Kind + ")"
	}
	if d.Elem != Undefined {
		s += " " + d.Elem.String()
	}
	if d.Shape == nil {
		return s
	}
	dims := make([]string, len(d.Shape))
	for i, n := range d.Shape {
		switch {
		case n >= 0:
			dims[i] = strconv.Itoa(n)
		case d.Names[i] != "":
			dims[i] = d.Names[i]
		default:
			dims[i] = "?"
		}
	}
	return s + "[" + strings.Join(dims, " ") + "]"
}

// Weights reads the initializers of the main graph, sorted by name. Those of element types
// that crease does not have are errors.
func (m *Model) Weights() (names []string, values []ops.Host, err error) {
	for name := range m.main.inits {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		h, e, err := hostOf(m.main.inits[name], m.files)
		if err == nil && elems[e].narrow {
			err = &TypeError{Elem: e}
		}
		if err != nil {
			return nil, nil, fmt.Errorf("onnx: initializer %q: %w", name, err)
		}
		values = append(values, h)
	}
	return names, values, nil
}

// Write writes the model to a file, with its tensors as placed.
func (m *Model) Write(path string, where Placement) error {
	copied := *m.proto
	g := *copied.Graph
	copied.Graph = &g
	beside := filepath.Base(path) + ".data"
	var blocks [][]byte
	at := int64(0)
	g.Initializer = slices.Clone(g.Initializer)
	for i, t := range g.Initializer {
		data, err := m.raw(t)
		if err != nil {
			return fmt.Errorf("onnx: initializer %q: %w", t.Name, err)
		}
		if data == nil {
			continue // kept in a list of its own, as strings are
		}
		// The elements begin at a multiple of a page, so that a reader can map them.
		n := &pb.Tensor{Dims: t.Dims, DataType: t.DataType, Name: t.Name, DocString: t.DocString}
		if where == External && len(data) >= externalFrom {
			const page = 4096
			if rest := at % page; rest != 0 {
				blocks = append(blocks, make([]byte, page-rest))
				at += page - rest
			}
			n.DataLocation = 1
			n.ExternalData = []*pb.Entry{{Key: "location", Value: beside}, {Key: "offset", Value: strconv.FormatInt(at, 10)}, {Key: "length", Value: strconv.Itoa(len(data))}}
			blocks = append(blocks, data)
			at += int64(len(data))
		} else {
			n.RawData, n.HasRaw = data, true
		}
		g.Initializer[i] = n
	}
	if len(blocks) > 0 {
		if err := writeFile(filepath.Join(filepath.Dir(path), beside), blocks...); err != nil {
			return err
		}
	}
	out := pb.Marshal(&copied)
	if len(out) > maxFile {
		return fmt.Errorf("onnx: the model takes %d bytes, a file holds %d: write its tensors beside it", len(out), int64(maxFile))
	}
	return writeFile(path, out)
}

// raw is a tensor's elements as raw data, or nil where they are in a list.
func (m *Model) raw(t *pb.Tensor) ([]byte, error) {
	switch {
	case t.HasRaw:
		return t.RawData, nil
	case t.DataLocation == 1:
		dims, err := dimsOf(t)
		if err != nil {
			return nil, err
		}
		return m.files.read(t, rawBytes(Elem(t.DataType), product(dims)))
	case Elem(t.DataType) == Float32:
		return t.FloatData, nil
	case Elem(t.DataType) == Float64:
		return t.DoubleData, nil
	}
	return nil, nil
}

func writeFile(path string, blocks ...[]byte) error {
	return safefile.Write(path, 0o666, func(w io.Writer) error {
		for _, b := range blocks {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}
