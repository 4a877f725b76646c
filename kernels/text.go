package kernels

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/crease-ml/crease/dtype"
)

//go:embed *.k
var files embed.FS

// text is a kernel of a .k file.
type text struct {
	file, name string
	op         string // the row it computes, "" for one that others go on to
	classes    []class
	strided    bool // takes views of any strides
	inPlace    bool // reads all it needs of an element before it writes results there
	priority   int  // above hal.Portable
	dialects   []Dialect
	tensor     int // the tensor cores it needs, see Caps
	operands   []operandDecl
	steps      []directive
	tunes      []tune
	head       string // the kernel whose parameters it has: the first of a chain
	locals     []localArray
	group      []hostExpr
	grid       []hostExpr
	work       *workDecl
	nextName   string
	next       *text // the kernel that goes on where this one ends, nil for none
	body       string
	helpers    string // of the file
	checks     bool   // reports indices that are out of range, see faultWords
	defines    [][2]string
	likeName   string // whose body it has if it has none
	inherits   bool   // its operands are those of another
}

// like takes over the directives of an earlier kernel of the file, and its body
// unless there is another.
func (t *text) like(name string, list []*text) error {
	i := slices.IndexFunc(list, func(o *text) bool { return o.name == name })
	if i < 0 || list[i] == t {
		return fmt.Errorf("//crease:like %s: no kernel of that name before", name)
	}
	o := *list[i]
	o.name, o.op, o.likeName, o.inherits, o.inPlace = t.name, t.name, name, true, false
	for _, s := range []any{&o.classes, &o.dialects, &o.operands, &o.steps, &o.tunes, &o.locals, &o.group, &o.grid, &o.defines} {
		clip(s)
	}
	*t = o
	return nil
}

// clip makes appending to a copied slice leave the original alone.
func clip(s any) {
	v := reflect.ValueOf(s).Elem()
	v.Set(v.Slice3(0, v.Len(), v.Len()))
}

// operandDecl is an input or output of the row, in its order.
type operandDecl struct {
	buffer
	optional bool
}

// directive is one that is evaluated for every call, in the order of the file.
type directive struct {
	kind, name string   // kind is let, const, val or when
	typ        string   // of a val
	length     hostExpr // of an array, nil for a scalar
	expr       hostExpr
	src        string
}

// workDecl is memory for the time of a launch.
type workDecl struct {
	buffer
	elements hostExpr
}

// texts is the kernels of the files, read on first use. They do not change.
var texts = sync.OnceValue(func() []*text {
	list, err := parseFiles(files)
	if err != nil {
		panic("kernels: " + err.Error()) // the files are part of the program; a test parses them
	}
	return list
})

