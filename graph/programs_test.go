package graph_test

import (
	"strings"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/graph"
)

// Every pass is right by itself, and so are the others without it.
func TestPassesByThemselves(t *testing.T) {
	dev, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	n := 300
	if testing.Short() {
		n = 15
	}
	for i, p := range graph.Passes() {
		var others []string
		for _, o := range graph.Passes() {
			if o.Name != p.Name {
				others = append(others, "-"+o.Name)
			}
		}
		for _, list := range []string{"-" + p.Name, strings.Join(others, ",")} {
			set, err := graph.ParsePasses(list)
			if err != nil {
				t.Fatal(err)
			}
			for seed := range uint64(n) {
				program := conform.NewProgram(uint64(i)<<32 + seed)
				if report, _ := program.Differs(dev, &set); report != "" {
					t.Errorf("passes %s, program %d: %s", list, program.Seed, report)
					break
				}
			}
		}
	}
}

// The random programs of the conformance suite find a mistake in every pass.
func TestMistakesAreFound(t *testing.T) {
	if testing.Short() {
		t.Skip("short: the rarest mistakes take thousands of programs")
	}
	dev, err := crease.Open("cpu/generic@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range graph.Passes() {
		t.Run(p.Name, func(t *testing.T) {
			defer graph.Plant(p.Name)()
			for seed := range uint64(20000) {
				if report, _ := conform.NewProgram(seed).Differs(dev, nil); report != "" {
					t.Logf("program %d: %s", seed, report)
					return
				}
			}
			t.Error("not found")
		})
	}
}
