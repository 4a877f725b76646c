package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// What comes of a mistake.
const (
	caught   = "caught"
	timedOut = "timed out"
	survived = "survived"
	refused  = "not compiled"
)

// Trial is one mistake and what came of it.
type Trial struct {
	File    string  `json:"file"`
	Line    int     `json:"line"`
	Func    string  `json:"func,omitempty"`
	Kind    string  `json:"kind"`
	From    string  `json:"from"`
	To      string  `json:"to"`
	Result  string  `json:"result"`
	By      string  `json:"by,omitempty"` // the package whose tests noticed
	Seconds float64 `json:"seconds"`

	mistake *mistake
}

// bench plants mistakes. It keeps changed files in a folder of its own.
type bench struct {
	options
	dir   string
	sound map[suite]time.Duration // tests that pass without a mistake, and how long they take
}

func newBench(o options) (*bench, error) {
	dir, err := os.MkdirTemp("", "mutate")
	return &bench{options: o, dir: dir, sound: map[suite]time.Duration{}}, err
}

func (b *bench) close() { os.RemoveAll(b.dir) }

// try plants one mistake and runs the nearest tests until some fail.
func (b *bench) try(ctx context.Context, m *mistake) (*Trial, error) {
	t := &Trial{File: m.file, Line: m.line, Func: m.fun, Kind: m.kind, From: m.from, To: m.to, mistake: m}
	for _, s := range m.pkg.near {
		if b.sound[s] > 0 {
			continue
		}
		start := time.Now()
		if result, out, err := b.test(ctx, m.pkg.root, s, ""); err != nil {
			return nil, err
		} else if result != survived {
			return nil, fmt.Errorf("the tests of %s fail without any mistake: mend them first, or give them more time (-timeout) or memory (-memory):\n%s", s.pkg, out)
		}
		b.sound[s] = time.Since(start)
	}
	overlay, err := b.overlay(m)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	defer func() { t.Seconds = time.Since(start).Seconds() }()
	build := exec.CommandContext(ctx, "go", "build", "-overlay", overlay, "-o", os.DevNull, "./"+m.pkg.name)
	build.Dir = m.pkg.root
	if err := build.Run(); err != nil {
		t.Result = refused
		return t, ctx.Err()
	}
	for _, s := range m.pkg.near {
		if t.Result, _, err = b.test(ctx, m.pkg.root, s, overlay); err != nil {
			return nil, err
		}
		if t.Result != survived {
			t.By = s.pkg
			return t, nil
		}
	}
	return t, nil
}

// overlay writes the changed file and the list that go takes it from.
func (b *bench) overlay(m *mistake) (string, error) {
	changed := filepath.Join(b.dir, "changed.go")
	if err := os.WriteFile(changed, m.source(), 0o600); err != nil {
		return "", err
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{m.path: changed}})
	if err != nil {
		return "", err
	}
	name := filepath.Join(b.dir, "overlay.json")
	return name, os.WriteFile(name, list, 0o600)
}

// test runs a suite: "survived" stands for tests that pass.
func (b *bench) test(ctx context.Context, root string, s suite, overlay string) (result string, out []byte, err error) {
	// A busy machine must not pass for a hang.
	timeout := b.timeout + 3*b.sound[s]
	args := []string{"test", "-short", "-vet=off", "-failfast", "-count=1", "-timeout", timeout.String()}
	if s.only != "" {
		args = append(args, "-run", s.only)
	}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	if b.memory > 0 && runtime.GOOS != "windows" {
		// A limit on the address space is all that Unix systems have in common.
		script := filepath.Join(b.dir, "limit")
		if err := os.WriteFile(script, []byte("#!/bin/sh\nulimit -v "+strconv.Itoa(b.memory<<10)+"\nexec \"$@\"\n"), 0o700); err != nil {
			return "", nil, err
		}
		args = append(args, "-exec", script)
	}
	// go test ends a test that hangs; building is given as long again.
	limited, cancel := context.WithTimeout(ctx, 2*timeout+time.Minute)
	defer cancel()
	cmd := exec.CommandContext(limited, "go", append(args, "./"+s.pkg)...)
	cmd.Dir = root
	cmd.WaitDelay = time.Second
	out, err = cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", nil, ctx.Err()
	case err == nil:
		return survived, out, nil
	case limited.Err() != nil || bytes.Contains(out, []byte("panic: test timed out after")):
		return timedOut, out, nil
	case errors.As(err, &exit):
		return caught, out, nil
	}
	return "", nil, err
}
