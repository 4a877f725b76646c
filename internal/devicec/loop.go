package devicec

const (
	maxTrips  = 1024   // of a loop that is unrolled
	maxCopies = 3000   // nodes of the text of all its rounds
	maxWide   = 120000 // the same where arrays depend on it to be registers
)

// loop is for, while and do.
func (g *generator) loop(s *loop) {
	if c := g.count(s); c != nil {
		g.unroll(s, c)
		return
	}
	if s.init != nil {
		g.statement(s.init)
	}
	t := &target{leave: g.newLabel(), again: g.newLabel()}
	head := g.newLabel()
	g.enter()
	g.forget()
	if !s.last && len(s.cond) > 0 {
		known, is := g.jump(s.cond[0], t.leave, false)
		if known && !is {
			g.exit()
			return
		}
		t.usedLeave = t.usedLeave || !known
	}
	g.place(head)
	g.forget()
	g.enter()
	g.loops = append(g.loops, t)
	g.statement(s.body)
	g.loops = g.loops[:len(g.loops)-1]
	g.exit()
	falls := !g.dead
	if t.usedAgain {
		g.place(t.again)
		falls = true
	}
	g.dead = false
	if falls {
		g.forget()
		g.enter()
		for _, x := range s.step {
			g.eval(x)
		}
		if len(s.cond) == 0 {
			g.branch(head)
		} else if known, is := g.jump(s.cond[0], head, true); known && is {
			g.branch(head)
		}
		g.exit()
	}
	g.exit()
	g.forget()
	if t.usedLeave {
		g.place(t.leave)
	}
	g.dead = !t.usedLeave && len(s.cond) == 0
}

// counted is a loop that goes round a known number of times, or leaves earlier by a
// condition that is not known here.
type counted struct {
	of       *decl
	others   []*decl // that the loop declares besides
	from, by int64
	n        int64
	guard    expr // nil: none
}

// count recognises a loop over a variable of its own from one constant to another; nil
// where it is none, or too long.
func (g *generator) count(s *loop) *counted {
	init, ok := s.init.(*declare)
	if !ok || len(s.cond) != 1 || len(s.step) != 1 || s.last {
		return nil
	}
	c := &counted{}
	switch x := s.step[0].(type) {
	case *increment:
		if r, ok := x.x.(*reference); ok {
			c.of, c.by = r.to, int64(x.by)
		}
	case *assign:
		if r, ok := x.x.(*reference); ok && (x.op == "+" || x.op == "-") {
			if v, ok := g.constant(x.y); ok {
				if c.of, c.by = r.to, v.i; x.op == "-" {
					c.by = -v.i
				}
			}
		}
	}
	found := false
	for _, d := range init.vars {
		if d == c.of {
			found = true
		} else {
			c.others = append(c.others, d)
		}
	}
	if !found || c.by == 0 || c.of.init == nil || c.of.typ.kind != s32 || s.inner[c.of] != 0 {
		return nil
	}
	first, ok := g.constant(c.of.init)
	if !ok || !first.kind.integer() {
		return nil
	}
	c.from = first.i
	bound := s.cond[0]
	if b, ok := bound.(*binary); ok && b.op == "&&" {
		bound, c.guard = b.x, b.y
	}
	outer := g.vars[c.of]
	defer func() { g.vars[c.of] = outer }()
	for at := c.from; ; at += c.by {
		g.vars[c.of] = &variable{value: intValue(s32, at)}
		v, ok := g.constant(bound)
		if !ok {
			return nil
		}
		if !v.truth() {
			break
		}
		if c.n++; c.n > maxTrips {
			return nil
		}
	}
	weight := g.weight(s.body) * c.n
	if weight > maxWide || weight > maxCopies && c.n > 1 && !g.needs(s.body, c.of) {
		return nil
	}
	return c
}

