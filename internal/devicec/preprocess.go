package devicec

import "slices"

// macro is a #define.
type macro struct {
	function bool
	params   []string
	body     []token
}

// preprocessor expands macros and takes the branches of conditions.
type preprocessor struct {
	macros map[string]*macro
	out    []token
	taken  []branch
}

// branch is an open #if: live is whether its text counts, done whether one of its
// branches has been taken or none can be.
type branch struct{ live, done bool }

// preprocess is the tokens that a parser reads.
func preprocess(src string) []token {
	p := &preprocessor{macros: map[string]*macro{}}
	list := scan(src)
	for i := 0; i < len(list); {
		j := i
		if list[i].first && list[i].text == "#" {
			for j = i + 1; j < len(list) && !list[j].first; j++ {
			}
			p.directive(list[i+1:j], list[i].line)
			i = j
			continue
		}
		// A macro's arguments may go on over lines, so expand up to the next directive.
		for j < len(list) && !(list[j].first && list[j].text == "#") {
			j++
		}
		if p.live() {
			p.out = append(p.out, p.expand(list[i:j])...)
		}
		i = j
	}
	if len(p.taken) > 0 {
		fail(list[len(list)-1].line, "an #if does not end")
	}
	return p.out
}

func (p *preprocessor) live() bool {
	return len(p.taken) == 0 || p.taken[len(p.taken)-1].live
}

func (p *preprocessor) directive(t []token, line int) {
	if len(t) == 0 {
		return
	}
	name, rest := t[0].text, t[1:]
	open := func(cond bool) { p.taken = append(p.taken, branch{p.live() && cond, !p.live() || cond}) }
	switch name {
	case "ifdef", "ifndef":
		if len(rest) == 0 {
			fail(line, "#%s wants a name", name)
		}
		open((p.macros[rest[0].text] != nil) == (name == "ifdef"))
		return
	case "if":
		open(p.live() && p.condition(rest, line))
		return
	case "elif", "else", "endif":
		if len(p.taken) == 0 {
			fail(line, "#%s without #if", name)
		}
		last := &p.taken[len(p.taken)-1]
		switch {
		case name == "endif":
			p.taken = p.taken[:len(p.taken)-1]
		case last.done:
			last.live = false
		default:
			last.live = name == "else" || p.condition(rest, line)
			last.done = last.live
		}
		return
	}
	if !p.live() {
		return
	}
	switch name {
	case "define":
		p.define(rest, line)
	case "undef":
		delete(p.macros, rest[0].text)
	case "pragma":
	default:
		fail(line, "#%s is not of the dialect", name)
	}
}

func (p *preprocessor) define(t []token, line int) {
	if len(t) == 0 || t[0].kind != tokName {
		fail(line, "#define wants a name")
	}
	m := &macro{body: t[1:]}
	if len(t) > 1 && t[1].text == "(" && !t[1].space {
		m.function = true
		i := 2
		for ; i < len(t) && t[i].text != ")"; i++ {
			if t[i].text != "," {
				m.params = append(m.params, t[i].text)
			}
		}
		if i == len(t) {
			fail(line, "the parameters of %s do not end", t[0].text)
		}
		m.body = t[i+1:]
	}
	p.macros[t[0].text] = m
}

// condition evaluates an #if: integers, defined(), and names that are 0.
func (p *preprocessor) condition(t []token, line int) bool {
	var plain []token
	for i := 0; i < len(t); i++ {
		if t[i].text != "defined" {
			plain = append(plain, t[i])
			continue
		}
		i++
		paren := i < len(t) && t[i].text == "("
		if paren {
			i++
		}
		if i >= len(t) {
			fail(line, "defined wants a name")
		}
		value := "0"
		if p.macros[t[i].text] != nil {
			value = "1"
		}
		plain = append(plain, token{kind: tokNumber, text: value, line: line})
		if paren {
			i++
		}
	}
	list := p.expand(plain)
	for i := range list {
		if list[i].kind == tokName {
			list[i].kind, list[i].text = tokNumber, "0"
		}
	}
	ps := &parser{toks: append(list, token{line: line})}
	v, ok := fold(ps.ternary())
	if !ok || ps.peek().kind != tokEnd {
		fail(line, "an #if wants a constant")
	}
	return v.truth()
}

// expand is a list with its macros expanded.
func (p *preprocessor) expand(list []token) []token {
	in := slices.Clone(list)
	slices.Reverse(in)
	var out []token
	pop := func() token {
		t := in[len(in)-1]
		in = in[:len(in)-1]
		return t
	}
	for len(in) > 0 {
		t := pop()
		m := p.macros[t.text]
		if t.kind != tokName || m == nil || t.hidden.has(t.text) || m.function && (len(in) == 0 || in[len(in)-1].text != "(") {
			out = append(out, t)
			continue
		}
		var args [][]token
		if m.function {
			pop()
			depth, arg := 0, []token{}
			for {
				if len(in) == 0 {
					fail(t.line, "the arguments of %s do not end", t.text)
				}
				a := pop()
				switch a.text {
				case "(", "[", "{":
					depth++
				case ")", "]", "}":
					depth--
				}
				if depth < 0 || depth == 0 && a.text == "," && a.kind == tokPunct {
					args = append(args, arg)
					arg = nil
					if depth < 0 {
						break
					}
					continue
				}
				arg = append(arg, a)
			}
			if len(m.params) == 0 && len(args) == 1 && len(args[0]) == 0 {
				args = nil
			}
			if len(args) != len(m.params) {
				fail(t.line, "%s has %d arguments and wants %d", t.text, len(args), len(m.params))
			}
		}
		body := p.substitute(m, args, t)
		for i := len(body) - 1; i >= 0; i-- {
			in = append(in, body[i])
		}
	}
	return out
}

// substitute is the body of a macro with its arguments in place.
func (p *preprocessor) substitute(m *macro, args [][]token, at token) []token {
	var out []token
	param := func(i int) int {
		if i < len(m.body) && m.body[i].kind == tokName {
			return slices.Index(m.params, m.body[i].text)
		}
		return -1
	}
	for i := 0; i < len(m.body); i++ {
		n, paste := param(i), i+1 < len(m.body) && m.body[i+1].text == "##"
		var piece []token
		switch {
		case n >= 0 && paste:
			piece = args[n]
		case n >= 0:
			piece = p.expand(args[n])
		default:
			piece = m.body[i : i+1]
		}
		out = append(out, piece...)
		for paste && i+2 < len(m.body) {
			i += 2
			right := m.body[i : i+1]
			if n := param(i); n >= 0 {
				right = args[n]
			}
			if len(out) > 0 && len(right) > 0 {
				out[len(out)-1].text += right[0].text
				right = right[1:]
			}
			out = append(out, right...)
			paste = i+1 < len(m.body) && m.body[i+1].text == "##"
		}
	}
	list := make([]token, len(out))
	for i, t := range out {
		t.line, t.first = at.line, false
		t.hidden = &hidden{at.text, t.hidden}
		for h := at.hidden; h != nil; h = h.next {
			if !t.hidden.has(h.name) {
				t.hidden = &hidden{h.name, t.hidden}
			}
		}
		list[i] = t
	}
	return list
}
