package ptx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// kernelText is a kernel k of one pointer in, one out and a number, around a body. It
// has registers of every kind and 256 bytes of shared memory.
func kernelText(body string) string {
	return `.version 7.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 x, .param .u64 y, .param .u32 n)
{
	.reg .pred %p<9>;
	.reg .b32 %r<30>;
	.reg .b64 %rd<30>;
	.reg .f32 %f<30>;
	.reg .f64 %fd<30>;
	.shared .align 4 .b8 part[256];
	.local .align 4 .b8 own[16];
	ld.param.u64 %rd1, [x];
	ld.param.u64 %rd2, [y];
	ld.param.u32 %r1, [n];
	mov.u32 %r2, %tid.x;
	mov.u32 %r3, %ctaid.x;
	mov.u32 %r4, %ntid.x;
	mad.lo.s32 %r5, %r3, %r4, %r2;
	mul.wide.s32 %rd3, %r5, 4;
	add.s64 %rd4, %rd1, %rd3;
	add.s64 %rd5, %rd2, %rd3;
	shl.b32 %r6, %r2, 2;
	mov.u32 %r7, part;
	add.s32 %r8, %r7, %r6;
` + body + "\n\tret;\n}\n"
}

// machine is the memory that a test's kernel gets: x with numbers, y with none.
type machine struct {
	mem  Memory
	x, y *Block
}

func newMachine(x []uint32, y int) *machine {
	m := &machine{}
	m.x, m.y = m.mem.Alloc(4*len(x)), m.mem.Alloc(4*y)
	for i, v := range x {
		binary.LittleEndian.PutUint32(m.x.Data[4*i:], v)
	}
	m.mem.Written(m.x.Base, 4*len(x))
	return m
}

func (m *machine) run(t *testing.T, text string, grid, block int, n uint32) error {
	t.Helper()
	mod, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	v := binary.LittleEndian.AppendUint64(nil, m.x.Base)
	v = binary.LittleEndian.AppendUint64(v, m.y.Base)
	v = binary.LittleEndian.AppendUint32(v, n)
	for _, reverse := range []bool{true, false} {
		if _, err = mod.Entries["k"].Run(&m.mem, Launch{Grid: [3]int{grid, 1, 1}, Block: [3]int{block, 1, 1}, Values: v, Reverse: reverse}); err != nil {
			return err
		}
	}
	return nil
}

func (m *machine) result(i int) uint32 { return binary.LittleEndian.Uint32(m.y.Data[4*i:]) }

func random(n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = rand.Uint32()
	}
	return out
}

