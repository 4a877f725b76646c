package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// mistake is one change of one file: the bytes from begin to end become to.
type mistake struct {
	pkg        *pkg
	path       string // of the file
	file       string // below the module, with slashes
	line       int
	fun        string // function or method, "" outside
	kind       string
	begin, end int
	from, to   string // as printed: one line
	text       string // what is put in
	all        []byte // the whole file
}

func (m *mistake) String() string {
	return fmt.Sprintf("%s:%d %s: %s → %s", m.file, m.line, m.kind, m.from, m.to)
}

// source is the file with the mistake.
func (m *mistake) source() []byte {
	return slices.Concat(m.all[:m.begin], []byte(m.text), m.all[m.end:])
}

// sourceLine is the line that the mistake begins in.
func (m *mistake) sourceLine() string {
	lines := bytes.SplitN(m.all, []byte("\n"), m.line+1)
	return string(lines[m.line-1])
}

// find lists the mistakes of packages, in the order of the files. at may restrict them
// to a file or a line.
func find(pkgs []*pkg, at string) ([]*mistake, error) {
	file, line, err := place(at)
	if err != nil {
		return nil, err
	}
	var list []*mistake
	for _, p := range pkgs {
		for _, name := range p.files {
			path := filepath.Join(p.dir, name)
			all, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			found, err := inFile(p, path, all)
			if err != nil {
				return nil, err
			}
			for _, m := range found {
				if (file == "" || m.file == filepath.ToSlash(filepath.Clean(file))) && (line == 0 || m.line == line) {
					list = append(list, m)
				}
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("there is no place for a mistake (-at %q, of the packages given)", at)
	}
	return list, nil
}

// finder walks over the syntax tree of a file.
type finder struct {
	pkg   *pkg
	path  string
	name  string
	all   []byte
	set   *token.FileSet
	fun   string
	found []*mistake
}

// inFile lists the mistakes of one file. What a generator wrote has none.
func inFile(p *pkg, path string, all []byte) ([]*mistake, error) {
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, path, all, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	if ast.IsGenerated(tree) {
		return nil, nil
	}
	name, err := filepath.Rel(p.root, path)
	if err != nil {
		return nil, err
	}
	f := &finder{pkg: p, path: path, name: filepath.ToSlash(name), all: all, set: set}
	for _, d := range tree.Decls {
		f.fun = ""
		if fd, ok := d.(*ast.FuncDecl); ok {
			f.fun = fd.Name.Name
		}
		ast.Inspect(d, f.visit)
	}
	return f.found, nil
}

// operators have a neighbour that a slip of the hand would write.
var operators = map[token.Token]token.Token{
	token.LSS: token.LEQ, token.LEQ: token.LSS, token.GTR: token.GEQ, token.GEQ: token.GTR, token.EQL: token.NEQ, token.NEQ: token.EQL,
	token.ADD: token.SUB, token.SUB: token.ADD, token.MUL: token.QUO, token.QUO: token.MUL, token.REM: token.MUL,
	token.SHL: token.SHR, token.SHR: token.SHL, token.AND: token.OR, token.OR: token.AND, token.LAND: token.LOR, token.LOR: token.LAND,
	token.ADD_ASSIGN: token.SUB_ASSIGN, token.SUB_ASSIGN: token.ADD_ASSIGN, token.MUL_ASSIGN: token.QUO_ASSIGN, token.QUO_ASSIGN: token.MUL_ASSIGN,
}

// lopsided operators mean something else with their operands swapped.
var lopsided = map[token.Token]bool{token.SUB: true, token.QUO: true, token.REM: true, token.SHL: true, token.SHR: true}

// swaps are names that stand for their opposite.
var swaps = map[string]string{"min": "max", "max": "min", "true": "false", "false": "true", "Min": "Max", "Max": "Min", "Sin": "Cos", "Cos": "Sin", "Floor": "Ceil", "Ceil": "Floor"}

// indifferent functions give the same whatever the order of their last two arguments.
var indifferent = map[string]bool{"min": true, "max": true, "Min": true, "Max": true, "Add": true, "Mul": true, "Equal": true, "Errorf": true, "Sprintf": true}

// words are calls and fields in which a change only changes a text, a test's input, or
// the room that is set aside.
var words = map[string]bool{
	"Errorf": true, "Sprintf": true, "Sprint": true, "Fprintf": true, "panic": true, "Reason": true, "Remedy": true,
	"Doc": true, "ONNX": true, "Cases": true, "Tol": true, "Bench": true, "Grow": true, "NewWriterSize": true, "NewReaderSize": true,
}

// visit notes the mistakes that begin at a node, and says whether to look inside.
func (f *finder) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.StructType, *ast.InterfaceType, *ast.FuncType, *ast.ArrayType:
		return false
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.Ident); ok {
			if !words[key.Name] {
				ast.Inspect(n.Value, f.visit)
			}
			return false // the key is a name
		}
	case *ast.BinaryExpr:
		f.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.SUB || n.Op == token.NOT {
			f.add("sign left out", n, f.text(n.X))
		}
	case *ast.BasicLit:
		if n.Kind == token.INT {
			f.add("off by one", n, n.Value+" + 1")
		} else if n.Kind == token.FLOAT {
			f.add("wrong constant", n, "(1 + "+n.Value+")")
		}
	case *ast.Ident:
		if to, ok := swaps[n.Name]; ok {
			f.add("opposite", n, to)
		}
	case *ast.SelectorExpr:
		ast.Inspect(n.X, f.visit)
		if to, ok := swaps[n.Sel.Name]; ok {
			f.add("opposite", n.Sel, to)
		}
		return false
	case *ast.CallExpr:
		return f.call(n)
	case *ast.IfStmt:
		f.add("condition negated", n.Cond, "!("+f.text(n.Cond)+")")
		if last := n.Body.List; len(last) > 0 && n.Else == nil {
			switch last[len(last)-1].(type) {
			case *ast.ReturnStmt, *ast.BranchStmt:
				f.add("check left out", n.Cond, "false && ("+f.text(n.Cond)+")")
			}
		}
	case *ast.ForStmt:
		// A loop that never ends is noticed, and costs the time limit.
		if n.Init != nil {
			ast.Inspect(n.Init, f.visit)
		}
		if n.Cond != nil {
			ast.Inspect(n.Cond, f.visit)
		}
		ast.Inspect(n.Body, f.visit)
		return false
	case *ast.ExprStmt, *ast.DeferStmt, *ast.SendStmt:
		if !f.wordy(n) {
			f.add("statement left out", n, "if false { "+f.text(n)+" }")
		}
	case *ast.IncDecStmt:
		f.add("statement left out", n, "if false { "+f.text(n)+" }")
	case *ast.AssignStmt:
		f.assign(n)
	case *ast.BranchStmt:
		if n.Tok == token.CONTINUE && n.Label == nil {
			f.add("other way out", n, "break")
		}
	case *ast.ReturnStmt:
		if len(n.Results) > 0 {
			last := n.Results[len(n.Results)-1]
			if id, ok := last.(*ast.Ident); ok && id.Name == "err" {
				f.add("error left out", last, "nil")
			}
			for i, r := range n.Results {
				if _, plain := r.(*ast.BasicLit); !plain || i == len(n.Results)-1 || !failing(last) {
					ast.Inspect(r, f.visit)
				}
			}
			return false
		}
	case *ast.CaseClause:
		for _, e := range n.List {
			if b, ok := e.(*ast.BinaryExpr); ok && b.Op.Precedence() <= 3 {
				f.add("check left out", e, "false && ("+f.text(e)+")")
			}
		}
	}
	return true
}

