// Package examples_test builds and runs the programs in the folders beside it.
package examples_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"testing"
	"time"
)

// programs are what each program's output must match.
var programs = map[string]string{
	"regression":  `y = (2\.9\d|3\.0\d) x -(1\.9\d|2\.0\d)\n`,
	"mlp":         `before training [3-6]\d %\naccuracy after 400 steps (9[89]|100) %\n`,
	"cnn":         `step  0  loss [1-9](?s:.*)accuracy (9\d|100) %\n`,
	"layer":       `1\.gate\.weight +f32\[16 16\](?s:.*)less than a tenth: true\n`,
	"op":          `gradient \[-3\. +-0\. +1\. +4\.\]\nweights +\[ ?1\. +-?0\. +-1\. +1\. +-1\. +-?0\.\]\n`,
	"interchange": `2\.bias +f32 \[8\](?s:.*)the models agree: true\nmodel\.safetensors: .*0\.weight is f32\[8 4\], the model has f32\[8 5\]\n`,
	"devices":     `cpu +agrees with the first to 1e-5: true\ncpu/generic +agrees with the first to 1e-5: true\nopencl +(absent|agrees with the first to 1e-5: true)\nmixed devices are an error: true\nmoved: \[2\. 2\.\]\n`,
	"train":       `step 150  loss 0\.\d+\nthe quick brown fox jumps over the lazy dog\.`,
	"goroutines":  `the best of the rates .* is 0\.0[13]\neight goroutines had good answers: true\n`,
	"compile":     `the same bits: true\nsteps of the graph: 2\nrecordings: 2\nreading elements is an error: true\n(?s:.*)fused`,
}

// Every program builds, ends well within a minute and prints what it promises.
func TestPrograms(t *testing.T) {
	dirs, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) != len(programs) {
		t.Errorf("there are %d programs and %d expectations", len(dirs), len(programs))
	}
	bin := t.TempDir()
	args := []string{"build", "-o", bin + string(filepath.Separator)}
	for name := range programs {
		args = append(args, "./"+name)
	}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for name, want := range programs {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(bin, name)
			if runtime.GOOS == "windows" {
				path += ".exe"
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, path)
			cmd.Env = append(os.Environ(), "CREASE_DEVICE=cpu")
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if !regexp.MustCompile(want).Match(out) {
				t.Errorf("the output does not match %s:\n%s", want, out)
			}
		})
	}
}
