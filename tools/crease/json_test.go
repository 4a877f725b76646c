package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every object that is printed says its schema first.
func TestJSONHasASchema(t *testing.T) {
	for _, c := range []struct {
		v    any
		want string
	}{
		{map[string]int{"a": 1}, `{"schema":1,"a":1}`},
		{struct{}{}, `{"schema":1}`},
		{[]map[string]int{{"a": 1}, {"b": 2}}, `[{"schema":1,"a":1},{"schema":1,"b":2}]`},
		{[]struct{}{}, `[]`},
		{[]struct{}(nil), `[]`},
	} {
		var b bytes.Buffer
		if err := writeJSON(&b, c.v); err != nil || b.String() != c.want+"\n" {
			t.Errorf("%v is %s, want %s (%v)", c.v, b.String(), c.want, err)
		}
	}
	code, out, errs := runCrease(t, "env", "--output", "json")
	if code != 0 || !strings.HasPrefix(out, `{"schema":1,"version":`) {
		t.Errorf("env prints %s%s", out, errs)
	}
}

// docs/json.md names every key, and nothing prints JSON on another way.
func TestJSONIsDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "json.md"))
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for _, pattern := range []string{"*.go", "train/*.go", "../../bench/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			if bytes.Contains(b, []byte("json.NewEncoder(")) {
				t.Errorf("%s encodes JSON by itself: use writeJSON", name)
			}
			for _, m := range regexp.MustCompile("`json:\"([a-z0-9_]+)[,\"]").FindAllSubmatch(b, -1) {
				keys++
				if !bytes.Contains(page, []byte("`"+string(m[1])+"`")) {
					t.Errorf("docs/json.md does not name the key %s of %s", m[1], name)
				}
			}
		}
	}
	if keys < 50 {
		t.Errorf("only %d keys were found", keys)
	}
}
