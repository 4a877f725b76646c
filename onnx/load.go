package onnx

import (
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/onnx/pb"
)

// Versions that are read.
const (
	maxIR    = 13
	maxOpset = 27
)

// maxFile is the limit of protocol buffers on one message. Larger models keep their
// tensors in files beside them.
const maxFile = math.MaxInt32

// Model is a model that was read and checked.
type Model struct {
	Path  string // "" when it was read from memory
	proto *pb.Model
	files *dataFiles
	opset map[string]int64
	funcs map[opKey]*pb.Function
	main  *graph
}

// FormatError is a file that breaks a rule of the format.
type FormatError struct {
	Path   string // "" when read from memory
	Where  string // the graph, node or tensor at fault, "" for the file as a whole
	Reason string
}

func (e *FormatError) Error() string {
	s := "onnx"
	if e.Path != "" {
		s += " file " + e.Path
	}
	if e.Where != "" {
		s += ": " + e.Where
	}
	return s + ": " + e.Reason
}

// ExitCode is the command line's code for a bad input file.
func (e *FormatError) ExitCode() int { return 5 }

// Load reads and checks a model. Its external data are looked for in the model's folder.
// A file that breaks the format is a *FormatError, and one with operators that crease
// does not have an *UnsupportedError, which lists them all.
func Load(path string) (*Model, error) {
	m, err := Open(path)
	if err != nil {
		return nil, err
	}
	return m, m.Supported()
}

// Open is Load for a model that need not run: operators that crease does not have are no
// error.
func Open(path string) (*Model, error) {
	data, err := safefile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	m, err := decode(path, data, &dataFiles{root})
	if err != nil {
		root.Close()
		return nil, err
	}
	return m, nil
}

// Decode reads and checks a model in memory, which must not be changed afterwards. It may
// have no external data.
func Decode(data []byte) (*Model, error) {
	m, err := decode("", data, nil)
	if err != nil {
		return nil, err
	}
	return m, m.Supported()
}

func decode(path string, data []byte, files *dataFiles) (*Model, error) {
	var p pb.Model
	if err := pb.Unmarshal(data, &p); err != nil {
		return nil, &FormatError{Path: path, Reason: "it is broken, or no ONNX model: " + strings.ReplaceAll(err.Error(), "proto: ", "")}
	}
	m := &Model{Path: path, proto: &p, files: files}
	c := &checker{m: m}
	if err := c.model(); err != nil {
		err.Path = path
		return nil, err
	}
	return m, nil
}

// Close closes the model's folder. External data cannot be read afterwards; sessions have
// read theirs.
func (m *Model) Close() error {
	if m.files == nil || m.files.root == nil {
		return nil
	}
	return m.files.root.Close()
}

// Opset is the version of the standard operators that the model uses.
func (m *Model) Opset() int { return int(m.opset[""]) }

// Producer is the program that wrote the model.
func (m *Model) Producer() string {
	if m.proto.ProducerVersion == "" {
		return m.proto.ProducerName
	}
	return m.proto.ProducerName + " " + m.proto.ProducerVersion
}

// Nodes is the number of nodes of the main graph.
func (m *Model) Nodes() int { return len(m.main.nodes) }

// Inputs are the values that a call must give, in order: those of the graph that have no
// initializer.
func (m *Model) Inputs() []Declared { return m.main.inputs }

// Outputs are the values that a call returns.
func (m *Model) Outputs() []Declared { return m.main.outputs }

// Declared is the name and type that a graph declares for an input or output.
type Declared struct {
	Name string
	Elem Elem // Undefined where it is not a tensor or not declared
	// Shape has a size per axis, -1 where it is not fixed. Nil with a rank that is not
	// known.
	Shape []int
	Names []string // of the axes; "" for those without
	Kind  string   // "tensor", "sequence", "optional", or ""
}

func declared(v *pb.ValueInfo) Declared {
	d := Declared{Name: v.Name}
	if v.Type == nil {
		return d
	}
	switch {
	case v.Type.Tensor != nil:
		d.Kind, d.Elem = "tensor", Elem(v.Type.Tensor.ElemType)
		if s := v.Type.Tensor.Shape; s != nil {
			d.Shape = []int{}
			for _, dim := range s.Dim {
				n := -1
				if dim.Known && dim.Value >= 0 && dim.Value <= math.MaxInt {
					n = int(dim.Value)
				}
				d.Shape, d.Names = append(d.Shape, n), append(d.Names, dim.Param)
			}
		}
	case v.Type.Sequence != nil:
		d.Kind = "sequence"
	case v.Type.Optional != nil:
		d.Kind = "optional"
	}
	return d
}
