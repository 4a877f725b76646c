package onnx

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/crease-ml/crease/onnx/pb"
	"github.com/crease-ml/crease/shape"
)

// graph is a checked graph, or the body of a function.
type graph struct {
	name    string
	nodes   []*node
	inits   map[string]*pb.Tensor
	sparse  map[string]*pb.SparseTensor
	inputs  []Declared // those without an initializer
	outputs []Declared
	// uses says how often a name of the graph is read: by nodes, by graphs in them, and as
	// an output.
	uses map[string]int
}

// node is a checked node.
type node struct {
	*pb.Node
	at      int // place in the graph
	key     opKey
	version int64 // of its domain
	row     *operator
	body    *function         // where it calls a function of the model
	graphs  map[string]*graph // attributes that are graphs
	outer   []string          // names of the enclosing graphs that these read
}

// label names a node in errors.
func (n *node) label() string {
	s := fmt.Sprintf("node %d (%s", n.at, n.key)
	if n.Name != "" {
		s += " " + fmt.Sprintf("%q", n.Name)
	}
	return s + ")"
}

// function is a checked function.
type function struct {
	*pb.Function
	graph *graph
	nodes int // with those of the functions it calls written out
}

// opKey names an operator.
type opKey struct{ domain, name string }

func (k opKey) String() string {
	if k.domain == "" {
		return k.name
	}
	return k.domain + "." + k.name
}

// checker reads a model's message into graphs, and refuses what breaks the rules.
type checker struct {
	m     *Model
	built map[opKey]*function
	busy  map[opKey]bool
}

func normal(domain string) string {
	if domain == "ai.onnx" {
		return ""
	}
	return domain
}

func (c *checker) model() *FormatError {
	p := c.m.proto
	switch {
	case p.Graph == nil:
		return &FormatError{Reason: "it has no graph: it is empty or not an ONNX model"}
	case p.IRVersion < 1 || p.IRVersion > maxIR:
		return &FormatError{Reason: fmt.Sprintf("it is of IR version %d; versions 1 to %d are read", p.IRVersion, maxIR)}
	}
	sets, err := opsets(p.OpsetImport)
	if err != nil {
		return err
	}
	if len(sets) == 0 && p.IRVersion < 3 {
		sets[""] = 1
	}
	c.m.opset = sets
	c.m.funcs = map[opKey]*pb.Function{}
	for _, f := range p.Functions {
		k := opKey{normal(f.Domain), f.Name}
		if c.m.funcs[k] != nil {
			return &FormatError{Where: "function " + k.String(), Reason: "it is defined twice"}
		}
		c.m.funcs[k] = f
	}
	c.built, c.busy = map[opKey]*function{}, map[opKey]bool{}
	g, err := c.graph(p.Graph, sets, nil)
	c.m.main = g
	return err
}

func opsets(list []*pb.OperatorSet) (map[string]int64, *FormatError) {
	sets := map[string]int64{}
	for _, o := range list {
		d := normal(o.Domain)
		if d == "" && (o.Version < 1 || o.Version > maxOpset) {
			return nil, &FormatError{Reason: fmt.Sprintf("it uses operators of version %d; versions 1 to %d are known", o.Version, maxOpset)}
		}
		if _, twice := sets[d]; twice {
			return nil, &FormatError{Reason: fmt.Sprintf("it imports the operators of domain %q twice", o.Domain)}
		}
		sets[d] = o.Version
	}
	return sets, nil
}

// names are the values that a place in a graph can read.
type names struct {
	here  map[string]bool
	outer *names
	reads map[string]bool // names from outside
	inner map[string]bool // what the graphs of the node being checked read from here or outside
}

func (s *names) knows(name string) bool {
	for ; s != nil; s = s.outer {
		if s.here[name] {
			return true
		}
	}
	return false
}

