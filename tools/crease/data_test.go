package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/crease-ml/crease/data"
	"github.com/crease-ml/crease/data/fetch"
)

// crease data get puts a set into the user's cache, where data is looked for when
// neither --data nor CREASE_DATA names another place.
func TestDataGet(t *testing.T) {
	content := []byte("To be, or not to be")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(content) }))
	defer server.Close()
	sum := sha256.Sum256(content)
	old := fetch.Sets
	defer func() { fetch.Sets = old }()
	fetch.Sets = []fetch.Set{{Name: "mine", Files: []fetch.File{{Name: "play.txt", URL: server.URL, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:])}}}}
	t.Setenv("CREASE_DATA", "")
	for _, name := range []string{"XDG_CACHE_HOME", "HOME", "LocalAppData"} { // the user's cache, by system
		t.Setenv(name, t.TempDir())
	}
	cache, err := data.NewDir("")
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := runCrease(t, "data", "get", "mine", "-o", "json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var got []gotSet
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got) != 1 || got[0].Dir != filepath.Join(cache, "mine") {
		t.Fatalf("%q: %v", out, err)
	}
	if b, err := os.ReadFile(filepath.Join(cache, "mine", "play.txt")); err != nil || string(b) != string(content) {
		t.Errorf("got %q: %v", b, err)
	}
	if dir, err := data.Dir(""); err != nil || dir != cache {
		t.Errorf("data is looked for in %q: %v", dir, err)
	}
	other := t.TempDir()
	t.Setenv("CREASE_DATA", other)
	if dir, err := data.Dir(""); err != nil || dir != other {
		t.Errorf("CREASE_DATA loses: %q, %v", dir, err)
	}
	for _, args := range [][]string{{"data", "get", "yours"}, {"data", "get"}, {"data", "get", "mine", "-o", "xml"}} {
		if code, _, errs := runCrease(t, args...); code != exitUsage {
			t.Errorf("crease %v: exit code %d, %s", args, code, errs)
		}
	}
}
