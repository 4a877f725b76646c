package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/data/npy"
	"github.com/crease-ml/crease/onnx"
	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/ops"
)

// scaleModel writes y = x*w + x and, with another operator, a model that cannot run.
func scaleModel(t *testing.T, dir, op string) string {
	t.Helper()
	vector := &pb.Type{Tensor: &pb.TensorType{ElemType: int32(onnx.Float32), Shape: &pb.Shape{Dim: []*pb.Dimension{{Param: "n"}}}}}
	m := &pb.Model{IRVersion: 8, OpsetImport: []*pb.OperatorSet{{Version: 17}}, ProducerName: "test", Graph: &pb.Graph{
		Name: "scale",
		Node: []*pb.Node{
			{OpType: "Mul", Input: []string{"x", "w"}, Output: []string{"h"}},
			{OpType: op, Input: []string{"h", "x"}, Output: []string{"y/out"}},
		},
		Initializer: []*pb.Tensor{{Name: "w", DataType: int32(onnx.Float32), RawData: []byte{0, 0, 0, 64}, HasRaw: true}}, // 2
		Input:       []*pb.ValueInfo{{Name: "x", Type: vector}},
		Output:      []*pb.ValueInfo{{Name: "y/out", Type: vector}},
	}}
	path := filepath.Join(dir, op+".onnx")
	if err := os.WriteFile(path, pb.Marshal(m), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOnnxCommands(t *testing.T) {
	dir := t.TempDir()
	good, bad := scaleModel(t, dir, "Add"), scaleModel(t, dir, "Frobnicate")
	h, err := ops.HostOf([]int{3}, []float32{1, -2, 0.5})
	if err != nil {
		t.Fatal(err)
	}
	x := filepath.Join(dir, "x.npy")
	if err := npy.WriteFile(x, h); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := runCrease(t, "onnx", "check", good); code != 0 || !strings.Contains(out, "x FLOAT[n]") || !strings.Contains(out, "every operator is there") {
		t.Errorf("check: %d %q %q", code, out, errs)
	}
	if code, out, errs := runCrease(t, "onnx", "check", bad, "-o", "json"); code != exitInput || !strings.Contains(out, `"op":"Frobnicate"`) || !strings.Contains(errs, "Frobnicate (1)") {
		t.Errorf("check of a bad one: %d %q %q", code, out, errs)
	}
	for _, args := range [][]string{{"run"}, {"onnx", "run"}} {
		for _, more := range [][]string{{"-i", x}, {"-i", "x=" + x, "--eager"}} {
			args := append(append(append([]string{}, args...), good, "-d", "cpu", "-o", "json"), more...)
			code, out, errs := runCrease(t, args...)
			var r struct {
				Outputs []struct {
					Name string
					Data []float64
				}
			}
			if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil || len(r.Outputs) != 1 || len(r.Outputs[0].Data) != 3 || r.Outputs[0].Data[1] != -6 {
				t.Errorf("%v: %d %q %q", args, code, out, errs)
			}
		}
	}
	// The name of an output is a file's in the folder that was named, whatever it is.
	save := filepath.Join(dir, "out")
	if code, _, errs := runCrease(t, "run", good, "-d", "cpu", "-i", x, "--save", save); code != 0 {
		t.Errorf("save: %d %q", code, errs)
	}
	if y, err := npy.ReadFile(filepath.Join(save, "y_out.npy")); err != nil || y.At(2) != 1.5 {
		t.Errorf("saved: %v, %v", y, err)
	}
	if code, _, errs := runCrease(t, "run", good, "-d", "cpu"); code != exitUsage || !strings.Contains(errs, "x FLOAT[n] is missing") {
		t.Errorf("no input: %d %q", code, errs)
	}
	if code, _, errs := runCrease(t, "run", bad, "-d", "cpu", "-i", x); code != exitInput || !strings.Contains(errs, "Frobnicate") {
		t.Errorf("missing operator: %d %q", code, errs)
	}
	again := filepath.Join(dir, "again.onnx")
	if code, _, errs := runCrease(t, "onnx", "convert", good, again, "--external"); code != 0 {
		t.Errorf("convert: %d %q", code, errs)
	}
	if code, out, _ := runCrease(t, "run", again, "-d", "cpu", "-i", x); code != 0 || !strings.Contains(out, "3 -6 1.5") {
		t.Errorf("converted: %d %q", code, out)
	}
	if code, _, errs := runCrease(t, "onnx", "convert", good, filepath.Join(dir, "w.safetensors")); code != 0 {
		t.Errorf("weights: %d %q", code, errs)
	}
	if code, _, _ := runCrease(t, "onnx", "convert", good, filepath.Join(dir, "w.zip")); code != exitUsage {
		t.Errorf("convert to zip: %d", code)
	}
	if code, out, _ := runCrease(t, "onnx", "ops"); code != 0 || !strings.Contains(out, "\nLSTM\n") {
		t.Errorf("ops: %d %q", code, out)
	}
}

func TestOnnxConformance(t *testing.T) {
	if os.Getenv("CREASE_FIXTURES") == "" {
		t.Skip("CREASE_FIXTURES does not say where the cases are")
	}
	code, out, errs := runCrease(t, "onnx", "conformance", "--only", "node/test_gemm", "--compiled", "-d", "cpu", "-o", "json")
	var r conformanceReport
	if err := json.Unmarshal([]byte(out), &r); code != 0 || err != nil || r.Total < 5 || r.Counts["passed"] != r.Total || len(r.Cases) != r.Total {
		t.Errorf("%d %q %q", code, out, errs)
	}
}
