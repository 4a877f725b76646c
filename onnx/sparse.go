package onnx

import (
	"fmt"

	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// maxSparse limits the size that a sparse tensor has when dense, in elements: its file may
// be small.
const maxSparse = 1 << 28

// scattered makes a sparse tensor of a file dense.
func (f *frame) scattered(s *pb.SparseTensor) (ops.Value, error) {
	dims, err := dimsOf(&pb.Tensor{Dims: s.Dims})
	if err != nil {
		return nil, err
	}
	if shape.MustElements(dims) > maxSparse {
		return nil, fmt.Errorf("it has more than %d elements when dense", maxSparse)
	}
	values, e, err := hostOf(s.Values, f.files)
	if err != nil {
		return nil, err
	}
	at, _, err := hostOf(s.Indices, f.files)
	if err != nil {
		return nil, err
	}
	h := ops.NewHost(ops.Spec{DType: values.DType, Shape: dims})
	size := h.DType.Size()
	n := values.Elements()
	linear := len(at.Shape) == 1
	if at.Elements() != n && (len(at.Shape) != 2 || at.Shape[0] != n || at.Shape[1] != len(dims)) {
		return nil, fmt.Errorf("%d values with indices of shape %s", n, shape.String(at.Shape))
	}
	strides := shape.Strides(dims)
	for i := range n {
		place := int64(0)
		if linear {
			place = at.Int(i)
		}
		for a := 0; !linear && a < len(dims); a++ {
			v := at.Int(i*len(dims) + a)
			if v < 0 || v >= int64(dims[a]) {
				return nil, fmt.Errorf("index %d of axis %d, which has size %d", v, a, dims[a])
			}
			place += v * int64(strides[a])
		}
		if place < 0 || place >= int64(h.Elements()) {
			return nil, fmt.Errorf("index %d into %d elements", place, h.Elements())
		}
		copy(h.Data[int(place)*size:(int(place)+1)*size], values.Data[i*size:(i+1)*size])
	}
	return as(&known{host: h}, e), nil
}