func (g *generator) unroll(s *loop, c *counted) {
	for _, d := range c.others {
		g.declare(d)
	}
	t := &target{leave: g.newLabel()}
	g.loops = append(g.loops, t)
	g.enter()
	for i := range c.n {
		g.vars[c.of] = &variable{value: intValue(s32, c.from+i*c.by)}
		if c.guard != nil {
			known, is := g.jump(c.guard, t.leave, false)
			if known && !is {
				break
			}
			t.usedLeave = t.usedLeave || !known
		}
		t.again, t.usedAgain = g.newLabel(), false
		if s.hasLeave() { // what the rest of a round computes may not be there in the next
			g.enter()
			g.statement(s.body)
			g.exit()
		} else {
			g.statement(s.body)
		}
		if t.usedAgain {
			g.place(t.again)
			g.dead = false
		}
		if g.dead {
			break
		}
	}
	g.exit()
	g.loops = g.loops[:len(g.loops)-1]
	if t.usedLeave {
		g.place(t.leave)
		g.dead = false
	}
}

// hasLeave reports whether the body may be left before its end.
func (s *loop) hasLeave() bool {
	found := false
	walk(s.body, func(x any) {
		if _, ok := x.(*leave); ok {
			found = true
		}
	})
	return found
}

// refers is how often an expression names a variable.
func refers(x any, d *decl) int {
	n := 0
	walk(x, func(x any) {
		if r, ok := x.(*reference); ok && r.to == d {
			n++
		}
	})
	return n
}

// needs reports whether a variable picks elements of an array that could be registers.
func (g *generator) needs(body any, d *decl) bool {
	found := false
	walk(body, func(x any) {
		if i, ok := x.(*index); ok && !found {
			if of := root(i); of != nil && of.typ.kind == array && !of.shared && !g.inMemory[of] && refers(i.idx, d) > 0 {
				found = true
			}
		}
	})
	return found
}

// weight is the nodes of a text when its loops are unrolled.
func (g *generator) weight(s any) int64 {
	n := int64(0)
	switch s := s.(type) {
	case *loop:
		n = g.weight(s.body)
		if c := g.count(s); c != nil {
			return n * max(c.n, 1)
		}
		for _, x := range append(append([]expr{}, s.cond...), s.step...) {
			n += g.weight(x)
		}
		return n + 2
	case *block:
		for _, x := range s.list {
			n += g.weight(x)
		}
		return n
	case *branchStmt:
		return g.weight(s.cond) + g.weight(s.yes) + g.weight(s.no)
	}
	walk(s, func(x any) {
		n++
		if c, ok := x.(*call); ok && c.fn != nil {
			n += g.weight(c.fn.body)
		}
	})
	return n
}

// walk visits every node of a text.
func walk(x any, f func(any)) {
	list := func(xs []expr) {
		for _, x := range xs {
			walk(x, f)
		}
	}
	if x == nil {
		return
	}
	f(x)
	switch x := x.(type) {
	case *index:
		walk(x.base, f)
		walk(x.idx, f)
	case *member:
		walk(x.base, f)
	case *unary:
		walk(x.x, f)
	case *binary:
		walk(x.x, f)
		walk(x.y, f)
	case *assign:
		walk(x.x, f)
		walk(x.y, f)
	case *increment:
		walk(x.x, f)
	case *conditional:
		walk(x.cond, f)
		walk(x.yes, f)
		walk(x.no, f)
	case *call:
		list(x.args)
	case *cast:
		walk(x.x, f)
	case *declare:
		for _, d := range x.vars {
			if d.init != nil {
				walk(d.init, f)
			}
			list(d.list)
		}
	case *compute:
		walk(x.x, f)
	case *block:
		for _, s := range x.list {
			walk(s, f)
		}
	case *branchStmt:
		walk(x.cond, f)
		walk(x.yes, f)
		if x.no != nil {
			walk(x.no, f)
		}
	case *loop:
		if x.init != nil {
			walk(x.init, f)
		}
		list(x.cond)
		list(x.step)
		walk(x.body, f)
	case *choice:
		walk(x.x, f)
		for _, s := range x.list {
			walk(s, f)
		}
	case *leave:
		if x.x != nil {
			walk(x.x, f)
		}
	}
}
