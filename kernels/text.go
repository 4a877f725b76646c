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

// text holds one kernel as its .k file describes it: the //crease: directives, parsed, and
// the body in the language that the dialects share.
type text struct {
	file, name string
	op         string // the row that it computes; "" for a kernel that only continues another
	classes    []class
	strided    bool // the kernel accepts views with any strides
	inPlace    bool // the kernel reads all that it needs of an element before it writes a result over it
	priority   int  // is added to hal.Portable
	dialects   []Dialect
	tensor     int // the generation of tensor cores that it needs, see Caps
	operands   []operandDecl
	steps      []directive
	tunes      []tune
	head       string // the name of the first kernel of its chain, whose tuning parameters apply
	locals     []localArray
	group      []hostExpr
	grid       []hostExpr
	work       *workDecl
	nextName   string
	next       *text // the kernel that runs after this one as part of the same op, or nil
	body       string
	helpers    string // the functions at the start of the file, which all its kernels may call
	checks     bool   // the kernel reports indices that are out of range, see faultWords
	defines    [][2]string
	likeName   string // the kernel whose body it uses where it has none of its own
	inherits   bool   // the operands are still those of the kernel that //crease:like names
}

// like copies the directives of an earlier kernel of the file into t. The body is taken
// over later, by parseText, and only if t turns out to have none of its own.
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

// clip cuts the capacity of the slice that s points to down to its length, so that
// appending to it reallocates and leaves the slice it was copied from unchanged.
func clip(s any) {
	v := reflect.ValueOf(s).Elem()
	v.Set(v.Slice3(0, v.Len(), v.Len()))
}

// operandDecl holds the declaration of one input or output. Declarations stand in the order
// of the row's inputs and outputs.
type operandDecl struct {
	buffer
	optional bool
}

// directive holds a directive that computes something from a call. Every call evaluates
// them in the order of the file.
type directive struct {
	kind, name string   // kind is let, const, val or when
	typ        string   // of a val
	length     hostExpr // of an array, nil for a scalar
	expr       hostExpr
	src        string
}

// workDecl holds the declaration of scratch memory, which the kernel has while it runs.
type workDecl struct {
	buffer
	elements hostExpr
}

// texts returns the kernels of all .k files. The files are parsed on first use, and the
// result must not be changed.
var texts = sync.OnceValue(func() []*text {
	list, err := parseFiles(files)
	if err != nil {
		panic("kernels: " + err.Error()) // the files are part of the program; a test parses them
	}
	return list
})

// parseFiles parses every .k file of a file system and links the kernels.
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

// link resolves the names that //crease:next directives give. It also tells every kernel
// of such a chain the name of the first one, because the chain is tuned as a whole under
// that name.
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

// parseText parses one file. Lines before the first kernel are functions that all kernels
// of the file may call; lines after a kernel's directives are its body.
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

// directive parses one //crease: line, whose first word is given apart from the rest, and
// stores what it says in t.
func (t *text) directive(word, rest string) (err error) {
	fields := strings.Fields(rest)
	switch word {
	case "op":
		t.op = strings.TrimPrefix(rest, "none")
	case "types":
		t.classes = nil // drop those of the kernel that //crease:like copied
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
			t.dialects = []Dialect{OpenCL} // the body uses vector types and pointers
		case "cuda80":
			t.dialects, t.tensor = []Dialect{CUDA}, 80 // the body uses tensor cores and asynchronous copies
		default:
			return fmt.Errorf("%q: want opencl or cuda80", rest)
		}
	case "in", "out":
		if len(fields) != 2 {
			return fmt.Errorf("%q: want a name and a type", rest)
		}
		if t.inherits {
			t.inherits, t.operands = false, nil // the kernel declares operands of its own
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

// tune holds a tuning parameter of a kernel: its default value, which holds where the
// tuning table has no other, and the values that a search tries.
type tune struct {
	name  string
	value int
	among []int
}

// The parameters of kernels that compute every element by itself. GROUP is the number of
// work items in a group; neighbouring items take neighbouring elements. ITEMS is the number
// of elements that one work item computes. A processor that runs OpenCL is fastest with
// one item per group, since that item then walks over consecutive memory.
var (
	groupTune = tune{"GROUP", 64, []int{1, 32, 64, 128, 256}}
	itemsTune = tune{"ITEMS", 4, []int{1, 4, 16, 256, 1024, 4096}}
)

// tune parses "NAME = NUMBER" or "NAME = NUMBER of NUMBERS" and adds the parameter to t.
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

// step parses a let, const, val or when directive and adds it to t. The forms are
// "NAME = EXPRESSION", for val "TYPE NAME = EXPRESSION" and for when "EXPRESSION".
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

// hasCode reports whether a text holds more than blank lines and comments. Those that
// stand above the next kernel would otherwise be taken for a body.
func hasCode(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "//") {
			return true
		}
	}
	return false
}

// sizes parses a list of expressions that commas separate.
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

// splitTop yields the parts of s between commas, but for commas inside parentheses or brackets.
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