// parseFiles reads every .k file.
func parseFiles(fsys fs.FS) ([]*text, error) {
	names, err := fs.Glob(fsys, "*.k")
	if err != nil {
		return nil, err
	}
	var all []*text
	for _, name := range names {
		b, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		list, err := parseText(name, string(b))
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	return all, link(all)
}

// link finds the kernels that go on where others end, which have the parameters of
// the first.
func link(all []*text) error {
	byName := map[string]*text{}
	for _, t := range all {
		if byName[t.name] != nil {
			return fmt.Errorf("two kernels are named %s", t.name)
		}
		byName[t.name] = t
	}
	for _, t := range all {
		if t.nextName == "" {
			continue
		}
		if t.next = byName[t.nextName]; t.next == nil {
			return fmt.Errorf("%s: kernel %s: no kernel %s is there to go on", t.file, t.name, t.nextName)
		}
	}
	for _, t := range all {
		for part := t; t.op != "" && part != nil; part = part.next {
			part.head = t.name
		}
	}
	return nil
}

// parseText reads the kernels of one file. Lines before the first kernel are
// functions that all of them may call.
func parseText(file, src string) (list []*text, err error) {
	var helpers strings.Builder
	var bodies []*strings.Builder
	n := 0
	for line := range strings.Lines(src) {
		n++
		directive, is := strings.CutPrefix(strings.TrimSpace(line), "//crease:")
		fail := func(err error) error { return fmt.Errorf("%s:%d: %w", file, n, err) }
		if !is {
			if len(list) == 0 {
				helpers.WriteString(line)
			} else {
				bodies[len(list)-1].WriteString(line)
			}
			continue
		}
		word, rest, _ := strings.Cut(directive, " ")
		rest = strings.TrimSpace(rest)
		if word == "kernel" {
			t := &text{file: file, name: rest, op: rest, dialects: []Dialect{OpenCL, CUDA, CPlus}}
			list, bodies = append(list, t), append(bodies, &strings.Builder{})
			continue
		}
		if len(list) == 0 {
			return nil, fail(fmt.Errorf("//crease:%s before the first //crease:kernel", word))
		}
		if word == "like" {
			if err := list[len(list)-1].like(rest, list); err != nil {
				return nil, fail(err)
			}
			continue
		}
		if err := list[len(list)-1].directive(word, rest); err != nil {
			return nil, fail(fmt.Errorf("//crease:%s: %w", word, err))
		}
	}
	for i, t := range list {
		if text := bodies[i].String(); hasCode(text) {
			t.body = text
		}
		for _, other := range list[:i] {
			if t.body == "" && other.name == t.likeName {
				t.body = other.body
			}
		}
		t.helpers = helpers.String()
		if err := t.complete(); err != nil {
			return nil, fmt.Errorf("%s: kernel %s: %w", file, t.name, err)
		}
	}
	return list, nil
}

func (t *text) directive(word, rest string) (err error) {
	fields := strings.Fields(rest)
	switch word {
	case "op":
		t.op = strings.TrimPrefix(rest, "none")
	case "types":
		t.classes = nil // of the kernel that this one is like
		for _, f := range fields {
			c, err := parseClass(f)
			if err != nil {
				return err
			}
			t.classes = append(t.classes, c)
		}
	case "strided":
		t.strided = true
	case "checks":
		t.checks = true
	case "inplace":
		t.inPlace = true
	case "prefer":
		_, err = fmt.Sscan(rest, &t.priority)
	case "only":
		switch rest {
		case "opencl":
			t.dialects = []Dialect{OpenCL} // vectors and pointers
		case "cuda80":
			t.dialects, t.tensor = []Dialect{CUDA}, 80 // tensor cores and asynchronous copies
		default:
			return fmt.Errorf("%q: want opencl or cuda80", rest)
		}
	case "in", "out":
		if len(fields) != 2 {
			return fmt.Errorf("%q: want a name and a type", rest)
		}
		if t.inherits {
			t.inherits, t.operands = false, nil // its own instead
		}
		name, optional := strings.CutSuffix(fields[0], "?")
		t.operands = append(t.operands, operandDecl{buffer{name: name, typ: fields[1], out: word == "out"}, optional})
	case "let", "const", "when", "val":
		return t.step(word, rest)
	case "tune":
		return t.tune(rest)
	case "local":
		typ, decl, ok := strings.Cut(rest, " ")
		name, length, array := strings.Cut(strings.TrimSuffix(decl, "]"), "[")
		if !ok || !array {
			return fmt.Errorf("%q: want TYPE NAME[LENGTH]", rest)
		}
		elements, err := compileHost(length)
		if err != nil {
			return err
		}
		t.locals = append(t.locals, localArray{name: name, typ: typ, length: length, elements: elements})
	case "each":
		t.tunes = append(t.tunes, groupTune, itemsTune)
		return errors.Join(t.directive("group", groupTune.name), t.directive("grid", "ceil("+rest+", GROUP * ITEMS)"), t.step("val", "int total = "+rest))
	case "group":
		t.group, err = sizes(rest)
	case "grid":
		t.grid, err = sizes(rest)
	case "work":
		if len(fields) < 3 {
			return fmt.Errorf("%q: want TYPE NAME ELEMENTS", rest)
		}
		e, err := compileHost(strings.Join(fields[2:], " "))
		if err != nil {
			return err
		}
		t.work = &workDecl{buffer{name: fields[1], typ: fields[0], out: true}, e}
	case "define":
		name, value, _ := strings.Cut(rest, " ")
		t.defines = slices.DeleteFunc(slices.Clone(t.defines), func(d [2]string) bool { return d[0] == name })
		t.defines = append(t.defines, [2]string{name, value})
	case "body":
		t.likeName = rest
	case "next":
		t.nextName = strings.TrimPrefix(rest, "none")
	default:
		return fmt.Errorf("there is no such directive")
	}
	return err
}

// tune is a parameter: its value where the tuning table has no other, and values
// that are worth trying.
type tune struct {
	name  string
	value int
	among []int
}

// The parameters of kernels that compute each element by itself: work items of a
// group, which take elements side by side, and elements of a work item. A processor
// is better off with one item, whose elements then follow one another.
var (
	groupTune = tune{"GROUP", 64, []int{1, 32, 64, 128, 256}}
	itemsTune = tune{"ITEMS", 4, []int{1, 4, 16, 256, 1024, 4096}}
)

// tune parses NAME = NUMBER, and what may follow: of NUMBERS.
func (t *text) tune(rest string) error {
	name, values, ok := strings.Cut(rest, "=")
	first, among, _ := strings.Cut(values, " of ")
	v, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || !ok {
		return fmt.Errorf("%q: want NAME = NUMBER, or NAME = NUMBER of NUMBERS", rest)
	}
	p := tune{name: strings.TrimSpace(name), value: v}
	for f := range strings.FieldsSeq(among) {
		n, err := strconv.Atoi(f)
		if err != nil || n < 1 || n > paramLimit {
			return fmt.Errorf("%q: %s is no value to try", rest, f)
		}
		p.among = append(p.among, n)
	}
	t.tunes = append(t.tunes, p)
	return nil
}

// step parses NAME = EXPR, for val TYPE NAME = EXPR, for when EXPR.
func (t *text) step(kind, rest string) error {
	s := directive{kind: kind, src: rest}
	expr := rest
	if kind != "when" {
		left, right, ok := strings.Cut(rest, "=")
		if !ok {
			return fmt.Errorf("%q: want NAME = EXPRESSION", rest)
		}
		s.name, expr = strings.TrimSpace(left), right
	}
	if kind == "val" {
		typ, name, ok := strings.Cut(s.name, " ")
		if !ok || !slices.Contains([]string{"int", "long", "real", "float"}, typ) {
			return fmt.Errorf("%q: want int, long, real or float and a name", s.name)
		}
		s.typ = typ
		var length string
		if s.name, length, ok = strings.Cut(strings.TrimSuffix(name, "]"), "["); ok {
			var err error
			if s.length, err = compileHost(length); err != nil {
				return err
			}
		}
	}
	var err error
	if s.expr, err = compileHost(strings.TrimSpace(expr)); err != nil {
		return err
	}
	t.steps = append(t.steps, s)
	return nil
}

// hasCode is false of text that is blank and comments: what stands above the next
// kernel.
func hasCode(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			return true
		}
	}
	return false
}

