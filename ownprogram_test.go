package crease_test

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fences are the blocks of a kind in the README.
func fences(t *testing.T, kind string) (list []string) {
	t.Helper()
	b, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(b), "\n```"+kind+"\n")[1:] {
		body, _, _ := strings.Cut(part, "\n```")
		list = append(list, body+"\n")
	}
	return list
}

// proxy is a module proxy in a folder, with this repository as the only version of crease,
// and the modules that this machine has. Nothing is downloaded.
func proxy(t *testing.T) string {
	t.Helper()
	const version = "v0.0.1"
	dir := filepath.Join(t.TempDir(), "proxy")
	at := filepath.Join(dir, filepath.FromSlash(module), "@v")
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	write := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(at, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mod, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	write("list", []byte(version+"\n"))
	write(version+".info", []byte(`{"Version":"`+version+`"}`))
	write(version+".mod", mod)
	var buf bytes.Buffer
	w := zip.NewWriter(&buf)
	err = filepath.WalkDir(".", func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			_, nested := os.Stat(filepath.Join(path, "go.mod"))
			if path != "." && (nested == nil || strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "docs") {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, err := w.Create(module + "@" + version + "/" + filepath.ToSlash(path))
		if err == nil {
			_, err = f.Write(data)
		}
		return err
	})
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	write(version+".zip", buf.Bytes())
	return dir
}

// A fresh module outside of the repository follows the README's section word for word, and
// trains on OpenCL; the README's other snippets compile there.
func TestYourOwnProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	cache, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Skip("there is no go command: ", err)
	}
	dir := t.TempDir()
	env := append(os.Environ(), "GOFLAGS=-modcacherw", "GOSUMDB=off", "GONOSUMDB=*", "GOWORK=off", "CGO_ENABLED=0",
		"GOMODCACHE="+filepath.Join(dir, "modules"),
		"GOPROXY=file://"+filepath.ToSlash(proxy(t))+",file://"+filepath.ToSlash(filepath.Join(strings.TrimSpace(string(cache)), "cache", "download")))
	home := filepath.Join(dir, "mine")
	if err := os.Mkdir(home, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(line string) string {
		args := strings.Fields(line)
		c := exec.Command(args[0], args[1:]...)
		c.Dir, c.Env = home, env
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		return string(out)
	}
	commands := slices.DeleteFunc(fences(t, "text"), func(s string) bool { return !strings.HasPrefix(s, "go ") })
	if len(commands) != 2 {
		t.Fatalf("the section has %d blocks of commands, want 2", len(commands))
	}
	for line := range strings.Lines(commands[0]) {
		run(line)
	}
	imports := map[string]string{"crease.": module, "nn.": module + "/nn", "fmt.": "fmt"}
	for i, code := range fences(t, "go") {
		name := fmt.Sprintf("snippet%d.go", i)
		if strings.HasPrefix(code, "// main.go") {
			name = "main.go"
		} else {
			var head strings.Builder
			for use, path := range imports {
				if strings.Contains(code, use) {
					fmt.Fprintf(&head, "import %q\n", path)
				}
			}
			for _, m := range regexp.MustCompile(`(?m)^(\w+)(?:, \w+)? :=`).FindAllStringSubmatch(code, -1) {
				code += "_ = " + m[1] + "\n"
			}
			code = fmt.Sprintf("package main\n%sfunc snippet%d() error {\n%sreturn nil\n}\n", head.String(), i, code)
		}
		if err := os.WriteFile(filepath.Join(home, name), []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	device := strings.Fields(commands[1])
	for _, name := range []string{"cpu", device[len(device)-1]} {
		c := exec.Command("go", "run", ".", name)
		c.Dir, c.Env = home, env
		out, err := c.CombinedOutput()
		if err != nil && strings.Contains(string(out), "exit status 3") && name != "cpu" && !strings.Contains(os.Getenv("CREASE_FLAGSHIP"), name) {
			t.Skipf("no device %s: %s", name, out)
		}
		var first, last float64
		lines := strings.Split(strings.TrimSpace(string(out)), "\n")
		if err == nil && len(lines) == 3 {
			_, _ = fmt.Sscanf(lines[0][strings.Index(lines[0], "loss"):], "loss %f", &first)
			_, _ = fmt.Sscanf(lines[2][strings.Index(lines[2], "loss"):], "loss %f", &last)
		}
		if err != nil || !(last < first/2) {
			t.Errorf("on %s: %v\n%s", name, err, out)
		}
	}
}