// failing reports whether a last result looks like an error or says that there is none:
// what is returned beside it is not to be used.
func failing(last ast.Expr) bool {
	switch last := last.(type) {
	case *ast.Ident:
		return last.Name == "err" || last.Name == "false"
	case *ast.CallExpr:
		name := called(last)
		return name == "Errorf" || strings.Contains(strings.ToLower(name), "err") || name == "New"
	case *ast.UnaryExpr:
		return last.Op == token.AND
	}
	return false
}

func (f *finder) binary(n *ast.BinaryExpr) {
	if lit, ok := n.Y.(*ast.BasicLit); ok && lit.Kind == token.STRING && n.Op == token.ADD {
		return
	}
	if to, ok := operators[n.Op]; ok {
		at := f.set.Position(n.OpPos).Offset
		f.put("operator", n, at, at+len(n.Op.String()), to.String())
	}
	if lopsided[n.Op] {
		f.add("operands swapped", n, f.text(n.Y)+" "+n.Op.String()+" ("+f.text(n.X)+")")
	}
}

func (f *finder) call(n *ast.CallExpr) bool {
	if f.wordy(n) {
		return false
	}
	name := called(n)
	if k := len(n.Args); k >= 2 && !indifferent[name] && name != "make" && name != "append" && n.Ellipsis == token.NoPos {
		a, b := f.text(n.Args[k-2]), f.text(n.Args[k-1])
		if sel, ok := n.Fun.(*ast.SelectorExpr); ok && name == "Of" {
			if op := f.text(sel.X); op == "Add" || op == "Mul" || op == "ops.Add" || op == "ops.Mul" {
				a = b
			}
		}
		if a != b {
			begin, end := f.set.Position(n.Args[k-2].Pos()).Offset, f.set.Position(n.Args[k-1].End()).Offset
			f.put("arguments swapped", n, begin, end, b+", "+a)
		}
	}
	if name == "make" { // how much room there is changes nothing
		for _, a := range n.Args[:min(2, len(n.Args))] {
			ast.Inspect(a, f.visit)
		}
		return false
	}
	return true
}

