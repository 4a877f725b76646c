package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

func init() { commands = append(commands, opsCommand) }

// matrixTypes are the columns of the matrix.
var matrixTypes = []dtype.Type{dtype.F64, dtype.F32, dtype.F16, dtype.BF16, dtype.I64, dtype.I32, dtype.I16, dtype.I8, dtype.U64, dtype.U32, dtype.U16, dtype.U8, dtype.Bool}

// opRow is an op on a device: how each element type is served.
type opRow struct {
	Op     string            `json:"op"`
	Device string            `json:"device"`
	Kind   string            `json:"kind"`
	Served map[string]string `json:"served"` // by element type
}

func opsCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "ops [NAME...]",
		Short: "Show how every op is served, by element type and device",
		Long: "Show how every op is served: k by a kernel, l by its lowering, r by the\n" +
			"reference on the host, v by a view (nothing runs), - not defined.\n" +
			"With names, describe those ops.",
		ValidArgsFunction: func(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
			for _, op := range ops.All() {
				names = append(names, op.Name)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			list := ops.All()
			if len(args) > 0 {
				list = nil
				for _, name := range args {
					op := ops.Get(name)
					if op == nil {
						return usageError(fmt.Errorf("no op %q (crease ops lists them)", name))
					}
					list = append(list, op)
				}
			}
			devs, err := c.openAll(cmd)
			if err != nil {
				return err
			}
			var rows []opRow
			for _, op := range list {
				for _, d := range devs {
					rows = append(rows, serve(op, d))
				}
			}
			p := &lines{w: cmd.OutOrStdout()}
			switch {
			case c.output == "json":
				return writeJSON(cmd.OutOrStdout(), rows)
			case c.output == "md":
				return markdownMatrix(p, rows)
			case len(args) > 0:
				for _, op := range list {
					describe(p, op)
				}
			}
			return printMatrix(p, rows, len(devs) > 1)
		},
	}
	return c.bind(cmd, "table", "json", "md")
}

// serve finds out from the kernels' own conditions: a call of the op's first case
// of every element type is looked up.
func serve(op *ops.Op, d *crease.Device) opRow {
	row := opRow{Op: op.Name, Device: d.Name(), Kind: op.Kind.String(), Served: map[string]string{}}
	for _, t := range matrixTypes {
		if s := served(op, d.HAL(), t); s != "-" {
			row.Served[t.String()] = s
		}
	}
	return row
}

func served(op *ops.Op, d hal.Device, t dtype.Type) string {
	if !slices.Contains(op.Types, t) {
		return "-"
	}
	if op.Kind == ops.View {
		return "v"
	}
	call := callOf(op, t)
	switch {
	case call != nil && d.Kernels().Find(call) != nil:
		return "k"
	case op.Lower != nil:
		return "l"
	}
	return "r"
}

// callOf is a call of the op with operands of the given type, without memory.
func callOf(op *ops.Op, t dtype.Type) *hal.Call {
	for _, c := range op.Cases {
		if len(c.In) == 0 {
			// The output's type is an attribute: look the call up under the type asked
			// for.
			return &hal.Call{Op: op.Name, Attrs: c.Attrs, Out: []hal.View{dense(ops.Spec{DType: t, Shape: []int{1}})}}
		}
		if c.Types != nil && !slices.Contains(c.Types, t) {
			continue
		}
		r := rand.New(rand.NewPCG(0, 0))
		call := &hal.Call{Op: op.Name, Attrs: c.Attrs}
		var specs []ops.Spec
		for _, a := range c.In {
			s := a.Make(t, r).Spec
			specs = append(specs, s)
			call.In = append(call.In, dense(s))
		}
		if specs[0].DType != t {
			continue
		}
		outs, err := op.Specs(c.Attrs, specs)
		if err != nil {
			continue
		}
		for _, s := range outs {
			call.Out = append(call.Out, dense(s))
		}
		return call
	}
	return nil
}

func dense(s ops.Spec) hal.View {
	return hal.View{DType: s.DType, Shape: s.Shape, Strides: shape.Strides(s.Shape)}
}

func printMatrix(p *lines, rows []opRow, several bool) error {
	head := fmt.Sprintf("%-18s", "OP")
	for _, t := range matrixTypes {
		head += fmt.Sprintf(" %*s", len(t.String()), t)
	}
	last := ""
	for _, r := range rows {
		if last == "" || several && r.Device != last {
			last = r.Device
			if several {
				p.printf("device %s\n", r.Device)
			}
			p.printf("%s\n", head)
		}
		line := fmt.Sprintf("%-18s", clip(r.Op, 18))
		for _, t := range matrixTypes {
			s := r.Served[t.String()]
			if s == "" {
				s = "-"
			}
			line += fmt.Sprintf(" %*s", len(t.String()), s)
		}
		p.printf("%s\n", line)
	}
	p.printf("\nk kernel  l lowering  r reference on the host  v view  - not defined\n")
	return p.err
}

func markdownMatrix(p *lines, rows []opRow) error {
	p.printf("| op | device |")
	for _, t := range matrixTypes {
		p.printf(" %s |", t)
	}
	p.printf("\n|---|---|%s\n", strings.Repeat("---|", len(matrixTypes)))
	for _, r := range rows {
		p.printf("| %s | %s |", r.Op, r.Device)
		for _, t := range matrixTypes {
			p.printf(" %s |", r.Served[t.String()])
		}
		p.printf("\n")
	}
	return p.err
}

// describe prints what the table knows of an op.
func describe(p *lines, op *ops.Op) {
	p.printf("%s (%s)\n  %s\n", op.Name, op.Kind, wrap(op.Doc, 80, 2))
	if op.Inputs != "" {
		p.printf("  inputs    %s\n", op.Inputs)
	}
	if op.Attrs != nil {
		p.printf("  settings  %s\n", wrap(fmt.Sprintf("%+v", op.Attrs), 80, 12))
	}
	if op.ONNX != "" {
		p.printf("  ONNX      %s\n", op.ONNX)
	}
	gradient := "yes"
	switch {
	case op.NoGrad != "":
		gradient = "none: " + op.NoGrad
	case op.Grad == nil:
		gradient = "by its lowering"
	}
	p.printf("  gradient  %s\n", gradient)
	if op.Expr != nil {
		p.printf("  computes  %s\n", wrap(op.Expr.String(), 80, 12))
	}
	if op.Bench != nil {
		p.printf("  measured  %s\n", wrap("at size 64: "+operands(op), 80, 12))
	}
	p.printf("\n")
}

// operands prints what an op is measured with, as "f32[64 64], i64[64] {Axis:0}".
func operands(op *ops.Op) string {
	t := dtype.F32
	if types := op.BenchTypes(); !slices.Contains(types, t) {
		t = types[0]
	}
	c := op.Bench(ops.Size{N: 64, DType: t})
	var list []string
	for _, a := range c.In {
		list = append(list, ops.Spec{DType: cmp.Or(a.DType, t), Shape: a.Shape}.String())
	}
	s := strings.Join(list, ", ")
	if c.Attrs != nil {
		s = strings.TrimSpace(s + fmt.Sprintf(" %+v", c.Attrs))
	}
	return s
}
