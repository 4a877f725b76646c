package onnx

import (
	"fmt"
	"strings"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// programLimit is how many recordings for different static inputs a session keeps.
const programLimit = 16

// RunCompiled is [Session.Run] by a graph that is recorded on the first call, optimised,
// and replayed. Inputs whose elements decide what the graph is, as the shape given to
// Reshape or a condition, are found while recording: the graph holds for their values,
// and is recorded anew for others.
func (s *Session) RunCompiled(in ...Value) ([]Value, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.accept(in); err != nil {
		return nil, err
	}
	var out []Value
	err := try(func() {
		crease.NoGrad(func() { out = s.compiled(in) })
	})
	return out, err
}

func (s *Session) compiled(in []Value) []Value {
	for {
		out, missing, again := s.attempt(in)
		if !again {
			return out
		}
		if missing != 0 {
			s.static |= missing
			s.forget()
		} else {
			// What is needed follows from known values, and was too much work for the host.
			s.whole = true
		}
	}
}

// forget drops the recordings.
func (s *Session) forget() {
	for _, p := range s.programs {
		p.compiled.Free()
	}
	s.programs = map[string]*program{}
}

// attempt runs the recording for these inputs, and makes it if there is none. It reports
// whether it must be tried again, with more inputs static.
func (s *Session) attempt(in []Value) (out []Value, missing inputSet, again bool) {
	key := s.key(in)
	p := s.programs[key]
	if p == nil {
		if len(s.programs) >= programLimit {
			s.forget()
		}
		p = &program{}
		p.compiled = crease.Compile(s.recorded(in, s.read(in), &p.layout))
	}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case unknown:
			p.compiled.Free()
			if r.from == 0 && s.whole {
				panic(&NodeError{"compiled", fmt.Errorf("the elements of a value are needed that does not follow from inputs")})
			}
			missing, again = r.from, true
		default:
			p.compiled.Free()
			panic(r)
		}
	}()
	args := s.arguments(in)
	if len(args) == 0 {
		// A recording without inputs is for the default device.
		old, _ := crease.Default()
		crease.SetDefault(s.dev)
		defer crease.SetDefault(old)
	}
	results := p.compiled.Call(args...)
	s.programs[key] = p
	for _, slot := range p.layout {
		out = append(out, slot.take(&results))
	}
	return out, 0, false
}

// recorded is the function that a recording is made of: of the inputs that are not static,
// where read has the elements of those that are.
func (s *Session) recorded(in []Value, read []ops.Host, layout *[]slot) func(args ...*crease.Tensor) []*crease.Tensor {
	return func(args ...*crease.Tensor) []*crease.Tensor {
		f := s.frame(true)
		var made []*crease.Tensor
		*layout = nil
		for _, v := range f.run(s.bind(in, args, read)) {
			*layout = append(*layout, slotOf(f.give(v, nil, &made)))
		}
		return made
	}
}

// Functions are a model as functions of tensors: Recorded is what [Session.RunCompiled]
// compiles and Eager what [Session.Run] does, on the inputs Args, which leave out those whose
// elements decide what the graph is.
type Functions struct {
	Recorded, Eager func(args ...*crease.Tensor) []*crease.Tensor
	Args            []*crease.Tensor
}

// Functions returns the model as functions for these inputs, for tools that look at graphs.
func (s *Session) Functions(in ...Value) (*Functions, error) {
	out, err := s.RunCompiled(in...) // finds the static inputs
	if err != nil {
		return nil, err
	}
	for _, v := range out {
		v.Free()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fs := &Functions{Args: s.arguments(in)}
	if len(fs.Args) == 0 {
		return nil, fmt.Errorf("onnx: the elements of all inputs decide what the graph is, so that it has none left")
	}
	fs.Recorded = s.recorded(in, s.read(in), new([]slot))
	fs.Eager = func(...*crease.Tensor) (made []*crease.Tensor) {
		f := s.frameOfRun()
		for _, v := range f.run(s.bind(in, nil, nil)) {
			f.give(v, in, &made)
		}
		return made
	}
	return fs, nil
}

// arguments are the tensors of inputs that are not static.
func (s *Session) arguments(in []Value) []*crease.Tensor {
	var args []*crease.Tensor
	var walk func(v Value)
	walk = func(v Value) {
		if v.Tensor != nil {
			args = append(args, v.Tensor)
		}
		for _, x := range v.Sequence {
			walk(x)
		}
	}
	for i, v := range in {
		if !s.static.has(i) {
			walk(v)
		}
	}
	return args
}

// read reads the static inputs, which a recording could not.
func (s *Session) read(in []Value) []ops.Host {
	hosts := []ops.Host{}
	var walk func(v Value)
	walk = func(v Value) {
		if v.Tensor != nil {
			hosts = append(hosts, v.Tensor.Host())
		}
		for _, x := range v.Sequence {
			walk(x)
		}
	}
	for i, v := range in {
		if s.static.has(i) {
			walk(v)
		}
	}
	return hosts
}

// key is what a recording holds for: the kinds of inputs, and the elements of static ones.
func (s *Session) key(in []Value) string {
	var b strings.Builder
	var walk func(v Value, static bool)
	walk = func(v Value, static bool) {
		switch {
		case v.IsList:
			fmt.Fprintf(&b, "[%d", len(v.Sequence))
			for _, x := range v.Sequence {
				walk(x, static)
			}
		case v.Tensor == nil:
			b.WriteByte('-')
		case static:
			fmt.Fprintf(&b, "%v%v:", v.Type(), v.Tensor.Shape())
			b.Write(v.Tensor.Host().Data)
		default:
			fmt.Fprintf(&b, "%v%v;", v.Type(), v.Tensor.Shape())
		}
	}
	for i, v := range in {
		walk(v, s.static.has(i))
	}
	return b.String()
}

func slotOf(v Value) slot {
	out := slot{elem: v.Elem, isList: v.IsList, absent: v.Tensor == nil && !v.IsList}
	for _, x := range v.Sequence {
		out.list = append(out.list, slotOf(x))
	}
	return out
}

func (s slot) take(results *[]*crease.Tensor) Value {
	switch {
	case s.absent:
		return Value{}
	case s.isList:
		v := Value{IsList: true}
		for _, x := range s.list {
			v.Sequence = append(v.Sequence, x.take(results))
		}
		return v
	}
	t := (*results)[0]
	*results = (*results)[1:]
	return Value{Tensor: t, Elem: s.elem}
}
