package devicec

// intrinsics are instructions of tensor cores and asynchronous copies, which take places
// rather than values:
//
//	__cp_async16(shared[i], global[k])       copies 16 bytes beside the thread
//	__cp_async_commit()                      closes a group of copies
//	__cp_async_wait(n)                       waits for all groups but the last n
//	__ldmatrix(r0, r1, r2, r3, shared[i])    four matrices of 8x8, a row from every lane
//	__ldmatrix_trans(…)                      the same, transposed
//	__mma_bf16(d0 … d3, a0 … a3, b0, b1)     d += a b, of 16x16 and 16x8, floats summed
//	__mma_f16(…)
var intrinsics map[string]func(g *generator, x *call)

func init() {
	intrinsics = map[string]func(g *generator, x *call){
		"__cp_async16": func(g *generator, x *call) {
			g.wantArgs(x, 2)
			to, from := g.addressIn("shared", x.args[0]), g.addressIn("global", x.args[1])
			g.effect("cp.async.cg.shared.global", -1, to, from, text("16"))
		},
		"__cp_async_commit": func(g *generator, x *call) {
			g.wantArgs(x, 0)
			g.effect("cp.async.commit_group", -1)
		},
		"__cp_async_wait": func(g *generator, x *call) {
			g.wantArgs(x, 1)
			n, ok := g.constant(x.args[0])
			if !ok || n.i < 0 || n.i > 7 {
				fail(x.at(), "__cp_async_wait wants a constant from 0 to 7")
			}
			g.effect("cp.async.wait_group", -1, immediate(n))
		},
		"__ldmatrix":       func(g *generator, x *call) { g.matrices(x, "ldmatrix.sync.aligned.m8n8.x4.shared.b16") },
		"__ldmatrix_trans": func(g *generator, x *call) { g.matrices(x, "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16") },
		"__mma_bf16":       func(g *generator, x *call) { g.mma(x, "bf16") },
		"__mma_f16":        func(g *generator, x *call) { g.mma(x, "f16") },
	}
}

func (g *generator) wantArgs(x *call, n int) {
	if len(x.args) != n {
		fail(x.at(), "%s takes %d arguments", x.name, n)
	}
}

// addressIn is the address of a place that must be in a space.
func (g *generator) addressIn(space string, x expr) operand {
	w := g.locate(x)
	if w.reg >= 0 || w.space != space {
		fail(x.at(), "this is not in %s memory", space)
	}
	return operand{reg: w.at.reg, memory: true, off: w.at.i}
}

// places are the registers of variables or elements, of a class.
func (g *generator) places(list []expr, c class) []int {
	var out []int
	for _, x := range list {
		w := g.locate(x)
		if w.reg < 0 || !g.regs[w.reg].mutable || g.regs[w.reg].class != c {
			fail(x.at(), "this is no variable of the instruction's type")
		}
		out = append(out, w.reg)
	}
	return out
}

func list(regs []int) operand { return operand{reg: -1, list: regs} }

func (g *generator) written(regs []int) {
	for _, r := range regs {
		g.regs[r].version++
	}
}

func (g *generator) matrices(x *call, op string) {
	g.wantArgs(x, 5)
	to := g.places(x.args[:4], words)
	g.effect(op, -1, list(to), g.addressIn("shared", x.args[4]))
	g.written(to)
}

func (g *generator) mma(x *call, typ string) {
	g.wantArgs(x, 10)
	d := g.places(x.args[:4], floats)
	a, b := g.places(x.args[4:8], words), g.places(x.args[8:], words)
	g.effect("mma.sync.aligned.m16n8k16.row.col.f32."+typ+"."+typ+".f32", -1, list(d), list(a), list(b), list(d))
	g.written(d)
}
