package kernels

// TestProgram is a kernel of one float input x, one output y and local memory items,
// one float for every item of a group, for tests of devices and of what checks them.
func TestProgram(d Dialect, name, body string, group int) *Program {
	s := &source{
		name: name, class: f32, group: [3]int{group, 1, 1}, body: body,
		buffers: []buffer{{name: "x", typ: "T"}, {name: "y", typ: "T", out: true}},
		locals:  []localArray{{name: "items", typ: "real", length: "GROUP0"}},
	}
	return s.program(d)
}
