// Command interchange saves a model for PyTorch and reads one back. Files are safetensors
// with the names that PyTorch's state_dict has, so nothing is converted on either side:
//
//	import torch, safetensors.torch as st
//	model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.LayerNorm(8), torch.nn.Linear(8, 2))
//	model.load_state_dict(st.load_file("model.safetensors"))   # what this program wrote
//	st.save_file(model.state_dict(), "model.safetensors")      # what nn.Load reads
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/safetensors"
	"github.com/crease-ml/crease/nn"
)

func newModel(seed uint64) nn.Module {
	g := crease.By(crease.NewGenerator(seed))
	return nn.NewSequential(nn.NewLinear(4, 8, g), nn.Relu(), nn.NewLayerNorm([]int{8}), nn.NewLinear(8, 2, g))
}

func main() {
	dir, err := os.MkdirTemp("", "crease")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "model.safetensors")

	// Save: the file appears whole or not at all.
	model := newModel(1)
	if err := nn.Save(path, model); err != nil {
		log.Fatal(err)
	}

	// What is in the file, as PyTorch sees it.
	file, err := safetensors.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range file.Tensors() {
		fmt.Printf("%-9s %s %v\n", t.Name, t.DType, t.Shape)
	}

	// Load into a model of the same layers.
	other := newModel(2)
	if err := nn.Load(path, other); err != nil {
		log.Fatal(err)
	}
	x := crease.Randn([]int{3, 4}, crease.By(crease.NewGenerator(3)))
	same := model.Forward(x).Eq(other.Forward(x)).All()
	fmt.Println("the models agree:", same.Item() == 1)

	// A file that does not fit says what is wrong, and changes nothing.
	wide := nn.NewSequential(nn.NewLinear(5, 8), nn.Relu(), nn.NewLayerNorm([]int{8}), nn.NewLinear(8, 2))
	fmt.Println(filepath.Base(nn.Load(path, wide).Error()))
}
