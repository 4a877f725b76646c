package isa

import "fmt"

// VectorFn is an operation of the vector unit.
type VectorFn uint8

const (
	Copy VectorFn = iota // one source, element by element
	Neg
	Abs
	Sign // -1, 1, or a zero or NaN as it is
	Floor
	Ceil
	Round // halves to even
	Trunc
	Exp
	Exp2
	Log
	Log2
	Rcp
	Rsqrt
	Sqrt
	VTanh
	VSigmoid
	VGELU
	Expm1
	Log1p
	Sin
	Cos
	Erf
	Add // two sources, element by element
	Sub
	Mul
	Div
	Max // NaN if one is; a zero is +0
	Min
	Greater // 1 where the first source is greater than the second, else 0
	GreaterEq
	Equal
	NotEqual
	Pow
	Mod    // the remainder with the sign of the second source
	MulAdd // first · second + third
	Select // second where first is not 0, else third
	RowSum // over the columns of each row
	RowProd
	RowMax
	RowMin
	ColSum // over the rows of each column
	ColProd
	ColMax
	ColMin
	Transpose // rows become columns
	Pick      // dense rows from strided ones
	Place     // strided rows from dense ones
	Gather    // element index[r][c] of row r, where there is one
	Scatter   // adds to element index[r][c] of row r, where there is one
	TakeRow   // row index[r], where there is one
	AddRow    // adds to row index[r], where there is one
	IotaCol   // the number of the column
	IotaRow   // the number of the row
	Random    // words of Philox4x32-10; as floats their 24 high bits
	RandomLow // their 8 low bits
	vectorFns
)

var vectorNames = [...]string{
	"copy", "neg", "abs", "sign", "floor", "ceil", "round", "trunc", "exp", "exp2", "log", "log2", "rcp", "rsqrt", "sqrt", "tanh", "sigmoid", "gelu",
	"expm1", "log1p", "sin", "cos", "erf",
	"add", "sub", "mul", "div", "max", "min", "greater", "greatereq", "equal", "notequal", "pow", "mod", "muladd", "select",
	"rowsum", "rowprod", "rowmax", "rowmin", "colsum", "colprod", "colmax", "colmin",
	"transpose", "pick", "place", "gather", "scatter", "takerow", "addrow", "iotacol", "iotarow", "random", "randomlow",
}

func (f VectorFn) String() string {
	if f >= vectorFns {
		return fmt.Sprintf("vector function %d", uint8(f))
	}
	return vectorNames[f]
}

// VectorFns is the number of operations.
const VectorFns = int(vectorFns)

// Sources is the number of operands.
func (f VectorFn) Sources() int {
	switch {
	case f == IotaCol || f == IotaRow:
		return 0
	case f == MulAdd || f == Select:
		return 3
	case f >= Add && f <= Mod, f.Indexed():
		return 2
	}
	return 1
}

// Elementwise reports whether element i of the result takes element i of full
// sources.
func (f VectorFn) Elementwise() bool { return f <= Select }

// Indexed reports whether the second source says where elements are.
func (f VectorFn) Indexed() bool { return f >= Gather && f <= AddRow }

// ByRow and ByCol report whether the operation combines the elements of each row, or of
// each column.
func (f VectorFn) ByRow() bool { return f >= RowSum && f <= RowMin }
func (f VectorFn) ByCol() bool { return f >= ColSum && f <= ColMin }

// Class is the pipeline that a vector operation takes.
type Class uint8

const (
	ALU      Class = iota // add, multiply, compare, move
	Function              // exp, reciprocal and so on
	Series                // what chips compute by a polynomial on the ALU
	Cross                 // across lanes
	Indexed               // an element per sublane and cycle
)

// Class returns the pipeline of the operation.
func (f VectorFn) Class() Class {
	switch {
	case f >= Exp && f <= VGELU, f == Div:
		return Function
	case f >= Expm1 && f <= Erf, f == Pow, f == Mod, f == Random, f == RandomLow:
		return Series
	case f.ByRow(), f >= Transpose && f <= Place:
		return Cross
	case f.Indexed():
		return Indexed
	}
	return ALU
}

// Spread is how a source of an elementwise operation is laid out.
type Spread uint8

const (
	Full   Spread = iota // an element for each
	PerCol               // one per column
	PerRow               // one per row
	Scalar               // the register v_imm of the source
	spreads
)

// VectorOp is what vector does. Operands are dense but for the strided side of pick and
// place.
type VectorOp struct {
	Fn         VectorFn
	Count      int // elements of the first source, or of the result where there is none
	Rows, Cols int
	Spread     [3]Spread
	Imm        [3]float32 // of scalar sources; of s32 by their bits. Imm[0] is what iota begins with
	Src        [3]int64   // addresses
	SrcType    [3]Type
	Dst        int64
	DstType    Type

	Strides Strides // pick, place
	Width   int     // indexed: elements of a row, or rows, of what is indexed
	First   uint64  // random: the first block
}

// Strides is how the rows of the strided side of pick and place lie, in bytes: element
// (r, c) is at Offset + r/Group·GroupPitch + r%Group·Pitch + c·Step. A Group of 0 is all
// rows.
type Strides struct {
	Offset, Pitch, Step, GroupPitch int64
	Group                           int
}

// At is where element (r, c) lies.
func (s *Strides) At(r, c int) int64 {
	group, row := 0, r
	if s.Group > 0 {
		group, row = r/s.Group, r%s.Group
	}
	return s.Offset + int64(group)*s.GroupPitch + int64(row)*s.Pitch + int64(c)*s.Step
}

// hull is the bytes from the first to the last of rows×cols elements of a size.
func (s *Strides) hull(rows, cols, size int) (lo, hi int64) {
	group, groups := rows, 1
	if s.Group > 0 && s.Group < rows {
		group, groups = s.Group, (rows+s.Group-1)/s.Group
	}
	lo, hi = s.Offset, s.Offset
	for _, d := range []int64{int64(groups-1) * s.GroupPitch, int64(group-1) * s.Pitch, int64(cols-1) * s.Step} {
		lo, hi = lo+min(d, 0), hi+max(d, 0)
	}
	return lo, hi + int64(size)
}

// Elements is the number of elements of source i; 0 for a scalar.
func (v *VectorOp) Elements(i int) int {
	if v.Fn.Elementwise() {
		switch v.Spread[i] {
		case PerCol:
			return v.Cols
		case PerRow:
			return v.Rows
		case Scalar:
			return 0
		}
		return v.Count
	}
	switch {
	case v.Fn == Gather && i == 0:
		return v.Rows * v.Width
	case v.Fn == TakeRow && i == 0:
		return v.Width * v.Cols
	case (v.Fn == TakeRow || v.Fn == AddRow) && i == 1:
		return v.Rows
	case v.Fn == Random, v.Fn == RandomLow:
		return keyWords
	}
	return v.Count
}

// keyWords is the size of a key of random in words: seed and offset, 64 bits each.
const keyWords = 4

// Results is the number of elements of the result.
func (v *VectorOp) Results() int {
	switch {
	case v.Fn.ByRow():
		return v.Rows
	case v.Fn.ByCol():
		return v.Cols
	case v.Fn == Scatter:
		return v.Rows * v.Width
	case v.Fn == AddRow:
		return v.Width * v.Cols
	}
	return v.Count
}
