package crease_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/crease-ml/crease/ops"
)

// named are the places that may tell one row from others, and why. Packages of kernels
// are not looked at: a kernel knows what it computes.
var named = map[string]string{
	"bench/measure.go": "what a peer library can do is no property of a row",
	"exec/plan.go":     "dispatch copies by Copy, and cannot copy for it",
	"graph/copies.go":  "Copy is what makes memory of one's own, which the pass finds unneeded",
	"graph/fuse.go":    "a cast of truth values is elementwise without an expression",

	"tools/crease/tpu_quantize.go": "which modules an 8-bit chip has layers for is no property of a row",
}

// Nothing is special to an op that its row does not say: outside of the table nobody
// compares rows, switches over them or lists them.
func TestRowsAreNotTreatedByName(t *testing.T) {
	rows, names := map[string]bool{}, map[string]bool{}
	for _, op := range ops.All() {
		rows[op.GoName], names[op.Name] = true, true
	}
	found, checked := map[string]bool{}, 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path != "." && strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"ops", "cpu", "kernels"}, path) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		checked++
		path = filepath.ToSlash(path)
		for _, at := range byName(file, rows, names) {
			found[path] = true
			if named[path] == "" {
				t.Errorf("%s treats a row by its name: make it a field of ops.Op", set.Position(at))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for path := range named {
		if !found[path] {
			t.Errorf("%s treats no row by its name any more: take it off the list", path)
		}
	}
	if checked < 50 {
		t.Errorf("only %d files were checked: the walk is broken", checked)
	}
}

// byName finds comparisons with rows or their names, cases of switches, and lists.
func byName(file *ast.File, rows, names map[string]bool) (found []token.Pos) {
	row := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		if !ok {
			return false
		}
		pkg, ok := s.X.(*ast.Ident)
		return ok && pkg.Name == "ops" && rows[s.Sel.Name]
	}
	name := func(e ast.Expr) bool {
		l, ok := e.(*ast.BasicLit)
		if !ok || l.Kind != token.STRING {
			return false
		}
		s, err := strconv.Unquote(l.Value)
		return err == nil && names[s]
	}
	// Many words are names of ops too, so names count beside the fields that hold them.
	field := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		return ok && (s.Sel.Name == "Name" || s.Sel.Name == "Op")
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BinaryExpr:
			compares := n.Op == token.EQL || n.Op == token.NEQ
			if compares && (row(n.X) || row(n.Y) || field(n.X) && name(n.Y) || name(n.X) && field(n.Y)) {
				found = append(found, n.Pos())
			}
		case *ast.SwitchStmt:
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					if row(e) || n.Tag != nil && field(n.Tag) && name(e) {
						found = append(found, e.Pos())
					}
				}
			}
		case *ast.CompositeLit:
			all := len(n.Elts) > 0
			for _, e := range n.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					e = kv.Key
				}
				if row(e) {
					found = append(found, e.Pos())
				}
				all = all && name(e)
			}
			if list, ok := n.Type.(*ast.ArrayType); ok && all {
				if elem, ok := list.Elt.(*ast.Ident); ok && elem.Name == "string" {
					found = append(found, n.Pos())
				}
			}
		}
		return true
	})
	return found
}

// The search finds what it is for, and takes use for use.
func TestTreatmentByNameIsFound(t *testing.T) {
	rows, names := map[string]bool{"Copy": true}, map[string]bool{"copy": true, "step": true}
	for code, want := range map[string]int{
		`if op == ops.Copy {}`:                              1,
		`if ops.Copy != op {}`:                              1,
		`switch op { case ops.Copy: }`:                      1,
		`switch { case op.Name == "copy": }`:                1,
		`switch op.Name { case "copy", "step": }`:           2,
		`_ = []*ops.Op{ops.Copy}`:                           1,
		`_ = map[*ops.Op]bool{ops.Copy: true}`:              1,
		`_ = []string{"copy", "step"}`:                      1,
		`_ = []string{"copy", "paste"}`:                     0,
		`_ = map[string]string{"step": "1"}`:                0,
		`if word == "step" {}`:                              0,
		`if op.Kind == ops.View {}`:                         0,
		`ops.Copy.Of(b, x)`:                                 0,
		`f(ops.Copy)`:                                       0,
		`c := hal.Call{Op: ops.Copy.Name}; _ = c`:           0,
		`r := struct{ op *ops.Op }{op: ops.Copy}; _ = r.op`: 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "x.go", "package x\nfunc f() {\n"+code+"\n}", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(byName(file, rows, names)); got != want {
			t.Errorf("%s: found %d times, want %d", code, got, want)
		}
	}
}
