package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/crease-ml/crease/data/safetensors"
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
		var r struct {
			Schema int `json:"schema"`
			cyclesRow
		}
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%v: %q", err, line)
		}
		rows = append(rows, r.cyclesRow)
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

// program is a product of one tile.
const tpuProgram = `.alloc x 0x0 256
.alloc y 0x100 512
	set row_bytes 64
	load tag=1 buf=x rows=1
	read_weights type=bf16 rows=4 cols=4 mem=0x40
	matmul switch type=bf16 buf=x rows=8
	activate fn=relu float out=f32 buf=y rows=8
	set row_bytes 128
	store buf=y mem=0x80 rows=1
	halt
`

// A program runs on both engines in the same cycles, its trace is read again, and its
// registers are dumped.
func TestTPURun(t *testing.T) {
	dir := t.TempDir()
	file, traced, dumped := filepath.Join(dir, "p.s"), filepath.Join(dir, "p.json"), filepath.Join(dir, "p.vcd")
	if err := os.WriteFile(file, []byte(tpuProgram), 0o644); err != nil {
		t.Fatal(err)
	}
	var cycles []int64
	for _, engine := range []string{"fast", "exact"} {
		args := []string{"tpu", "run", file, "--rows", "4", "--cols", "4", "--bandwidth", "1G", "--seed", "3", "--engine", engine, "--memory", "64K", "-o", "json"}
		if engine == "exact" {
			args = append(args, "--vcd", dumped, "--trace", traced)
		}
		code, out, errs := runCrease(t, args...)
		if code != 0 {
			t.Fatal(errs)
		}
		var r struct {
			Cycles, MACs int64
			Utilization  float64
		}
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		if r.MACs != 8*4*4 || !(r.Utilization > 0 && r.Utilization < 1) {
			t.Errorf("%+v", r)
		}
		cycles = append(cycles, r.Cycles)
	}
	if cycles[0] != cycles[1] {
		t.Errorf("the engines take %v cycles", cycles)
	}
	if b, err := os.ReadFile(dumped); err != nil || !strings.Contains(string(b), "$enddefinitions") || strings.Count(string(b), "\n#") < 20 {
		t.Errorf("the dump has %d bytes (%v)", len(b), err)
	}
	code, out, errs := runCrease(t, "tpu", "report", traced)
	if code != 0 || !strings.Contains(out, "array 0") || !strings.Contains(out, "waits for") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	code, out, errs = runCrease(t, "tpu", "step", file, "--rows", "4", "--cols", "4", "--bandwidth", "1G", "--all")
	if code != 0 || !strings.Contains(out, "waits for its weight tile") || !strings.HasSuffix(strings.TrimSpace(out), ": over") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
}

func TestTPUReportAndSweep(t *testing.T) {
	chart, traced := filepath.Join(t.TempDir(), "sweep.svg"), filepath.Join(t.TempDir(), "step.json")
	code, out, errs := runCrease(t, "tpu", "report", "uncrumple", "-d", "tpu:v2", "--batch", "32", "--trace", traced)
	if code != 0 || !strings.Contains(out, "linear f32[32 64]") || !strings.Contains(out, "host fallbacks") || !strings.Contains(out, "utilisation") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	if code, out, errs = runCrease(t, "tpu", "report", traced); code != 0 || !strings.Contains(out, "array 0") {
		t.Errorf("exit code %d: %s%s", code, out, errs)
	}
	code, out, errs = runCrease(t, "tpu", "sweep", "uncrumple", "--mode", "infer", "--batch", "16", "--sizes", "8,32", "--dataflows", "ws,os", "--chart", chart, "-o", "jsonl")
	if code != 0 {
		t.Fatal(errs)
	}
	var points []swept
	for line := range strings.Lines(out) {
		var s swept
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		points = append(points, s)
	}
	if len(points) != 4 || points[1].Size != 32 || points[2].Dataflow != "os" || points[0].Utilization <= points[1].Utilization {
		t.Errorf("%+v", points)
	}
	if b, err := os.ReadFile(chart); err != nil || strings.Count(string(b), "<polyline") != 4 {
		t.Errorf("the chart: %v\n%s", err, b)
	}
}

func TestTPUDeviceMistakes(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`[{"ph":"X"`), 0o644); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(t.TempDir(), "foreign.safetensors")
	if err := safetensors.Save(foreign, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"train", "uncrumple", "-d", "tpu:v1"}, exitUsage, "has no floating point"},
		{[]string{"tpu", "report", "uncrumple", "-d", "cpu"}, exitUsage, "counts no cycles"},
		{[]string{"tpu", "report", "uncrumple", "-d", "tpu:edge"}, exitUsage, "crease tpu quantize"},
		{[]string{"tpu", "report", bad}, exitInput, "byte "},
		{[]string{"tpu", "sweep", "uncrumple", "--mode", "infer", "--batch", "1", "--sizes", "8", "--dataflows", "ws", "--checkpoint", foreign}, exitInput, "not a checkpoint"},
		{[]string{"tpu", "report", "charlstm", "-d", "tpu:v2", "--data", t.TempDir()}, exitInput, filepath.Dir(t.TempDir())},
		{[]string{"tpu", "sweep", "uncrumple", "--sizes", "0"}, exitUsage, "numbers from 1"},
		{[]string{"tpu", "sweep", "uncrumple", "--dataflows", "xs"}, exitUsage, "ws, os or is"},
		{[]string{"tpu", "quantize", "--model", "rnn"}, exitUsage, "want mlp or cnn"},
		{[]string{"tpu", "quantize", "--chip", "cpu"}, exitUsage, "no emulated chip"},
		{[]string{"tpu", "run", bad, "--rows", "4", "--cols", "4"}, exitInput, "line 1"},
		{[]string{"tpu", "run", bad, "--rows", "4", "--cols", "4", "--vcd", "x"}, exitUsage, "--engine exact"},
		{[]string{"tpu", "run", bad, "--rows", "4", "--cols", "4", "--memory", "9T"}, exitUsage, "1 to 1G"},
	} {
		code, _, errs := runCrease(t, c.args...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, want %d; %q, want %q", c.args, code, c.code, errs, c.want)
		}
	}
}
