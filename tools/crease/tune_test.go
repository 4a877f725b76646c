package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/conform"
)

func TestTuneRefuses(t *testing.T) {
	t.Setenv("CREASE_TUNING", "off")
	for args, says := range map[string]string{
		"tune":                                   "want the names of ops",
		"tune nosuch --dry-run":                  `no op "nosuch"`,
		"tune reshape --dry-run":                 "no benchmark",
		"tune matmul --dry-run --limit 0s":       "\"--limit\" flag: want a time",
		"tune matmul --dry-run --shape x":        "--shape",
		"tune matmul --dry-run --dtype f31":      "--dtype",
		"tune matmul --dry-run -r 0":             "from 1 to 10000",
		"tune matmul":                            "no table to add to",
		"tune matmul --dry-run -d cpu@threads=1": "has no portable kernels",
	} {
		if code, _, errs := runCrease(t, strings.Fields(args)...); code == 0 || !strings.Contains(errs, says) {
			t.Errorf("crease %s: exit code %d, %s", args, code, errs)
		}
	}
}

// What is found is kept in the table that was named, unless it is a dry run.
func TestTune(t *testing.T) {
	conform.Open(t, "opencl")
	table := filepath.Join(t.TempDir(), "tuning.json")
	for _, dry := range []bool{true, false} {
		args := []string{"tune", "softmax", "-d", "opencl", "--shape", "16", "-r", "1", "--limit", "1m", "--table", table}
		if dry {
			args = append(args, "--dry-run")
		}
		code, out, errs := runCrease(t, args...)
		if code != 0 {
			t.Fatal(errs)
		}
		for line := range strings.Lines(out) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 && !strings.Contains(line, table) {
				t.Errorf("a line of %d characters: %q", n, line)
			}
		}
		for _, want := range []string{"\nsoftmax  ", "TEAM 64", "TEAM 256", "softmax f32: "} {
			if !strings.Contains(out, want) {
				t.Errorf("no %q in %s", want, out)
			}
		}
		if _, err := os.Stat(table); (err == nil) != strings.Contains(out, "kept in") {
			t.Errorf("the table: %v; the report:\n%s", err, out)
		}
	}
	code, out, errs := runCrease(t, "tune", "softmax", "-d", "opencl", "--shape", "16", "-r", "1", "--dry-run", "-o", "json")
	var res []bench.Tuned
	if err := json.Unmarshal([]byte(out), &res); code != 0 || err != nil || len(res) != 1 || res[0].Op != "softmax" || res[0].Now != "softmax_f32" {
		t.Errorf("exit code %d: %v, %+v, %s", code, err, res, errs)
	}
}