func (c *checker) graph(p *pb.Graph, sets map[string]int64, outer *names) (*graph, *FormatError) {
	where := fmt.Sprintf("graph %q", p.Name)
	bad := func(format string, args ...any) (*graph, *FormatError) {
		return nil, &FormatError{Where: where, Reason: fmt.Sprintf(format, args...)}
	}
	g := &graph{name: p.Name, inits: map[string]*pb.Tensor{}, sparse: map[string]*pb.SparseTensor{}}
	s := &names{here: map[string]bool{}, outer: outer, reads: map[string]bool{}}
	for _, t := range p.Initializer {
		if t.Name == "" || g.inits[t.Name] != nil {
			return bad("initializer %q has no name or one that is taken", t.Name)
		}
		if err := c.tensor(t); err != nil {
			return nil, &FormatError{Where: fmt.Sprintf("initializer %q", t.Name), Reason: err.Error()}
		}
		g.inits[t.Name], s.here[t.Name] = t, true
	}
	for _, t := range p.SparseInitializer {
		if t.Values == nil || t.Values.Name == "" || s.here[t.Values.Name] {
			return bad("a sparse initializer has no name or one that is taken")
		}
		if err := c.sparse(t); err != nil {
			return nil, &FormatError{Where: fmt.Sprintf("sparse initializer %q", t.Values.Name), Reason: err.Error()}
		}
		g.sparse[t.Values.Name], s.here[t.Values.Name] = t, true
	}
	inputs := map[string]bool{}
	for _, v := range p.Input {
		if v.Name == "" || inputs[v.Name] {
			return bad("input %q has no name or one that is taken", v.Name)
		}
		inputs[v.Name] = true
		if !s.here[v.Name] {
			g.inputs = append(g.inputs, declared(v))
			s.here[v.Name] = true
		}
	}
	if err := c.nodes(g, p.Node, sets, s); err != nil {
		return nil, err
	}
	for _, v := range p.Output {
		// A graph in a node may return a value of the graph around it.
		if !s.knows(v.Name) {
			return bad("output %q is computed by no node", v.Name)
		}
		if !s.here[v.Name] {
			s.reads[v.Name] = true
		}
		g.uses[v.Name]++
		g.outputs = append(g.outputs, declared(v))
	}
	if outer != nil {
		for name := range s.reads {
			outer.inner[name] = true
		}
	}
	return g, nil
}

// nodes checks the nodes of a graph: every name is set once, before it is read.
func (c *checker) nodes(g *graph, list []*pb.Node, sets map[string]int64, s *names) *FormatError {
	g.uses = map[string]int{}
	for i, p := range list {
		n := &node{Node: p, at: i, key: opKey{normal(p.Domain), p.OpType}}
		bad := func(format string, args ...any) *FormatError {
			return &FormatError{Where: n.label(), Reason: fmt.Sprintf(format, args...)}
		}
		version, ok := sets[n.key.domain]
		if !ok {
			return bad("the model does not say which version of the operators of domain %q it uses", n.key.domain)
		}
		n.version = version
		for _, name := range p.Input {
			if name == "" {
				continue
			}
			if !s.knows(name) {
				return bad("its input %q is not computed before it: the graph has a cycle, is not in order, or lacks the value", name)
			}
			if !s.here[name] {
				s.reads[name] = true
			}
			g.uses[name]++
		}
		s.inner = map[string]bool{}
		if err := c.attributes(n, sets, s); err != nil {
			return err
		}
		for name := range s.inner {
			n.outer = append(n.outer, name)
			g.uses[name]++
			if !s.here[name] {
				s.reads[name] = true
			}
		}
		for _, name := range p.Output {
			if name == "" {
				continue
			}
			if s.here[name] {
				return bad("its output %q is set twice", name)
			}
			s.here[name] = true
		}
		if f := c.m.funcs[n.key]; f != nil {
			body, err := c.function(n.key, f)
			if err != nil {
				return err
			}
			n.body = body
		} else {
			n.row = operators[n.key]
		}
		g.nodes = append(g.nodes, n)
	}
	return nil
}

func (c *checker) attributes(n *node, sets map[string]int64, s *names) *FormatError {
	seen := map[string]bool{}
	for _, a := range n.Attribute {
		if a.Name == "" || seen[a.Name] {
			return &FormatError{Where: n.label(), Reason: fmt.Sprintf("attribute %q has no name or one that is taken", a.Name)}
		}
		seen[a.Name] = true
		if a.T != nil {
			if err := c.tensor(a.T); err != nil {
				return &FormatError{Where: n.label() + ", attribute " + a.Name, Reason: err.Error()}
			}
		}
		if a.G != nil {
			g, err := c.graph(a.G, sets, s)
			if err != nil {
				return err
			}
			if n.graphs == nil {
				n.graphs = map[string]*graph{}
			}
			n.graphs[a.Name] = g
		}
	}
	return nil
}

// maxExpanded limits how many nodes the functions of a model stand for: each may call
// others many times.
const maxExpanded = 1 << 22