// Every operation on integers is compared with Go's on random numbers.
func TestIntegers(t *testing.T) {
	for text, want := range map[string]func(a, b uint32) uint32{
		"add.s32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return a + b },
		"sub.u32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return a - b },
		"mul.lo.s32 %r12, %r10, %r11;":                                  func(a, b uint32) uint32 { return a * b },
		"mul.hi.u32 %r12, %r10, %r11;":                                  func(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b) >> 32) },
		"mul.hi.s32 %r12, %r10, %r11;":                                  func(a, b uint32) uint32 { return uint32(int64(int32(a)) * int64(int32(b)) >> 32) },
		"div.s32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return uint32(int32(a) / int32(b)) },
		"rem.s32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return uint32(int32(a) % int32(b)) },
		"div.u32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return a / b },
		"rem.u32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return a % b },
		"min.s32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return uint32(min(int32(a), int32(b))) },
		"max.u32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return max(a, b) },
		"xor.b32 %r12, %r10, %r11;":                                     func(a, b uint32) uint32 { return a ^ b },
		"shl.b32 %r12, %r10, 5;":                                        func(a, _ uint32) uint32 { return a << 5 },
		"shl.b32 %r12, %r10, 32;":                                       func(uint32, uint32) uint32 { return 0 },
		"shr.s32 %r12, %r10, 40;":                                       func(a, _ uint32) uint32 { return uint32(int32(a) >> 31) },
		"shr.u32 %r12, %r10, 3;":                                        func(a, _ uint32) uint32 { return a >> 3 },
		"neg.s32 %r12, %r10;":                                           func(a, _ uint32) uint32 { return -a },
		"not.b32 %r12, %r10;":                                           func(a, _ uint32) uint32 { return ^a },
		"cvt.s32.s8 %r12, %r10;":                                        func(a, _ uint32) uint32 { return uint32(int32(int8(a))) },
		"cvt.u32.u16 %r12, %r10;":                                       func(a, _ uint32) uint32 { return a & 0xffff },
		"bfe.u32 %r12, %r10, 7, 9;":                                     func(a, _ uint32) uint32 { return a >> 7 & 511 },
		"prmt.b32 %r12, %r10, %r11, 0x5410;":                            func(a, b uint32) uint32 { return a&0xffff | b<<16 },
		"setp.lt.s32 %p1, %r10, %r11;\nselp.b32 %r12, %r10, %r11, %p1;": func(a, b uint32) uint32 { return uint32(min(int32(a), int32(b))) },
		"setp.hs.u32 %p1|%p2, %r10, %r11;\n@%p2 mov.u32 %r10, 7;\nmov.u32 %r12, %r10;": func(a, b uint32) uint32 {
			if a >= b {
				return a
			}
			return 7
		},
		"mul.wide.u32 %rd9, %r10, %r11;\nmov.b64 {%r13, %r12}, %rd9;": func(a, b uint32) uint32 { return uint32(uint64(a) * uint64(b) >> 32) },
	} {
		x := random(2 * 40)
		m := newMachine(x, 40)
		err := m.run(t, kernelText(`
	ld.global.u32 %r10, [%rd4];
	ld.global.u32 %r11, [%rd4+160];
	`+text+`
	st.global.u32 [%rd5], %r12;`), 1, 40, 0)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i := range 40 {
			if got, want := m.result(i), want(x[i], x[40+i]); got != want {
				t.Errorf("%s of %#x, %#x is %#x, want %#x", text, x[i], x[40+i], got, want)
			}
		}
	}
}

// A fused product is rounded once, also where a double lies halfway between floats.
func TestFusedRoundsOnce(t *testing.T) {
	worst := 0
	for range 200000 {
		a, b := math.Float32frombits(rand.Uint32()&0x3fffff|0x3f800000), math.Float32frombits(rand.Uint32()&0x7ff000|0x3f800000)
		c := math.Float32frombits(rand.Uint32()&^0x40000000 | 1<<29)
		exact := math.FMA(float64(a), float64(b), float64(c)) // rounded to a double once
		want := float32(exact)
		got := fma32(a, b, c)
		if math.Float64bits(exact)&0x1fffffff != 0x10000000 && got != want {
			worst++
		}
	}
	if worst > 0 {
		t.Errorf("%d results differ from those of a double that is not halfway", worst)
	}
	// The product is 1 - 2^-40, and a double next to 2^24 has no room for the rest: it
	// says that the sum lies halfway between floats.
	if down := fma32(1+0x1p-20, 1-0x1p-20, 0x1p24+2); down != 0x1p24+2 {
		t.Errorf("a little less than halfway: %v", down)
	}
	if up := fma32(1+0x1p-20, -1+0x1p-20, 0x1p24+2); up != 0x1p24+2 {
		t.Errorf("a little more than halfway: %v", up)
	}
}

// Lanes part and meet: each runs a loop of its own length, with a barrier behind.
func TestDivergence(t *testing.T) {
	x := make([]uint32, 96)
	for i := range x {
		x[i] = rand.Uint32N(50)
	}
	m := newMachine(x, 96)
	must(t, m.run(t, kernelText(`
	ld.global.u32 %r10, [%rd4];
	mov.u32 %r11, 0;
	mov.u32 %r12, 0;
LOOP:
	setp.ge.u32 %p1, %r11, %r10;
	@%p1 bra DONE;
	add.u32 %r12, %r12, %r11;
	add.u32 %r11, %r11, 1;
	bra LOOP;
DONE:
	bar.sync 0;
	st.global.u32 [%rd5], %r12;`), 1, 96, 0))
	for i, n := range x {
		if want := n * (max(n, 1) - 1) / 2; m.result(i) != want {
			t.Errorf("thread %d: %d, want %d", i, m.result(i), want)
		}
	}
}

