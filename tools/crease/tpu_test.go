package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTPUCycles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "products.csv")
	if err := os.WriteFile(file, []byte("# layers\nname,K,M,N\nfc,500, 100,300\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runCrease(t, "tpu", "cycles", "--rows", "128", "--cols", "128", "--dataflow", "is", "--timing", "scalesim", "--gemm", "127,61,251", "--csv", file, "-o", "jsonl")
	if code != 0 {
		t.Fatal(errs)
	}
	var rows []cyclesRow
	for line := range strings.Lines(out) {
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		var r cyclesRow
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		rows = append(rows, r)
	}
	if len(rows) != 2 || rows[1].Cycles != 2727 || rows[1].M != 100 || rows[1].K != 500 || rows[1].Dataflow != "is" || rows[1].Timing != "scalesim" {
		t.Errorf("%+v", rows)
	}
	for _, key := range []string{"preset", "rows", "cols", "dataflow", "timing", "m", "n", "k", "cycles", "stall_cycles", "utilization", "mapping_efficiency"} {
		if !strings.Contains(out, `"`+key+`"`) {
			t.Errorf("no %s in %q", key, out)
		}
	}
}

// Files of other simulators have other columns, a comma at the end, or no names.
func TestTPUProductFiles(t *testing.T) {
	for i, text := range []string{"Layer, M, N, K,\nL0,196,512,512,\n", "196,512,512\n", "# c\nk,n,m\n512,512,196", "M,N,K\r\n196,512,512\r\n"} {
		file := filepath.Join(t.TempDir(), "p.csv")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		code, out, errs := runCrease(t, "tpu", "cycles", "--rows", "256", "--cols", "256", "--dataflow", "is", "--timing", "scalesim", "--csv", file, "-o", "jsonl")
		if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"cycles":2555`) {
			t.Errorf("file %d: exit code %d, %s%s", i, code, out, errs)
		}
	}
}

func TestTPUMistakes(t *testing.T) {
	dir := t.TempDir()
	bad, empty := filepath.Join(dir, "bad.csv"), filepath.Join(dir, "empty.csv")
	if err := os.WriteFile(empty, []byte("M,N,K\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bad, []byte("M,N,K\n1,2,x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"tpu frobnicate", exitUsage, "no command tpu frobnicate"},
		{"tpu cycles --preset v4", exitUsage, "want products"},
		{"tpu cycles --gemm 1,2,3", exitUsage, "--preset, or --rows and --cols"},
		{"tpu cycles --preset v4 --gemm 1,2", exitUsage, "three numbers"},
		{"tpu cycles --preset v4 --gemm 1,2,-3", exitUsage, "want 1 to"},
		{"tpu cycles --preset v44 --gemm 1,2,3", exitUsage, "did you mean v4"},
		{"tpu cycles --preset v4 --timing gem5 --gemm 1,2,3", exitUsage, "--timing"},
		{"tpu cycles --preset v4 --timing minitpu --gemm 1,2,3", exitUsage, "256×256"},
		{"tpu cycles --preset v4 --timing stonne --dataflow ws --gemm 1,2,3", exitUsage, "output stationary"},
		{"tpu cycles --rows 0 --cols 8 --gemm 1,2,3", exitUsage, "rows"},
		{"tpu cycles --preset v1 --csv " + empty, 0, ""},
		{"tpu cycles --preset v1 --csv " + dir + "/absent", exitInput, "no such file"},
		{"tpu cycles --preset v1 --csv " + bad, exitInput, "line 2"},
	} {
		code, _, errs := runCrease(t, strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("crease %s: exit code %d, want %d; it says %q, want %q", c.args, code, c.code, errs, c.says)
		}
	}
}

func TestTPUAssembler(t *testing.T) {
	dir := t.TempDir()
	text, file, bad := filepath.Join(dir, "p.s"), filepath.Join(dir, "p.bin"), filepath.Join(dir, "bad.s")
	want := ".alloc x 0x0 4096\n\tset row_bytes 256\n\tload tag=1 rows=16\n\thalt\n"
	for name, content := range map[string]string{text: "; a program\n" + want, bad: "load buf=8 rows=1\nhalt\n"} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, errs := runCrease(t, "tpu", "asm", text, "--out", file, "--preset", "v4"); code != 0 {
		t.Fatal(errs)
	}
	if code, out, errs := runCrease(t, "tpu", "disasm", file); code != 0 || out != want {
		t.Errorf("exit code %d, %s%s", code, errs, out)
	}
	for _, c := range []struct {
		args, says string
		code       int
	}{
		{"tpu asm " + bad + " --preset v1", "instruction 0 (load buf=0x8 rows=1)", exitInput},
		{"tpu asm " + file, "line 1", exitInput},
		{"tpu disasm " + text, "not a program", exitInput},
		{"tpu disasm " + dir + "/absent", "no such file", exitInput},
		{"tpu asm a b", "one file", exitUsage},
	} {
		if code, _, errs := runCrease(t, strings.Fields(c.args)...); code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("crease %s: exit code %d; it says %q, want %q", c.args, code, errs, c.says)
		}
	}
}

// The tables of crease tpu fit a terminal of 80 columns.
func TestTPUTables(t *testing.T) {
	for _, args := range []string{"tpu cycles --preset v6e --gemm 16000000,128,128", "tpu cycles --timing minitpu --gemm 16,256,256", "tpu cycles --timing stonne --rows 8 --cols 8 --gemm 1,2,3", "tpu paper"} {
		code, out, errs := runCrease(t, strings.Fields(args)...)
		if code != 0 {
			t.Errorf("crease %s: exit code %d, %s", args, code, errs)
		}
		for line := range strings.Lines(out) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 {
				t.Errorf("crease %s: a line of %d characters: %q", args, n, line)
			}
		}
	}
}
