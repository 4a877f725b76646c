package pb

// Model is the message of a file.
type Model struct {
	IRVersion       int64
	OpsetImport     []*OperatorSet
	ProducerName    string
	ProducerVersion string
	Domain          string
	ModelVersion    int64
	DocString       string
	Graph           *Graph
	Metadata        []*Entry
	Functions       []*Function
}

func (m *Model) fields() []field {
	return []field{
		{1, &m.IRVersion}, {2, &m.ProducerName}, {3, &m.ProducerVersion}, {4, &m.Domain}, {5, &m.ModelVersion},
		{6, &m.DocString}, {7, one(&m.Graph)}, {8, many(&m.OpsetImport)}, {14, many(&m.Metadata)}, {25, many(&m.Functions)},
	}
}

// OperatorSet is the version of a domain's operators that a model uses.
type OperatorSet struct {
	Domain  string
	Version int64
}

func (m *OperatorSet) fields() []field { return []field{{1, &m.Domain}, {2, &m.Version}} }

// Entry is a pair of strings.
type Entry struct{ Key, Value string }

func (m *Entry) fields() []field { return []field{{1, &m.Key}, {2, &m.Value}} }

// Graph is a list of nodes in an order in which they can run.
type Graph struct {
	Node              []*Node
	Name              string
	Initializer       []*Tensor
	SparseInitializer []*SparseTensor
	DocString         string
	Input             []*ValueInfo
	Output            []*ValueInfo
	ValueInfo         []*ValueInfo
}

func (m *Graph) fields() []field {
	return []field{
		{1, many(&m.Node)}, {2, &m.Name}, {5, many(&m.Initializer)}, {10, &m.DocString}, {11, many(&m.Input)},
		{12, many(&m.Output)}, {13, many(&m.ValueInfo)}, {15, many(&m.SparseInitializer)},
	}
}

// Node is one application of an operator. An empty name among the inputs or outputs
// stands for one that is left out.
type Node struct {
	Input     []string
	Output    []string
	Name      string
	OpType    string
	Domain    string
	Overload  string
	Attribute []*Attribute
	DocString string
}

func (m *Node) fields() []field {
	return []field{
		{1, &m.Input}, {2, &m.Output}, {3, &m.Name}, {4, &m.OpType}, {5, many(&m.Attribute)}, {6, &m.DocString},
		{7, &m.Domain}, {8, &m.Overload},
	}
}

// Attribute types, as in AttributeProto.AttributeType.
const (
	AttrUndefined = 0
	AttrFloat     = 1
	AttrInt       = 2
	AttrString    = 3
	AttrTensor    = 4
	AttrGraph     = 5
	AttrFloats    = 6
	AttrInts      = 7
	AttrStrings   = 8
	AttrTensors   = 9
	AttrGraphs    = 10
	AttrSparse    = 11
	AttrSparses   = 12
	AttrType      = 13
	AttrTypes     = 14
)

// Attribute is a named constant of a node.
type Attribute struct {
	Name      string
	Ref       string // inside a function, the attribute of the call whose value is meant
	DocString string
	Type      int32
	F         float32
	I         int64
	S         []byte
	T         *Tensor
	G         *Graph
	TP        *Type
	Sparse    *SparseTensor
	Floats    []float32
	Ints      []int64
	Strings   [][]byte
	Tensors   []*Tensor
	Graphs    []*Graph
}

func (m *Attribute) fields() []field {
	return []field{
		{1, &m.Name}, {2, always{&m.F, m.Type == AttrFloat}}, {3, always{&m.I, m.Type == AttrInt}},
		{4, always{&m.S, m.Type == AttrString}}, {5, one(&m.T)}, {6, one(&m.G)}, {7, &m.Floats}, {8, &m.Ints},
		{9, &m.Strings}, {10, many(&m.Tensors)}, {11, many(&m.Graphs)}, {13, &m.DocString}, {14, one(&m.TP)},
		{20, &m.Type}, {21, &m.Ref}, {22, one(&m.Sparse)},
	}
}

