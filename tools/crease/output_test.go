package main

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// Tables and progress fit a terminal of 80 columns, and one of 40.
func TestOutputFits(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, width := range []string{"80", "40"} {
		t.Setenv("COLUMNS", width)
		limit := 80
		if width == "40" {
			limit = 40
		}
		for _, args := range []string{
			"devices", "doctor -d cpu", "ops", "ops softmax conv2d", "env", "bench exp --shape 32 -r 1 -d cpu", "bench matmul --shape 32 -r 1 -d cpu/generic@threads=1",
			"bench overhead -d cpu --peer none -r 1", "graph uncrumple -d cpu --batch 8 -r 1", "train uncrumple -d cpu --steps 3 --batch 8",
			"tpu cycles --preset v4 --gemm 8,8,8", "tpu paper", "version",
		} {
			code, out, errs := runCrease(t, strings.Fields(args)...)
			if code != 0 || out == "" {
				t.Errorf("crease %s: exit code %d, %s", args, code, errs)
			}
			for line := range strings.Lines(out) {
				if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > limit {
					t.Errorf("crease %s: a line of %d characters where %d fit: %q", args, n, limit, line)
				}
			}
		}
	}
}

func TestTable(t *testing.T) {
	print := func(width string) string {
		t.Setenv("COLUMNS", width)
		var b bytes.Buffer
		table := (&lines{w: &b}).table(column{"NAME", 6, false}, column{"TIME", 6, true}, column{"WHY", 0, false})
		table.row("first", "1 ms", "because it is the first one of all")
		table.row("second one", "", "")
		return b.String()
	}
	wide := "NAME      TIME  WHY\nfirst     1 ms  because it is the first\n                one of all\nsec...\n"
	if got := print("40"); got != wide {
		t.Errorf("wide:\n%s", got)
	}
	narrow := "first\n  time 1 ms\n  why because it is the\n      first one of all\n\nsecond one\n"
	if got := print("24"); got != narrow {
		t.Errorf("narrow:\n%s", got)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		text          string
		width, indent int
		want          string
	}{
		{"", 10, 0, ""}, {"a b", 3, 0, "a b"}, {"a bc", 3, 0, "a\nbc"}, {"é☃é x", 3, 0, "é☃é\nx"}, {"abcdefgh", 4, 0, "abcd\nefgh"},
		{"one two", 40, 35, "one\n  two"}, {"longer", 40, 38, "\n  longer"},
	} {
		if got := wrap(c.text, c.width, c.indent); got != c.want {
			t.Errorf("wrap(%q, %d, %d) is %q, want %q", c.text, c.width, c.indent, got, c.want)
		}
	}
}

// JSON is what encoding/json writes, and numbers that it refuses are strings.
func TestWriteJSON(t *testing.T) {
	type inner struct {
		X float64 `json:"x"`
	}
	type row struct {
		inner
		Name  string             `json:"name"`
		Empty []int              `json:"empty"`
		Ptr   *float64           `json:"ptr"`
		Map   map[string]float64 `json:"map"`
		Bytes []byte             `json:"bytes"`
		Skip  int                `json:"-"`
		Any   any                `json:"any"`
		Gone  int                `json:"gone,omitempty"`
	}
	half := 0.5
	good := row{inner: inner{1.5}, Name: "é\"<", Empty: []int{}, Ptr: &half, Map: map[string]float64{"b": 1, "a": 2}, Bytes: []byte{1}, Any: []string{"x"}}
	var got bytes.Buffer
	if err := writeJSON(&got, []row{good}); err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal([]row{good})
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != strings.Replace(string(want), "{", `{"schema":1,`, 1)+"\n" {
		t.Errorf("%s is not\n%s", got.String(), want)
	}
	got.Reset()
	nan := math.NaN()
	bad := row{inner: inner{math.Inf(1)}, Ptr: &nan, Map: map[string]float64{"a": math.Inf(-1)}}
	if err := writeJSON(&got, bad); err != nil {
		t.Fatal(err)
	}
	if s := got.String(); s != `{"schema":1,"x":"Infinity","name":"","empty":[],"ptr":"NaN","map":{"a":"-Infinity"},"bytes":null,"any":null}`+"\n" {
		t.Error(s)
	}
}

