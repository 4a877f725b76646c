package crease_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// ourName is a name as docs/pytorch.md writes it: of a package, or of a method of t.
var ourName = regexp.MustCompile("`(crease|nn|optim|data|dtype|ops|t)\\.([A-Za-z_]\\w*)`")

// Every name of ours in the table exists.
func TestNamesForPyTorchUsersExist(t *testing.T) {
	page, err := os.ReadFile("docs/pytorch.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{"t": {}}
	for pkg, dir := range map[string]string{"crease": ".", "nn": "nn", "optim": "optim", "data": "data", "dtype": "dtype", "ops": "ops"} {
		known[pkg] = exported(t, dir, known["t"], pkg == "crease")
	}
	checked := 0
	for i, line := range strings.Split(string(page), "\n") {
		for _, m := range ourName.FindAllStringSubmatch(line, -1) {
			if !known[m[1]][m[2]] {
				t.Errorf("docs/pytorch.md:%d: there is no %s.%s", i+1, m[1], m[2])
			}
			checked++
		}
		for _, m := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(line, -1) {
			if _, err := os.Stat(filepath.Join("docs", m[1])); err != nil {
				t.Errorf("docs/pytorch.md:%d: %v", i+1, err)
			}
		}
	}
	if checked < 150 {
		t.Errorf("only %d names were checked: the search is broken", checked)
	}
}

// exported lists the names that a package declares; methods of Tensor go to methods.
func exported(t *testing.T, dir string, methods map[string]bool, tensors bool) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				} else if star, ok := d.Recv.List[0].Type.(*ast.StarExpr); ok && tensors {
					if id, ok := star.X.(*ast.Ident); ok && id.Name == "Tensor" {
						methods[d.Name.Name] = true
					}
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.TypeSpec:
						names[s.Name.Name] = true
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names[n.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}