// Tensor holds an array's elements in one of its lists or elsewhere. The lists keep the
// encoding of the file (see [Floats], [Ints], [Doubles]).
type Tensor struct {
	Dims         []int64
	DataType     int32
	FloatData    Floats
	Int32Data    Ints
	StringData   [][]byte
	Int64Data    Ints
	Name         string
	DocString    string
	RawData      []byte
	HasRaw       bool // raw data was given, if empty
	DoubleData   Doubles
	Uint64Data   Ints
	ExternalData []*Entry
	DataLocation int32 // 1: external
}

func (m *Tensor) fields() []field {
	return []field{
		{1, &m.Dims}, {2, &m.DataType}, {4, &m.FloatData}, {5, &m.Int32Data}, {6, &m.StringData}, {7, &m.Int64Data},
		{8, &m.Name}, {9, rawBytes{&m.RawData, &m.HasRaw}}, {10, &m.DoubleData}, {11, &m.Uint64Data}, {12, &m.DocString},
		{13, many(&m.ExternalData)}, {14, &m.DataLocation},
	}
}

// SparseTensor holds the elements that are not zero.
type SparseTensor struct {
	Values  *Tensor
	Indices *Tensor
	Dims    []int64
}

func (m *SparseTensor) fields() []field {
	return []field{{1, one(&m.Values)}, {2, one(&m.Indices)}, {3, &m.Dims}}
}

// ValueInfo declares the type of a value.
type ValueInfo struct {
	Name      string
	Type      *Type
	DocString string
}

func (m *ValueInfo) fields() []field {
	return []field{{1, &m.Name}, {2, one(&m.Type)}, {3, &m.DocString}}
}

// Type is one of its fields.
type Type struct {
	Tensor   *TensorType
	Sequence *Wrapped
	Optional *Wrapped
	Sparse   *TensorType
}

func (m *Type) fields() []field {
	return []field{{1, one(&m.Tensor)}, {4, one(&m.Sequence)}, {8, one(&m.Sparse)}, {9, one(&m.Optional)}}
}

// TensorType is an element type and a shape, which is nil where it is unknown.
type TensorType struct {
	ElemType int32
	Shape    *Shape
}

func (m *TensorType) fields() []field { return []field{{1, &m.ElemType}, {2, one(&m.Shape)}} }

// Wrapped is the type of a sequence's elements, or of an optional's.
type Wrapped struct{ Elem *Type }

func (m *Wrapped) fields() []field { return []field{{1, one(&m.Elem)}} }

// Shape is a size per axis.
type Shape struct{ Dim []*Dimension }

func (m *Shape) fields() []field { return []field{{1, many(&m.Dim)}} }

// Dimension is a number, a name or neither.
type Dimension struct {
	Value int64
	Known bool // Value was given
	Param string
}

func (m *Dimension) fields() []field { return []field{{1, known{&m.Value, &m.Known}}, {2, &m.Param}} }

// Function is an operator defined in the model.
type Function struct {
	Name        string
	Input       []string
	Output      []string
	Attribute   []string     // without a default
	Default     []*Attribute // with one
	Node        []*Node
	OpsetImport []*OperatorSet
	Domain      string
	Overload    string
}

func (m *Function) fields() []field {
	return []field{
		{1, &m.Name}, {4, &m.Input}, {5, &m.Output}, {6, &m.Attribute}, {7, many(&m.Node)}, {9, many(&m.OpsetImport)},
		{10, &m.Domain}, {11, many(&m.Default)}, {13, &m.Overload},
	}
}

// Sequence is the message that test data keeps sequences in.
type Sequence struct {
	Name     string
	ElemType int32
	Tensors  []*Tensor
}

func (m *Sequence) fields() []field {
	return []field{{1, &m.Name}, {2, &m.ElemType}, {3, many(&m.Tensors)}}
}
