package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// pkg is a package in which mistakes are planted.
type pkg struct {
	name  string // below the module, "." for its root
	dir   string
	root  string // of the module
	files []string
	near  []suite
}

// suite is tests of a package, maybe of another one than that which is changed.
type suite struct {
	pkg  string // below the module
	only string // for -run, "" for all
}

// packages are those that are taken when none is named, and what tests them besides
// their own tests, the quickest first.
var packages = map[string][]suite{
	"shape":             {{"exec", ""}},
	"ops":               {{"conform", ""}, {".", "Gradient|Torch"}},
	"kernels":           {{"cpu", ""}, {"conform", ""}},
	"exec":              {{"graph", ""}, {".", ""}},
	"graph":             {{".", "Compile|Graph"}, {"conform", ""}},
	"autograd":          {{".", "Grad|Memory|Scope|Tidy"}},
	"optim":             nil,
	"data":              nil,
	"data/npy":          nil,
	"data/safetensors":  {{"train", ""}},
	"internal/parallel": nil,
	"internal/safefile": nil,
}

// load lists the files of packages that are compiled on this machine.
func load(ctx context.Context, names []string) ([]*pkg, error) {
	if len(names) == 0 {
		for name := range packages {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	args := []string{"list", "-json=Dir,ImportPath,GoFiles,Module"}
	for _, n := range names {
		args = append(args, "./"+path.Clean(filepath.ToSlash(n)))
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("the packages cannot be listed (mutate runs in the module's root): %w: %s", err, stderr.Bytes())
	}
	var list []*pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir, ImportPath string
			GoFiles         []string
			Module          struct{ Path, Dir string }
		}
		if err := dec.Decode(&p); err == io.EOF {
			return list, nil
		} else if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, p.Module.Path), "/")
		if name == "" {
			name = "."
		}
		list = append(list, &pkg{
			name: name, dir: p.Dir, root: p.Module.Dir, files: p.GoFiles,
			near: append([]suite{{pkg: name}}, packages[name]...),
		})
	}
}