// function checks a function's body. Functions must not call themselves.
func (c *checker) function(k opKey, p *pb.Function) (*function, *FormatError) {
	if f := c.built[k]; f != nil {
		return f, nil
	}
	where := "function " + k.String()
	if c.busy[k] {
		return nil, &FormatError{Where: where, Reason: "it calls itself"}
	}
	c.busy[k] = true
	defer delete(c.busy, k)
	sets, err := opsets(p.OpsetImport)
	if err != nil {
		err.Where = where
		return nil, err
	}
	for d, v := range c.m.opset {
		if _, own := sets[d]; !own {
			sets[d] = v
		}
	}
	f := &function{Function: p, graph: &graph{name: p.Name}}
	s := &names{here: map[string]bool{}, reads: map[string]bool{}}
	for _, name := range p.Input {
		s.here[name] = true
		f.graph.inputs = append(f.graph.inputs, Declared{Name: name})
	}
	if err := c.nodes(f.graph, p.Node, sets, s); err != nil {
		err.Where = where + ", " + err.Where
		return nil, err
	}
	for _, name := range p.Output {
		if !s.here[name] {
			return nil, &FormatError{Where: where, Reason: fmt.Sprintf("output %q is computed by no node", name)}
		}
		f.graph.uses[name]++
		f.graph.outputs = append(f.graph.outputs, Declared{Name: name})
	}
	if f.nodes = f.graph.size(); f.nodes > maxExpanded {
		return nil, &FormatError{Where: where, Reason: "it stands for too many nodes"}
	}
	c.built[k] = f
	return f, nil
}

// size is the number of nodes with functions written out.
func (g *graph) size() int {
	total := 0
	for _, n := range g.nodes {
		total++
		if n.body != nil {
			total += n.body.nodes
		}
		for _, sub := range n.graphs {
			total += sub.size()
		}
		total = min(total, maxExpanded+1)
	}
	return total
}

func (c *checker) tensor(t *pb.Tensor) error {
	if err := checkTensor(t); err != nil {
		return err
	}
	if t.DataLocation == 1 {
		dims, err := dimsOf(t)
		if err != nil {
			return err
		}
		if elems[Elem(t.DataType)].bits == 0 {
			return fmt.Errorf("external data of %v", Elem(t.DataType))
		}
		return c.m.files.check(t, rawBytes(Elem(t.DataType), shape.MustElements(dims)))
	}
	return nil
}

// sparse checks a tensor given by the positions of some elements.
func (c *checker) sparse(t *pb.SparseTensor) error {
	if t.Indices == nil {
		return fmt.Errorf("it has no indices")
	}
	if err := c.tensor(t.Values); err != nil {
		return err
	}
	if err := c.tensor(t.Indices); err != nil {
		return err
	}
	if Elem(t.Indices.DataType) != Int64 {
		return fmt.Errorf("its indices are of %v, want INT64", Elem(t.Indices.DataType))
	}
	_, err := dimsOf(&pb.Tensor{Dims: t.Dims})
	return err
}

// Missing is an operator that crease does not have, and how many nodes use it.
type Missing struct {
	Op    string `json:"op"`
	Nodes int    `json:"nodes"`
}

// UnsupportedError is a model with operators that crease does not have.
type UnsupportedError struct {
	Path    string
	Missing []Missing // the most used first
}

func (e *UnsupportedError) Error() string {
	list := make([]string, len(e.Missing))
	for i, m := range e.Missing {
		list[i] = fmt.Sprintf("%s (%d)", m.Op, m.Nodes)
	}
	s := "onnx"
	if e.Path != "" {
		s += " file " + e.Path
	}
	return s + ": operators that crease does not have, with the number of nodes: " + strings.Join(list, ", ")
}

// ExitCode is the command line's code for a bad input file.
func (e *UnsupportedError) ExitCode() int { return 5 }

// Supported returns an *UnsupportedError that lists all operators of the model that
// crease does not have.
func (m *Model) Supported() error {
	count := map[string]int{}
	done := map[*function]bool{}
	var walk func(g *graph)
	walk = func(g *graph) {
		for _, n := range g.nodes {
			switch {
			case n.body != nil && !done[n.body]:
				done[n.body] = true
				walk(n.body.graph)
			case n.body == nil && n.row == nil:
				count[n.key.String()]++
			}
			for _, sub := range n.graphs {
				walk(sub)
			}
		}
	}
	walk(m.main)
	if len(count) == 0 {
		return nil
	}
	e := &UnsupportedError{Path: m.Path}
	for op, n := range count {
		e.Missing = append(e.Missing, Missing{op, n})
	}
	slices.SortFunc(e.Missing, func(a, b Missing) int { return cmp.Or(cmp.Compare(b.Nodes, a.Nodes), cmp.Compare(a.Op, b.Op)) })
	return e
}
