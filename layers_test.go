package crease_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/crease-ml/crease"

// layers is who may import whom: a package may import those of lower layers,
// packages of its own layer only where listed, and the internal ones it is
// allowed. A new package must be given a place here.
var layers = []struct {
	name     string
	packages []string
}{
	{"foundations", []string{"dtype", "shape", "internal/..."}},
	{"hal", []string{"hal", "hal/hostdev"}},
	{"ops", []string{"ops/expr", "ops"}},
	{"kernels", []string{"cpu/gemm", "cpu/vec", "kernels"}},
	{"emulated hardware", []string{"tpu/arch", "tpu/num", "tpu/timing", "tpu/isa", "tpu/sim", "tpu/scalar", "tpu/quant", "tpu/trace"}},
	{"backends", []string{"cpu", "cuda/driver", "cuda/libcuda", "cuda/emulate", "cuda", "opencl", "tpu", "kernels/emulate", "hal/null"}},
	{"execution", []string{"exec", "autograd", "graph"}},
	{"the user's package", []string{""}},
	{"libraries", []string{"all", "data/safetensors", "data/picture", "data", "data/fetch", "nn", "optim", "runlog", "conform", "conform/fixture", "models", "train", "data/npy", "onnx/pb", "onnx", "onnx/conformance"}},
	{"tools", []string{"bench/...", "tools/...", "examples/..."}},
}

// sideways are the imports allowed inside a layer.
var sideways = map[string][]string{
	"shape":        {"dtype"},
	"ops":          {"ops/expr"},
	"hal/hostdev":  {"hal"},
	"graph":        {"exec"},
	"cpu/gemm":     {"cpu/vec"},
	"tpu/timing":   {"tpu/arch"},
	"tpu/isa":      {"tpu/arch", "tpu/num"},
	"tpu/sim":      {"tpu/arch", "tpu/num", "tpu/isa"},
	"tpu/scalar":   {"tpu/arch", "tpu/num", "tpu/isa"},
	"cuda":         {"cuda/driver", "cuda/libcuda", "cuda/emulate"},
	"cuda/emulate": {"cuda/driver"},
	"cuda/libcuda": {"cuda/driver"},
	"tpu/trace":    {"tpu/arch", "tpu/sim"},
	"tpu/quant":    {"tpu/arch", "tpu/num", "tpu/isa", "tpu/sim"},
	"data":         {"data/safetensors"},
	"data/fetch":   {"data"},
	"nn":           {"data/safetensors"},
	"models":       {"nn"},
	"train":        {"data", "data/safetensors", "nn", "optim"},
	"bench":        {"bench/peer"},
	"tools/crease": {"bench", "bench/peer", "tools/crease/train"},

	"onnx":             {"onnx/pb", "nn"},
	"onnx/conformance": {"onnx"},
}

// outside are the modules that packages may use besides the standard library.
var outside = map[string][]string{
	"golang.org/x/sys":             {"internal/...", "cpu/...", "tpu/num", "tools/avx512emu"},
	"github.com/ebitengine/purego": {"internal/...", "bench/...", "opencl", "cuda/libcuda", "kernels/emulate"},
	"github.com/spf13/cobra":       {"tools/..."},
	"github.com/spf13/pflag":       {"tools/..."},
	"google.golang.org/protobuf":   {"onnx/pb"},
}

func match(pattern, pkg string) bool {
	prefix, all := strings.CutSuffix(pattern, "/...")
	return pattern == pkg || all && (pkg == prefix || strings.HasPrefix(pkg, prefix+"/"))
}

func layerOf(pkg string) int {
	for i, l := range layers {
		for _, p := range l.packages {
			if match(p, pkg) {
				return i
			}
		}
	}
	return -1
}

func TestLayers(t *testing.T) {
	checked := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if path != "." && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		pkg := filepath.ToSlash(filepath.Dir(path))
		if pkg == "." {
			pkg = ""
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		if layerOf(pkg) < 0 {
			t.Errorf("package %s has no place in the layers", pkg)
		}
		for _, imp := range file.Imports {
			to, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(pkg, to); why != "" {
				t.Errorf("%s imports %s: %s", path, to, why)
			}
			checked++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 100 {
		t.Errorf("only %d imports were checked: the walk is broken", checked)
	}
}

// forbidden says why package from may not import to, "" when it may.
func forbidden(from, to string) string {
	inner, ours := strings.CutPrefix(to, module)
	if !ours {
		if !strings.Contains(strings.Split(to, "/")[0], ".") {
			return "" // the standard library
		}
		for mod, users := range outside {
			if to != mod && !strings.HasPrefix(to, mod+"/") {
				continue
			}
			for _, u := range users {
				if match(u, from) {
					return ""
				}
			}
			return "module " + mod + " is not for this package"
		}
		return "an unknown module"
	}
	inner = strings.TrimPrefix(inner, "/")
	a, b := layerOf(from), layerOf(inner)
	switch {
	case b < 0:
		return "it has no place in the layers"
	case b < a:
		return ""
	case b > a:
		return "layer " + layers[b].name + " is above layer " + layers[a].name
	}
	if strings.HasPrefix(from, "internal/") {
		return "internal packages stand alone"
	}
	for _, s := range sideways[from] {
		if s == inner {
			return ""
		}
	}
	return "both are in layer " + layers[a].name
}
