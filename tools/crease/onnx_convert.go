package main

import (
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/onnx"
)

func onnxConvertCommand() *cobra.Command {
	var external bool
	cmd := &cobra.Command{
		Use:   "convert MODEL OUT",
		Short: "Write a model anew, with its tensors inside or beside it, or its weights alone",
		Long: "Write a model anew. With OUT.onnx its tensors are in the file, or with --external in\n" +
			"OUT.onnx.data beside it; OUT.safetensors gets the weights alone.",
		Example: "  crease onnx convert big.onnx small.onnx --external\n  crease onnx convert model.onnx weights.safetensors",
		Args:    wantArgs("a model and a file to write", 2, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			m, err := onnx.Open(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			switch filepath.Ext(args[1]) {
			case ".onnx":
				where := onnx.Embedded
				if external {
					where = onnx.External
				}
				return m.Write(args[1], where)
			case ".safetensors":
				return writeWeights(m, args[1])
			}
			return usagef("%s: want a name that ends in .onnx or .safetensors", args[1])
		},
	}
	cmd.Flags().BoolVar(&external, "external", false, "put the tensors in a file beside the model")
	return cmd
}

func writeWeights(m *onnx.Model, path string) error {
	names, values, err := m.Weights()
	if err != nil {
		return err
	}
	list := make([]safetensors.Tensor, len(names))
	for i, h := range values {
		list[i] = safetensors.Tensor{Name: names[i], DType: h.DType, Shape: h.Shape, Data: h.Data}
	}
	return safefile.Write(path, 0o666, func(w io.Writer) error { return safetensors.Write(w, list, nil) })
}
