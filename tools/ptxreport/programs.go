package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

type program = *kernels.Program

// recorder is a stream that keeps the programs it is told to run.
type recorder struct {
	hal.Stream
	seen map[program]bool
	list []program
}

func (r *recorder) Run(p program, _ [3]int, _ []hal.Buffer, _ []byte) error {
	if !r.seen[p] {
		r.seen[p] = true
		r.list = append(r.list, p)
	}
	return nil
}

// programs is every program that the cases of the rows make on a GPU.
func programs() ([]program, error) {
	var reg hal.Registry
	if _, err := kernels.Register(&reg, kernels.Caps{Dialect: kernels.CUDA, F64: true, MaxGroup: 1024, Local: 48 << 10, Tensor: 80, Vendor: "nvidia"}); err != nil {
		return nil, err
	}
	rec := &recorder{seen: map[program]bool{}}
	for _, op := range ops.All() {
		for _, c := range op.Cases {
			for _, t := range c.TypesIn(op) {
				if err := rec.record(&reg, op, c, t); err != nil {
					return nil, fmt.Errorf("%s, case %s, %s: %w", op.Name, c.Name, t, err)
				}
			}
		}
	}
	// The cases of attention are too narrow for tensor cores.
	for _, width := range []int{128, 64} {
		c := ops.Case{Attrs: ops.AttentionAttrs{Causal: true}, In: []ops.Arg{{Shape: []int{1, 64, width}}, {Shape: []int{1, 64, width}}, {Shape: []int{1, 64, width}}}}
		if err := rec.record(&reg, ops.Attention, c, dtype.BF16); err != nil {
			return nil, fmt.Errorf("attention of width %d: %w", width, err)
		}
	}
	return rec.list, nil
}

func (r *recorder) record(reg *hal.Registry, op *ops.Op, c ops.Case, t dtype.Type) error {
	var in []ops.Spec
	for _, a := range c.In {
		in = append(in, a.Spec(t))
	}
	out, err := op.Specs(c.Attrs, in)
	if err != nil {
		return err
	}
	dense := func(s ops.Spec) hal.View {
		return hal.View{DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape)}
	}
	call := &hal.Call{Op: op.Name, Attrs: c.Attrs}
	for _, s := range in {
		v := dense(s)
		if op.Expr != nil {
			v.Shape = out[0].Shape
			if v.Strides, err = shape.BroadcastStrides(s.Shape, v.Strides, v.Shape); err != nil {
				return err
			}
		}
		call.In = append(call.In, v)
	}
	for _, s := range out {
		call.Out = append(call.Out, dense(s))
	}
	for _, k := range reg.For(op.Name) {
		if !k.Takes(call) {
			continue
		}
		l, err := k.Prepare(call)
		if err == nil {
			err = l.Run(r, slices.Clone(call.Operands()), nil)
		}
		if err != nil && !errors.Is(err, hal.ErrUnsupported) {
			return err
		}
	}
	return nil
}