// A tree of shuffles and an atomic add give the sum.
func TestShufflesAndAtomics(t *testing.T) {
	x, sum := random(128), uint32(0)
	for i := range x {
		x[i] &= 0xffff
		sum += x[i]
	}
	m := newMachine(x, 1)
	clear(m.y.Data)
	m.mem.Written(m.y.Base, 4)
	must(t, m.run(t, kernelText(`
	ld.global.u32 %r10, [%rd4];
	shfl.sync.bfly.b32 %r11, %r10, 16, 31, 0xffffffff;
	add.u32 %r10, %r10, %r11;
	shfl.sync.bfly.b32 %r11, %r10, 8, 31, 0xffffffff;
	add.u32 %r10, %r10, %r11;
	shfl.sync.down.b32 %r11|%p1, %r10, 4, 31, 0xffffffff;
	add.u32 %r10, %r10, %r11;
	shfl.sync.bfly.b32 %r11, %r10, 2, 31, 0xffffffff;
	add.u32 %r10, %r10, %r11;
	shfl.sync.bfly.b32 %r11, %r10, 1, 31, 0xffffffff;
	add.u32 %r10, %r10, %r11;
	mov.u32 %r12, %laneid;
	setp.ne.u32 %p2, %r12, 0;
	@%p2 bra DONE;
	red.global.add.u32 [%rd2], %r10;
DONE:`), 2, 64, 0))
	if got := m.result(0); got != 2*sum { // the test runs twice
		t.Errorf("the sum is %d, want %d", got, 2*sum)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reversal writes part[n-1-i] of what others put there: a barrier is needed between.
const reversal = `
	ld.global.u32 %r10, [%rd4];
	st.shared.u32 [%r8], %r10;
	bar.sync 0;
	sub.s32 %r11, 252, %r6;
	add.s32 %r11, %r11, %r7;
	ld.shared.u32 %r12, [%r11];
	st.global.u32 [%rd5], %r12;`

func TestBarrier(t *testing.T) {
	x := random(64)
	m := newMachine(x, 64)
	must(t, m.run(t, kernelText(reversal), 1, 64, 0))
	for i := range x {
		if m.result(i) != x[63-i] {
			t.Errorf("element %d is %d, want %d", i, m.result(i), x[63-i])
		}
	}
}

// Mistakes that a GPU would not report, one a line, and what the interpreter says.
func TestPlantedMistakes(t *testing.T) {
	for name, c := range map[string]struct{ body, says string }{
		"no barrier":       {strings.Replace(reversal, "bar.sync 0;", "", 1), "nobody has written"},
		"beyond the end":   {"st.global.u32 [%rd5+8192], %r2;", "no memory"},
		"before the start": {"ld.global.u32 %r10, [%rd4+-4];", "where no memory is"},
		"a little beyond":  {"st.global.u32 [%rd5+4], %r2;", "of a block of"},
		"misaligned":       {"ld.global.u32 %r10, [%rd4+2];", "no multiple"},
		"unwritten":        {"ld.global.u32 %r10, [%rd5];", "nobody has written"},
		"unwritten shared": {"ld.shared.u32 %r10, [%r8];", "nobody has written"},
		"unwritten local":  {"ld.local.u32 %r10, [own+8];", "nobody has written"},
		"shared beyond":    {"st.shared.u32 [%r8+256], %r2;", "of shared memory"},
		"local beyond":     {"st.local.u32 [own+16], %r2;", "of local memory"},
		"two writers":      {"st.shared.u32 [%r7], %r2;", "race"},
		"read then write":  {"st.shared.u32 [%r8], %r2;\nbar.sync 0;\nld.shared.u32 %r10, [%r7];\nst.shared.u32 [%r8], %r2;", "race"},
		"halves of a word": {"st.shared.u16 [%r8], %r2;\nshr.u32 %r9, %r6, 1;\nadd.s32 %r9, %r9, %r7;\nst.shared.u16 [%r9], %r2;", "race"},
		"divergent":        {"setp.lt.u32 %p1, %r2, 7;\n@%p1 bra OUT;\nbar.sync 0;\nOUT:", "divergent barrier"},
		"ended early":      {"setp.ge.u32 %p1, %r2, 32;\n@%p1 exit;\nbar.sync 0;", "divergent barrier"},
		"two barriers":     {"setp.lt.u32 %p1, %r2, 32;\n@%p1 bra OTHER;\nbar.sync 1;\nOTHER:\nbar.sync 0;", "waits for ever"},
		"by zero":          {"div.u32 %r10, %r2, %r1;", "division by zero"},
		"trap":             {"trap;", "gave up"},
		"absent lanes":     {"setp.lt.u32 %p1, %r2, 7;\n@%p1 bra OUT;\nshfl.sync.bfly.b32 %r10, %r2, 1, 31, 0xffffffff;\nOUT:", "shuffle"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(random(64), 64)
			err := m.run(t, kernelText(c.body), 1, 64, 0)
			var f *Fault
			if !errors.As(err, &f) || !strings.Contains(f.Reason, c.says) {
				t.Fatalf("%v, want %q", err, c.says)
			}
			if f.Kernel != "k" || f.Line == 0 || f.Text == "" || !strings.Contains(err.Error(), fmt.Sprint(f.Thread)) {
				t.Errorf("the fault does not say where: %+v", f)
			}
		})
	}
}

// Freed memory is no memory.
func TestFreed(t *testing.T) {
	m := newMachine(random(64), 64)
	must(t, m.mem.Free(m.x.Base))
	if err := m.run(t, kernelText("ld.global.u32 %r10, [%rd4];"), 1, 64, 0); err == nil || !strings.Contains(err.Error(), "no memory") {
		t.Errorf("%v", err)
	}
	if m.mem.Free(m.x.Base) == nil {
		t.Error("a block was freed twice")
	}
}

// Texts that are not PTX, or not of the part that is read, are errors and never panics.
func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "{", ".entry", ".version 7.0", ".entry k() {", ".entry k() { add; ", ".entry k() { .reg .b32 %r<99999999999>; }",
		kernelText("bra NOWHERE;"), kernelText("add.s32 %r1, %r99, 1;"), kernelText("@%r1 ret;"), kernelText("mov.u32 %r1, 0x;"),
		kernelText("call (%r1), f, (%r2);"), kernelText("/* no end"), kernelText("ld.global.u32 %r1, [%rd1"), ".func f() { ret; }",
	} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
	mod, err := Parse(kernelText("tex.1d.v4.f32.s32 {%f1, %f2, %f3, %f4}, [%rd1, {%r1}];"))
	must(t, err)
	_, err = mod.Entries["k"].Run(&Memory{}, Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}, Values: make([]byte, 20)})
	if err == nil || !strings.Contains(err.Error(), "not modelled") {
		t.Errorf("an instruction that is not modelled: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(kernelText(reversal))
	f.Add(kernelText("mov.b64 {%r1, %r2}, %rd1;\nL: .branchtargets A, B;\nbrx.idx %r1, L;\nA:\nB:"))
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) < 1<<14 {
			_, _ = Parse(text)
		}
	})
}

// Launches that no device takes are errors.
func TestLaunchRefuses(t *testing.T) {
	mod, err := Parse(kernelText(""))
	must(t, err)
	good := Launch{Grid: [3]int{1, 1, 1}, Block: [3]int{1, 1, 1}, Values: make([]byte, 20)}
	for _, change := range []func(*Launch){
		func(l *Launch) { l.Grid[1] = 0 },
		func(l *Launch) { l.Block[0] = 1025 },
		func(l *Launch) { l.Block = [3]int{64, 64, 1} },
		func(l *Launch) { l.Shared = MaxShared },
		func(l *Launch) { l.Values = l.Values[1:] },
	} {
		l := good
		change(&l)
		if _, err := mod.Entries["k"].Run(&Memory{}, l); err == nil {
			t.Errorf("%+v ran", l)
		}
	}
	if _, err := mod.Entries["k"].Run(&Memory{}, good); err != nil {
		t.Error(err)
	}
}