// Rows have the same keys whatever happened, and the version says what it was built of.
func TestJSONKeys(t *testing.T) {
	keys := func(args string) []map[string]any {
		t.Helper()
		code, out, errs := runCrease(t, strings.Fields(args)...)
		var rows []map[string]any
		if strings.HasPrefix(out, "{") {
			out = "[" + out + "]"
		}
		if err := json.Unmarshal([]byte(out), &rows); code != 0 || err != nil {
			t.Fatalf("crease %s: exit code %d, %v: %s", args, code, err, errs)
		}
		return rows
	}
	for _, args := range []string{"devices -o json", "doctor -d cpu -o json", "bench exp,matmul --shape 8 -r 1 -d cpu --peer none -o json"} {
		rows := keys(args)
		for _, r := range rows {
			if len(r) != len(rows[0]) {
				t.Errorf("crease %s: %v has other keys than %v", args, r, rows[0])
			}
		}
	}
	v := keys("version -o json")[0]
	for _, key := range []string{"version", "commit", "modified", "go", "platform"} {
		if _, ok := v[key]; !ok {
			t.Errorf("the version has no %s: %v", key, v)
		}
	}
}

// benchstat compares samples: there is a line for each.
func TestBenchFormatHasSamples(t *testing.T) {
	code, out, errs := runCrease(t, strings.Fields("bench exp --shape 16 -r 3 -d cpu -o bench")...)
	if code != 0 || strings.Count(out, "\nBenchmarkexp/device=cpu") != 2 || !strings.HasPrefix(out, "Benchmarkexp/device=cpu") {
		t.Errorf("exit code %d: %q %s", code, out, errs)
	}
}

func TestSuggestions(t *testing.T) {
	for args, says := range map[string]string{
		"bench matmull":                     "did you mean matmul",
		"ops sofmax":                        "did you mean softmax",
		"train uncrumpel":                   "did you mean uncrumple",
		"train fashion --model cn":          "did you mean cnn",
		"train uncrumple -d openlc":         "did you mean opencl",
		"train uncrumple --mode grahp":      "did you mean graph",
		"bench exp --dtype f23":             "did you mean",
		"tpu cycels":                        "did you mean cycles",
		"trian":                             "did you mean train",
		"bench overhead --peer nunpy":       "did you mean numpy",
		"tpu cycles --preset v4 --timing o": "want own",
	} {
		if code, _, errs := runCrease(t, strings.Fields(args)...); code != exitUsage || !strings.Contains(errs, says) {
			t.Errorf("crease %s: exit code %d, %s", args, code, errs)
		}
	}
	if code, _, errs := runCrease(t, "ops", "exp", "-d", "CPU/Generic"); code != 0 {
		t.Errorf("a device in capitals: %s", errs)
	}
}

func TestCompletesValues(t *testing.T) {
	for args, want := range map[string]string{
		"bench |mat":                       "matmul",
		"bench |exp,mat":                   "exp,matmul",
		"tune |soft":                       "softmax",
		"train|uncrumple|--mode|":          "graph",
		"train|fashion|--model|":           "cnn",
		"train|uncrumple|--output|":        "json",
		"bench|exp|--dtype|":               "bf16",
		"tpu|cycles|--dataflow|":           "ws",
		"graph|uncrumple|--diff|":          "fuse",
		"bench|exp|--device|":              "cpu/generic",
		"tpu|cycles|--preset|v4|--timing|": "scalesim",
	} {
		words := strings.Split(strings.ReplaceAll(args, " |", "|"), "|")
		if _, out, _ := runCrease(t, append([]string{"__complete"}, words...)...); !strings.Contains(out, want+"\n") && !strings.Contains(out, want+"\t") {
			t.Errorf("%q is completed by %q, want %s", args, out, want)
		}
	}
}
