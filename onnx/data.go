package onnx

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// Data is a [Value] in host memory, as files of test data hold it.
type Data struct {
	Host     ops.Host
	Elem     Elem
	Sequence []Data
	IsList   bool
	Absent   bool
}

// ReadData reads a TensorProto, or a SequenceProto or OptionalProto where d says so: the
// files of ONNX's tests.
func ReadData(data []byte, d Declared) (Data, error) {
	switch d.Kind {
	case "sequence":
		var s pb.Sequence
		if err := pb.Unmarshal(data, &s); err != nil {
			return Data{}, err
		}
		out := Data{IsList: true}
		for _, t := range s.Tensors {
			x, err := dataOf(t)
			if err != nil {
				return Data{}, err
			}
			out.Sequence = append(out.Sequence, x)
		}
		return out, nil
	case "optional":
		return Data{}, fmt.Errorf("onnx: optional values are not read from files")
	}
	var t pb.Tensor
	if err := pb.Unmarshal(data, &t); err != nil {
		return Data{}, err
	}
	return dataOf(&t)
}

func dataOf(t *pb.Tensor) (Data, error) {
	if err := checkTensor(t); err != nil {
		return Data{}, fmt.Errorf("onnx: tensor %q: %w", t.Name, err)
	}
	h, e, err := hostOf(t, nil)
	if err != nil {
		return Data{}, fmt.Errorf("onnx: tensor %q: %w", t.Name, err)
	}
	return Data{Host: h, Elem: e}, nil
}

// To copies the data to a device.
func (d Data) To(dev *crease.Device) Value {
	switch {
	case d.Absent:
		return Value{}
	case d.IsList:
		v := Value{IsList: true}
		for _, x := range d.Sequence {
			v.Sequence = append(v.Sequence, x.To(dev))
		}
		return v
	}
	v := Value{Tensor: crease.FromHost(d.Host, crease.On(dev))}
	if elems[d.Elem].narrow {
		v.Elem = d.Elem
	}
	return v
}

// Data copies a value to host memory.
func (v Value) Data() (d Data, err error) {
	switch {
	case v.IsList:
		d.IsList = true
		for _, x := range v.Sequence {
			e, err := x.Data()
			if err != nil {
				return d, err
			}
			d.Sequence = append(d.Sequence, e)
		}
		return d, nil
	case v.Tensor == nil:
		return Data{Absent: true}, nil
	}
	err = crease.Try(func() { d.Host = v.Tensor.Host() })
	d.Elem = v.Type()
	return d, err
}

// Free gives the memory of a value back.
func (v Value) Free() {
	if v.Tensor != nil {
		v.Tensor.Free()
	}
	for _, x := range v.Sequence {
		x.Free()
	}
}
