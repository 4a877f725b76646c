package jsonobj

import (
	"encoding/json"
	"math"
	"testing"
)

// What JSON has is as encoding/json writes it; what it lacks is text, at any depth.
func TestMarshal(t *testing.T) {
	type inner struct {
		V []float64 `json:"v"`
		N int       `json:"n,omitempty"`
	}
	for want, v := range map[string]any{
		`{"v":["NaN",1],"n":2}`:        inner{[]float64{math.NaN(), 1}, 2},
		`{"a":{"v":[]},"b":"é"}`:       map[string]any{"b": "é", "a": &inner{}},
		`["Infinity","-Infinity",0.1]`: []any{math.Inf(1), float32(math.Inf(-1)), float32(0.1)},
		`null`:                         nil,
	} {
		if got, err := Marshal(v); err != nil || string(got) != want {
			t.Errorf("%s (%v), want %s", got, err, want)
		}
	}
	plain := map[string]any{"x": 1e300, "s": "a\n<\"", "l": []any{true, nil, json.Number("12")}, "b": []byte("bytes")}
	want, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Marshal(plain); err != nil || string(got) != string(want) {
		t.Errorf("%s (%v), encoding/json has %s", got, err, want)
	}
	if got, err := Marshal(map[string]any{"f": func() {}}); err == nil {
		t.Errorf("a function is %s", got)
	}
}

func TestJoin(t *testing.T) {
	for _, c := range [][3]string{{`{}`, `{}`, `{}`}, {`{"a":1}`, `{}`, `{"a":1}`}, {`{}`, `{"b":2}`, `{"b":2}`}, {`{"a":1}`, `{"b":2,"c":3}`, `{"a":1,"b":2,"c":3}`}} {
		if got := Join([]byte(c[0]), []byte(c[1])); string(got) != c[2] {
			t.Errorf("%s and %s make %s", c[0], c[1], got)
		}
	}
}