func (f *finder) assign(n *ast.AssignStmt) {
	if n.Tok == token.DEFINE {
		return
	}
	if id, ok := n.Lhs[0].(*ast.Ident); ok && id.Name == "_" {
		return
	}
	f.add("statement left out", n, "if false { "+f.text(n)+" }")
	if to, ok := operators[n.Tok]; ok {
		at := f.set.Position(n.TokPos).Offset
		f.put("operator", n, at, at+len(n.Tok.String()), to.String())
	}
}

// wordy reports whether a call only makes a text or ends the program with one.
func (f *finder) wordy(n ast.Node) bool {
	if s, ok := n.(*ast.ExprStmt); ok {
		n = s.X
	}
	c, ok := n.(*ast.CallExpr)
	return ok && words[called(c)]
}

// called is the last part of the name of what is called.
func called(n *ast.CallExpr) string {
	switch f := n.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return f.Sel.Name
	}
	return ""
}

func (f *finder) text(n ast.Node) string {
	return string(f.all[f.set.Position(n.Pos()).Offset:f.set.Position(n.End()).Offset])
}

// add notes that a node becomes another text.
func (f *finder) add(kind string, n ast.Node, to string) {
	f.put(kind, n, f.set.Position(n.Pos()).Offset, f.set.Position(n.End()).Offset, to)
}

// put notes that the bytes from begin to end, a part of the node shown, become to.
func (f *finder) put(kind string, shown ast.Node, begin, end int, to string) {
	from, at := f.set.Position(shown.Pos()).Offset, f.set.Position(shown.End()).Offset
	f.found = append(f.found, &mistake{
		pkg: f.pkg, path: f.path, file: f.name, line: f.set.Position(shown.Pos()).Line, fun: f.fun, kind: kind,
		begin: begin, end: end, text: to, all: f.all,
		from: oneLine(f.all[from:at]), to: oneLine(slices.Concat(f.all[from:begin], []byte(to), f.all[end:at])),
	})
}

// oneLine is a piece of source, short enough to read in a list and long enough to find.
func oneLine(b []byte) string {
	s := strings.Join(strings.Fields(string(bytes.TrimSpace(b))), " ")
	if len(s) > 160 {
		s = s[:150] + "…" + s[len(s)-9:]
	}
	return strings.ToValidUTF8(s, "")
}