// sizes parses expressions with commas between them.
func sizes(list string) (out []hostExpr, err error) {
	for part := range splitTop(list) {
		e, err := compileHost(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// splitTop splits at commas outside parentheses.
func splitTop(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		depth, from := 0, 0
		for i, r := range s {
			switch r {
			case '(', '[':
				depth++
			case ')', ']':
				depth--
			case ',':
				if depth == 0 {
					if !yield(s[from:i]) {
						return
					}
					from = i + 1
				}
			}
		}
		yield(s[from:])
	}
}

func (t *text) complete() error {
	switch {
	case len(t.classes) == 0:
		return fmt.Errorf("names no //crease:types")
	case len(t.operands) == 0:
		return fmt.Errorf("has no operands")
	case len(t.group) == 0 || len(t.group) > 3:
		return fmt.Errorf("//crease:group wants one to three sizes")
	case len(t.grid) == 0 || len(t.grid) > 3:
		return fmt.Errorf("//crease:grid wants one to three sizes")
	case strings.TrimSpace(t.body) == "":
		return fmt.Errorf("has no body")
	}
	for _, o := range t.operands {
		if _, err := dtype.Parse(o.typ); err != nil && o.typ != "T" && o.typ != "index" && o.typ != "coded" {
			return fmt.Errorf("operand %s has the type %q: want T, index, coded or an element type", o.name, o.typ)
		}
	}
	return nil
}
