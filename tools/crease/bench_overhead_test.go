package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/bench/peer"
)

// A Python that is not there is named and left out, unless it was asked for.
func TestOverheadWithoutPeers(t *testing.T) {
	t.Setenv("CREASE_PYTHON", filepath.Join(t.TempDir(), "python3"))
	code, out, errs := runCrease(t, "bench", "overhead", "-d", "cpu", "-r", "2", "-o", "json")
	if code != 0 {
		t.Fatal(errs)
	}
	var rows []bench.Overhead
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(bench.OverheadWorkloads(false)) {
		t.Errorf("%d rows", len(rows))
	}
	for _, r := range rows {
		if !(r.Median > 0) || r.Samples != 2 || r.NumPy != nil || !strings.HasSuffix(r.Device, "@threads=1") {
			t.Errorf("%+v", r)
		}
	}
	lines := strings.Split(strings.TrimSpace(errs), "\n")
	for i, library := range peer.Libraries {
		if len(lines) != 2 || !strings.HasPrefix(lines[i], "crease: no peer: "+library+" was not found") || !strings.Contains(lines[i], "CREASE_PYTHON") {
			t.Errorf("it says %q", errs)
		}
	}
}

// Pythons that end, and one that hangs until Ctrl-C.
func TestOverheadWithABadPython(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the bad Python is a shell script")
	}
	script := func(text string) string {
		path := filepath.Join(t.TempDir(), "python3")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	code, _, errs := runCrease(t, "bench", "overhead", "-d", "cpu", "-r", "1", "--peer", "numpy,torch", "--python", script("echo 'no luck' >&2; exit 3"))
	if code != exitInput || !strings.Contains(errs, "ended instead of answering for numpy (exit status 3: no luck)") || strings.Count(errs, "\n") != 1 {
		t.Errorf("exit code %d, %q", code, errs)
	}
	for _, text := range []string{"sleep 30", `echo "{\"library\": \"$3\", \"version\": \"1\", \"workloads\": [\"eager_add\"]}"; sleep 30`} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		var stdout, stderr bytes.Buffer
		root := rootCommand()
		root.SetOut(&stdout)
		root.SetErr(&stderr)
		root.SetArgs([]string{"bench", "overhead", "-d", "cpu", "--python", script(text)})
		// Ctrl-C cancels; the deadline stands for it.
		if code := execute(ctx, root); code == 0 || !strings.Contains(stderr.String(), context.DeadlineExceeded.Error()) {
			t.Errorf("exit code %d, %q", code, stderr.String())
		}
		if strings.Contains(stderr.String(), "no peer") {
			t.Errorf("the peer is to blame: %q", stderr.String())
		}
		cancel()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := rootCommand()
	root.SetOut(&bytes.Buffer{})
	root.SetErr(&bytes.Buffer{})
	root.SetArgs([]string{"bench", "overhead", "-d", "cpu", "--peer", "none"})
	if code := execute(ctx, root); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
}

// written is what a format makes of two devices' rows, one of which has peers.
func written(t *testing.T, format string) string {
	t.Helper()
	cpu, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := &cobra.Command{}
	cmd.SetOut(&out)
	peers := []*peer.Python{{Library: "numpy", Version: "2.4.6", Runs: "3.11.7"}, {Library: "torch", Version: "2.15.0+cu132", Runs: "3.11.7"}}
	w := &overheadWriter{lines: lines{w: cmd.OutOrStdout()}, format: format, peers: peers}
	numpy, torch := 98.76, 1234567.4
	for range 2 {
		w.begin(cpu)
		w.row(bench.Overhead{
			Workload: "forward_backward", Device: "tpu@a=1,b=2", Median: 123456.7, P10: 99.94, P90: 9999999.4, Allocs: 39.22, Bytes: 12345.67, Samples: 3,
			NumPy: &numpy, Torch: &torch, Ops: 640, Times: []float64{3, 4, 5.25}, PeerTimes: map[string][]float64{"numpy": {1, 2, 3}},
		})
		w.row(bench.Overhead{Workload: "eager_add", Device: "cpu", Median: 3, P10: 2, P90: 4, Samples: 1, Ops: 1, Times: []float64{3}})
	}
	if err := w.end(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "NaN") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("%s prints %q", format, out.String())
	}
	return out.String()
}

func TestOverheadTable(t *testing.T) {
	table := written(t, "table")
	for line := range strings.Lines(table) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("a line of %d characters: %q", n, line)
		}
	}
	for _, want := range []string{
		"\nWORKLOAD ", "on cpu", "\nNUMPY: 2.4.6 in Python 3.11.7, TORCH: 2.15.0+cu132 in Python 3.11.7\n",
		"\nforward_backward    123457     99.9  9999999   39.22   12346     98.8  1234567\n",
		"\neager_add              3.0      2.0      4.0       0       0        -        -\n",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

func TestOverheadJSON(t *testing.T) {
	var rows []map[string]any
	if err := json.Unmarshal([]byte(written(t, "json")), &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 4 || rows[0]["torch_ns"] != 1234567.4 || rows[1]["torch_ns"] != nil || rows[1]["median_ns"] != 3.0 || len(rows[1]) != 11 {
		t.Errorf("%v", rows)
	}
}

func TestOverheadCSV(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(written(t, "csv"))).ReadAll() // as many fields in each
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(rows[1:3]), "[[forward_backward tpu@a=1,b=2 3 123456.7 99.94 9.9999994e+06 39.22 12345.67 98.76 1.2345674e+06] [eager_add cpu 1 3 2 4 0 0  ]]"; len(rows) != 5 || got != want {
		t.Errorf("%d rows: %s", len(rows), got)
	}
	if rows[0][8] != "numpy_ns" {
		t.Errorf("the header is %v", rows[0])
	}
}

func TestOverheadMarkdown(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(written(t, "md")), "\n")
	if len(lines) != 6 || lines[3] != "| eager_add | cpu | 3.0 | 2.0 | 4.0 | 0 | 0 | - | - |" {
		t.Errorf("%q", lines)
	}
	for _, l := range lines {
		if strings.Count(l, "|") != 10 {
			t.Errorf("%q has other columns", l)
		}
	}
}

// The benchmark format is that of Go's testing package, a line for every sample.
func TestOverheadBenchmarkFormat(t *testing.T) {
	text := written(t, "bench")
	line := regexp.MustCompile(`(?m)^BenchmarkOverhead/\w+ \d+( \d+(\.\d+)? \S+)+$`)
	if n := len(line.FindAllString(text, -1)); n != 8 || strings.Count(text, "\n") != 8+2+2 {
		t.Errorf("%d samples in %q", n, text)
	}
	for _, want := range []string{
		"goos: " + runtime.GOOS + "\n", "\ndevice: cpu",
		"\nBenchmarkOverhead/forward_backward 640 5.2 ns/op 12345.67 B/op 39.22 allocs/op 3.0 numpy-ns/op\n",
		"\nBenchmarkOverhead/eager_add 1 3.0 ns/op 0 B/op 0 allocs/op\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %q", want, text)
		}
	}
}
