package onnx

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// dimsOf are the dimensions of a tensor of a file, checked for overflow.
func dimsOf(t *pb.Tensor) ([]int, error) {
	dims := make([]int, len(t.Dims))
	for i, d := range t.Dims {
		if d < 0 || d > math.MaxInt {
			return nil, fmt.Errorf("dimension %d is %d", i, d)
		}
		dims[i] = int(d)
	}
	if len(dims) > shape.MaxRank {
		return nil, fmt.Errorf("it has %d axes, at most %d are supported", len(dims), shape.MaxRank)
	}
	if _, err := shape.Elements(dims); err != nil {
		return nil, err
	}
	return dims, nil
}

// checkTensor refuses a tensor whose data do not fit its type and shape. It allocates
// nothing. Data in other files are checked where they are opened.
func checkTensor(t *pb.Tensor) error {
	e := Elem(t.DataType)
	row, ok := elems[e]
	if !ok {
		return fmt.Errorf("%v is not an element type", e)
	}
	dims, err := dimsOf(t)
	if err != nil {
		return err
	}
	n := shape.MustElements(dims)
	given := 0
	lists := map[string]int{"float_data": t.FloatData.Len(), "double_data": t.DoubleData.Len(), "int32_data": t.Int32Data.Len(),
		"int64_data": t.Int64Data.Len(), "uint64_data": t.Uint64Data.Len(), "string_data": len(t.StringData)}
	for _, l := range lists {
		if l > 0 {
			given++
		}
	}
	external := t.DataLocation == 1
	if t.HasRaw {
		given++
	}
	if external {
		given++
	}
	if given > 1 {
		return fmt.Errorf("its elements are given in more than one field")
	}
	if external || e == String && len(t.StringData) == n {
		return nil
	}
	if t.HasRaw {
		if row.bits == 0 {
			return fmt.Errorf("raw data of %v", e)
		}
		if want := rawBytes(e, n); len(t.RawData) != want {
			return fmt.Errorf("%d bytes of raw data, %d elements of %v need %d", len(t.RawData), n, e, want)
		}
		return nil
	}
	want := n
	switch {
	case row.bits < 8 && row.bits > 0:
		want = rawBytes(e, n)
	case e == Complex64 || e == Complex128:
		want = 2 * n
	}
	if field := listOf(e); lists[field] != want {
		return fmt.Errorf("%d elements in %s, its shape %s has %d", lists[field], field, shape.String(dims), want)
	}
	return nil
}

// rawBytes is the length of n elements of raw data; types below a byte are packed.
func rawBytes(e Elem, n int) int {
	bits := elems[e].bits
	if bits < 8 {
		per := 8 / bits
		return (n + per - 1) / per
	}
	return n * (bits / 8)
}

// listOf is the field that holds elements of a type when raw data do not.
func listOf(e Elem) string {
	switch e {
	case Float32, Complex64:
		return "float_data"
	case Float64, Complex128:
		return "double_data"
	case Int64:
		return "int64_data"
	case Uint32, Uint64:
		return "uint64_data"
	case String:
		return "string_data"
	}
	return "int32_data"
}

// hostOf reads the elements of a tensor that checkTensor has accepted. Types that crease
// does not have are read into their carriers.
func hostOf(t *pb.Tensor, files *dataFiles) (ops.Host, Elem, error) {
	e := Elem(t.DataType)
	carrier := e.DType()
	if carrier == dtype.Invalid {
		return ops.Host{}, e, &TypeError{Elem: e}
	}
	dims, err := dimsOf(t)
	if err != nil {
		return ops.Host{}, e, err
	}
	if _, err := shape.Bytes(carrier, dims); err != nil {
		return ops.Host{}, e, err
	}
	raw, isRaw := t.RawData, t.HasRaw
	if t.DataLocation == 1 {
		if raw, err = files.read(t, rawBytes(e, shape.MustElements(dims))); err != nil {
			return ops.Host{}, e, err
		}
		isRaw = true
	}
	h := ops.NewHost(ops.Spec{DType: carrier, Shape: dims})
	if isRaw {
		readRaw(h, e, raw)
		return h, e, nil
	}
	readLists(h, e, t)
	return h, e, nil
}

func readRaw(h ops.Host, e Elem, raw []byte) {
	row := elems[e]
	switch {
	case !row.narrow && e == Bool:
		for i, b := range raw {
			if b != 0 {
				h.Data[i] = 1
			}
		}
	case !row.narrow:
		copy(h.Data, raw) // files and all platforms are little-endian
	default:
		per, values := 8/row.bits, e.values()
		for i := range h.Elements() {
			h.Set(i, values[raw[i/per]>>(i%per*row.bits)&(1<<row.bits-1)])
		}
	}
}

func readLists(h ops.Host, e Elem, t *pb.Tensor) {
	n := h.Elements()
	switch listOf(e) {
	case "float_data":
		copy(h.Data, t.FloatData)
	case "double_data":
		copy(h.Data, t.DoubleData)
	case "int64_data":
		list := t.Int64Data
		for i := range n {
			h.SetInt(i, list.Next())
		}
	case "uint64_data":
		list := t.Uint64Data
		for i := range n {
			h.SetInt(i, list.Next())
		}
	default:
		list := t.Int32Data
		row := elems[e]
		var values []float64
		if row.narrow {
			values = e.values()
		}
		if row.bits < 8 {
			per, word := 8/row.bits, uint8(0)
			for i := range n {
				if i%per == 0 {
					word = uint8(list.Next())
				}
				h.Set(i, values[word>>(i%per*row.bits)&(1<<row.bits-1)])
			}
			return
		}
		for i := range n {
			v := list.Next()
			switch {
			case row.narrow:
				h.Set(i, values[uint8(v)])
			case e == Float16 || e == BFloat16:
				binary.LittleEndian.PutUint16(h.Data[2*i:], uint16(v))
			case e == Float8E4M3FN || e == Float8E5M2:
				h.Data[i] = uint8(v)
			case e == Bool:
				h.SetInt(i, min(max(v, -v), 1))
			default:
				h.SetInt(i, v)
			}
		}
	}
}

// TypeError is an element type that crease does not compute with.
type TypeError struct {
	Elem Elem
	What string // the tensor or value, if it is known
}

func (e *TypeError) Error() string {
	if e.What != "" {
		return fmt.Sprintf("%s is of %v, which crease does not compute with", e.What, e.Elem)
	}
	return fmt.Sprintf("%v is an element type that crease does not compute with", e.Elem)
}
