package isa

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/crease-ml/crease/tpu/arch"
)

func config(t testing.TB, preset string, opts map[string]string) *arch.Config {
	t.Helper()
	c, err := arch.Parse(preset, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// randomWord is a valid word of random fields.
func randomWord(r *rand.Rand) Word {
	o := Opcode(r.IntN(int(opcodes)))
	w := Word{byte(o)}
	for _, f := range fields[o] {
		v := r.Uint64()
		if r.IntN(3) == 0 {
			v = 0
		}
		if f.width < 64 {
			v &= 1<<f.width - 1
		}
		if f.names != nil {
			v %= uint64(len(f.names))
		}
		if o == Set && f.name == "register" {
			v %= uint64(registers)
		}
		w.setBits(f.at, f.width, v)
	}
	return w
}

func roundTrip(t *testing.T, p *Program) {
	t.Helper()
	var text bytes.Buffer
	if err := Disassemble(&text, p); err != nil {
		t.Fatal(err)
	}
	q, err := Assemble(bytes.NewReader(text.Bytes()))
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	if !slices.Equal(p.Words, q.Words) || !slices.Equal(p.Marks, q.Marks) {
		t.Fatalf("the text is of another program:\n%s", text.String())
	}
	b, err := p.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var back Program
	if err := back.UnmarshalBinary(b); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(p.Words, back.Words) || !slices.Equal(p.Marks, back.Marks) {
		t.Fatal("the file is of another program")
	}
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, rand.Uint64()))
	for range 200 {
		p := &Program{}
		live := []string{}
		for range 50 {
			switch {
			case r.IntN(8) == 0:
				name := fmt.Sprintf("b%d.%d", len(p.Marks), r.IntN(9))
				p.Marks = append(p.Marks, Mark{PC: len(p.Words), Name: name, Addr: r.Int64N(1 << 27), Bytes: r.Int64N(1 << 27)})
				live = append(live, name)
			case r.IntN(12) == 0 && len(live) > 0:
				p.Marks = append(p.Marks, Mark{PC: len(p.Words), Name: live[0], Free: true})
				live = live[1:]
			}
			w := randomWord(r)
			if err := w.Check(); err != nil {
				t.Fatalf("%v: %v", w, err)
			}
			p.Words = append(p.Words, w)
		}
		roundTrip(t, p)
	}
}

func TestEveryFieldIsInOneWord(t *testing.T) {
	for o := range opcodes {
		var seen Word
		for _, f := range fields[o] {
			for i := range f.width {
				bit := f.at + i
				if bit < 8 || bit >= 8*WordBytes || seen[bit/8]>>(bit%8)&1 == 1 {
					t.Errorf("%v: bit %d of %s is out of the word or another field's", o, bit, f.name)
				}
				seen[bit/8] |= 1 << (bit % 8)
			}
		}
	}
}

func TestIllegalWords(t *testing.T) {
	for _, c := range []struct {
		w    Word
		says string
	}{
		{Word{200}, "illegal opcode 0xc8"},
		{Word{byte(Sync), 1}, "belong to no field"},
		{Word{byte(Activate), 99}, "illegal fn 99"},
		{Word{byte(Vector), 250}, "illegal fn 250"},
		{Word{byte(Set), 255}, "illegal register 255"},
	} {
		if err := c.w.Check(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%x: error %v, want %q", c.w, err, c.says)
		}
		p := &Program{Words: []Word{{byte(NOP)}, c.w, {byte(Halt)}}}
		var e *Error
		if err := p.Check(config(t, "v4", nil), Limits{}); !errors.As(err, &e) || e.PC != 1 {
			t.Errorf("%x: error %v names another instruction", c.w, err)
		}
		roundTrip(t, p)
	}
}

// Every kind of bad program is an error that names its instruction.
func TestBadPrograms(t *testing.T) {
	v4, v1, os := config(t, "v4", nil), config(t, "v1", nil), config(t, "v4", map[string]string{"dataflow": "os"})
	good := ".alloc x 0 65536\nset row_bytes 256\n"
	tile := good + "read_weights type=bf16 rows=128 cols=128\n"
	for _, c := range []struct {
		name string
		cfg  *arch.Config
		text string
		pc   int
		says string
	}{
		{"unallocated buffer", v4, "set row_bytes 8\nload rows=1\nhalt", 1, "in no buffer"},
		{"freed buffer", v4, good + ".free x\nload rows=1\nhalt", 1, "in no buffer"},
		{"beyond the buffer", v4, ".alloc x 0 512\nset row_bytes 256\nload buf=x rows=3\nhalt", 1, "beyond buffer x"},
		{"taken twice", v4, ".alloc x 0 512\n.alloc x 1024 512\nhalt", 0, "taken twice"},
		{"overlapping buffers", v4, ".alloc x 0 512\n.alloc y 256 512\nhalt", 0, "overlaps buffer x"},
		{"buffer too large", v4, ".alloc x 0 99999999\nhalt", 0, "does not fit"},
		{"free without alloc", v4, ".free x\nhalt", 0, "was not taken"},
		{"store then load", v4, good + "store tag=3 buf=x mem=4096 rows=2\nload buf=x+1024 mem=4352 rows=1\nhalt", 2, "put sync or wait tag=3"},
		{"load then store", v4, good + "load tag=3 buf=x mem=4096 rows=2\nstore buf=x+1024 mem=4352 rows=1\nhalt", 2, "overlapping DMA"},
		{"wait for another tag", v4, good + "store tag=3 buf=x rows=2\nwait tag=2\nload buf=x+1024 rows=1\nhalt", 3, "overlapping DMA"},
		{"weights of a store", v4, good + "store tag=3 buf=x rows=2\nread_weights type=bf16 rows=1 cols=64\nhalt", 2, "overlapping DMA"},
		{"rows on each other", v4, good + "set buf_pitch 128\nload buf=x rows=2\nhalt", 2, "overwrite each other"},
		{"beyond memory", v4, good + "load buf=x mem=0xfffff rows=3\nhalt", 1, "off-chip memory"},
		{"no rows", v4, good + "load buf=x\nhalt", 1, "no rows"},
		{"no row bytes", v4, ".alloc x 0 512\nload buf=x rows=1\nhalt", 0, "row_bytes is 0"},
		{"no path", v1, good + "load buf=x rows=1\nhalt", 1, "weight FIFO"},
		{"tile too wide", v4, good + "read_weights type=bf16 rows=128 cols=129\nhalt", 1, "wrong tile"},
		{"tile of another type", v4, good + "read_weights type=s8 rows=8 cols=8\nhalt", 1, "wrong tile"},
		{"no tile", v4, good + "matmul buf=x rows=4 type=bf16 switch\nhalt", 1, "wrong tile"},
		{"no switch", v4, tile + "matmul buf=x rows=4 type=bf16\nhalt", 2, "wrong tile"},
		{"activations of another type", v4, tile + "matmul buf=x rows=4 type=s8 switch\nhalt", 2, "wrong tile"},
		{"no array", v4, good + "read_weights array=4 type=bf16 rows=8 cols=8\nhalt", 1, "array 4 does not exist"},
		{"beyond the accumulators", v4, tile + "matmul buf=x acc=4000 rows=100 type=bf16 switch\nhalt", 2, "accumulator rows"},
		{"last on ws", v4, tile + "matmul buf=x rows=4 type=bf16 switch last\nhalt", 2, "output-stationary"},
		{"os without switch", os, tile + "matmul buf=x rows=4 type=bf16 switch last\nmatmul buf=x rows=4 type=bf16 last\nhalt", 3, "switches to its own tile"},
		{"os with many rows", os, tile + "matmul buf=x rows=129 type=bf16 switch last\nhalt", 2, "wrong tile"},
		{"chain of another size", os, tile + "read_weights type=bf16 rows=128 cols=128\nmatmul buf=x rows=4 type=bf16 switch\nmatmul buf=x rows=5 type=bf16 switch last\nhalt", 4, "another size"},
		{"chain without end", os, tile + "matmul buf=x rows=4 type=bf16 switch\nhalt", 3, "no product ends with last"},
		{"conv without geometry", v4, tile + "conv buf=x high=2 wide=2 type=bf16 switch\nhalt", 2, "register c_height is 0"},
		{"no halt", v4, "nop", 1, "without halt"},
		{"vector on v1", v1, good + "vector fn=copy dst=x src=x count=4\nhalt", 1, "no vector unit"},
		{"vector of signed bytes", v4, good + "set v_type 0\nvector fn=copy dst=x src=x count=4\nhalt", 2, "takes u8"},
		{"indices that are floats", v4, good + "set v_width 4\nvector fn=gather dst=x src=x count=4\nhalt", 2, "want s32"},
		{"rows that leave the buffer", v4, good + "set v_step 4\nset v_offset -64\nvector fn=pick dst=x src=x count=4\nhalt", 3, "source 1 is"},
		{"rows on themselves", v4, good + "set v_step 4\nset v_offset 4\nvector fn=place dst=x src=x count=4\nhalt", 3, "overlap"},
		{"vector overlap", v4, good + "vector fn=copy dst=x+8 src=x count=8\nhalt", 1, "overlap"},
		{"reduction in place", v4, good + "set v_cols 8\nvector fn=rowsum dst=x src=x count=64\nhalt", 2, "overlap"},
		{"ragged rows", v4, good + "set v_cols 7\nvector fn=rowsum dst=x+4096 src=x count=64\nhalt", 2, "no rows of 7"},
		{"activation of 16 bits", v1, good + "activate fn=relu out=s16 buf=x rows=1\nhalt", 1, "16-bit"},
		{"function of integers", v1, good + "set act_round 1\nactivate fn=tanh buf=x rows=1\nhalt", 2, "cannot be computed on integers"},
		{"pool that does not fit", v4, good + "set pool_width 4\nset pool_size 5\nset pool_stride 1\nactivate fn=relu float out=f32 pool=max buf=x rows=8\nhalt", 4, "do not fit"},
		{"bias in the result", v4, good + "set act_bias x\nactivate fn=relu bias float out=f32 buf=x rows=1\nhalt", 2, "overlap"},
		{"repeat of nothing", v4, good + "set rep_count 0\nload buf=x rows=1\nhalt", 2, "rep_count is 0"},
		{"repeat runs out", v4, good + "set rep_count 3\nset rep_buf 32768\nload buf=x rows=1\nhalt", 3, "iteration 2"},
	} {
		p, err := Assemble(strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		err = p.Check(c.cfg, Limits{HBM: 1 << 20, Host: 1 << 20})
		var e *Error
		if !errors.As(err, &e) || e.PC != c.pc || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want instruction %d and %q", c.name, err, c.pc, c.says)
		}
	}
	if err := (&Program{Words: []Word{{byte(Halt)}}}).Check(&arch.Config{}, Limits{}); err == nil {
		t.Error("a machine without rows is accepted")
	}
}

// Transfers that meet are fine once a wait or a sync lies between, or where neither
// writes, or where their rows lie between each other's.
func TestGoodTransfers(t *testing.T) {
	for name, text := range map[string]string{
		"wait":       "store tag=3 buf=x rows=2\nwait tag=3\nload buf=x+1024 rows=1\n",
		"sync":       "store tag=3 buf=x rows=2\nsync\nread_weights type=bf16 rows=1 cols=64\n",
		"two reads":  "load buf=x rows=2\nread_weights type=bf16 rows=1 cols=64\nload buf=x rows=1\n",
		"two writes": "store buf=x rows=2\nstore buf=x rows=2\n",
		"interlaced": "set mem_pitch 512\nstore buf=x rows=8\nload buf=x mem=256 rows=8\n",
		"host":       "write_host buf=x rows=2\nload buf=x rows=2\n",
		"in place":   "vector fn=neg dst=x src=x count=4\n",
	} {
		p, err := Assemble(strings.NewReader(".alloc x 0 65536\nset row_bytes 256\n" + text + "halt\n"))
		if err == nil {
			err = p.Check(config(t, "v4", nil), Limits{HBM: 1 << 20, Host: 1 << 20})
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAssemblerMistakes(t *testing.T) {
	for _, c := range []struct{ text, says string }{
		{"fly", "line 1: no instruction"},
		{"\n\nload colour=3", "line 3: load: no field"},
		{"load tag=256", "field holds up to 255"},
		{"load buf=4", "multiple of 8"},
		{"load buf=y", "neither a number nor a buffer"},
		{"load tag=1 tag=2", "given twice"},
		{"load tag", "no value"},
		{"matmul switch=1", "flag"},
		{"matmul type=f32", "want s8"},
		{"set speed 3", "no register"},
		{"set v_imm1 x", "32-bit floating point"},
		{"set c_pad_top 1.5", "whole number"},
		{"set row_bytes -1", "whole number"},
		{"set row_bytes", "register and a value"},
		{".alloc 1x 0 8", "no name"},
		{".alloc x 0", "want a name"},
		{".alloc x z 8", "address"},
		{".free", "name of a buffer"},
		{".word 00", "12 bytes"},
		{".org 3", "no directive"},
		{"nop " + strings.Repeat("x", maxLine), "longer than"},
	} {
		if _, err := Assemble(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%.40q: error %v, want %q", c.text, err, c.says)
		}
	}
}

// Regions overlap exactly when they share a byte.
func TestOverlap(t *testing.T) {
	r := rand.New(rand.NewPCG(2, rand.Uint64()))
	region := func() Region {
		g := Region{Addr: r.Int64N(60), Bytes: r.Int64N(9), Rows: r.Int64N(6)}
		g.Pitch = r.Int64N(20)
		if r.IntN(3) == 0 {
			g.Pitch = 16
		}
		return g
	}
	covers := func(g Region) (m [256]bool) {
		for i := range g.Rows {
			for j := range g.Bytes {
				m[g.Addr+i*g.Pitch+j] = true
			}
		}
		return m
	}
	for range 200000 {
		a, b := region(), region()
		want := false
		ca, cb := covers(a), covers(b)
		for i := range ca {
			want = want || ca[i] && cb[i]
		}
		if a.Overlaps(b) != want || b.Overlaps(a) != want {
			t.Fatalf("%+v and %+v: %v, want %v", a, b, a.Overlaps(b), want)
		}
	}
}

// A window's addresses lie in the region that it is said to touch, and touch both
// ends of it.
func TestWindow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, rand.Uint64()))
	for range 3000 {
		w := &Window{
			Base: r.Int64N(100), Height: 1 + r.IntN(6), Width: 1 + r.IntN(6), Channels: 1 + r.IntN(4), KernelW: 1 + r.IntN(3),
			StrideY: 1 + r.IntN(3), StrideX: 1 + r.IntN(3), DilateY: 1 + r.IntN(2), DilateX: 1 + r.IntN(2), SpreadY: 1 + r.IntN(2), SpreadX: 1 + r.IntN(3),
			PadTop: r.IntN(5) - 2, PadLeft: r.IntN(5) - 2, K0: r.IntN(8), Y0: r.IntN(3), X0: r.IntN(3), High: 1 + r.IntN(3), Wide: 1 + r.IntN(3),
		}
		w.PitchC = 2
		w.PitchX = int64(2 * w.Channels)
		w.PitchY = w.PitchX * int64(w.Width)
		rows := 1 + r.IntN(9)
		g := w.touched(rows, 2)
		for p := range w.High * w.Wide {
			for k := range rows {
				if a := w.Address(p, k); a >= 0 && (a < g.Addr || a+2 > g.End()) {
					t.Fatalf("%+v: element %d,%d at %d is outside of %v", w, p, k, a, g)
				}
			}
		}
	}
}

// Parts of the buffer never overlap, holes close, and what is full says so.
func TestAllocator(t *testing.T) {
	r := rand.New(rand.NewPCG(4, rand.Uint64()))
	cfg := config(t, "edge", nil)
	b := NewBuilder(cfg)
	var live []Memory
	for i := range 5000 {
		if len(live) > 0 && r.IntN(2) == 0 {
			j := r.IntN(len(live))
			b.Free(live[j])
			live = slices.Delete(live, j, j+1)
			continue
		}
		m, err := b.Alloc(fmt.Sprintf("m%d", i), 1+r.IntN(20000))
		var full *NoRoomError
		if errors.As(err, &full) {
			if full.Largest >= full.Bytes+alignment {
				t.Fatalf("%v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range live {
			if m.Addr < o.Addr+o.Bytes && o.Addr < m.Addr+m.Bytes {
				t.Fatalf("%+v overlaps %+v", m, o)
			}
		}
		if m.Addr%8 != 0 || m.Addr+m.Bytes > int64(cfg.Buffer) {
			t.Fatalf("%+v", m)
		}
		live = append(live, m)
	}
	for _, m := range live {
		b.Free(m)
	}
	if m, err := b.Alloc("all", cfg.Buffer); err != nil || m.Addr != 0 {
		t.Errorf("the whole buffer: %v", err)
	}
	if b.Peak() != int64(cfg.Buffer) {
		t.Errorf("peak %d", b.Peak())
	}
	p, err := b.Program()
	if err == nil {
		err = p.Check(cfg, Limits{})
	}
	if err != nil {
		t.Error(err)
	}
	for _, bad := range []func() error{
		func() error { _, err := b.Alloc("all", 8); return err },
		func() error { _, err := b.Alloc("9", 8); return err },
		func() error { _, err := b.Alloc("x", 0); return err },
		func() error { b.Free(Memory{Name: "y"}); _, err := b.Program(); return err },
	} {
		if bad() == nil {
			t.Error("a mistake is accepted")
		}
	}
}

// The builder writes registers once, splits long transfers, and keeps the first
// mistake.
func TestBuilder(t *testing.T) {
	cfg := config(t, "v4", nil)
	b := NewBuilder(cfg)
	x, err := b.Alloc("x", 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	b.Move(LoadHBM, Transfer{Buf: x.Addr, Rows: 70000, RowBytes: 16, BufPitch: 64, MemPitch: 32})
	b.Move(LoadHBM, Transfer{Buf: x.Addr, Rows: 10, RowBytes: 16, BufPitch: 64, MemPitch: 32})
	b.Move(StoreHBM, Transfer{Buf: x.Addr, Mem: 4 << 20, Rows: 1000, RowBytes: 100})
	p, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(cfg, Limits{HBM: 8 << 20}); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := Disassemble(&text, p); err != nil {
		t.Fatal(err)
	}
	want := `.alloc x 0x0 8388608
	set row_bytes 16
	set buf_pitch 64
	set mem_pitch 32
	load rows=65535
	load buf=0x3fffc0 mem=0x1fffe0 rows=4465
	load rows=10
	set row_bytes 100000
	set buf_pitch 100000
	set mem_pitch 100000
	store mem=0x400000 rows=1
	halt
`
	if text.String() != want {
		t.Errorf("%s", text.String())
	}
	roundTrip(t, p)
	b.MatMul(Product{Acc: 1 << 20})
	b.MatMul(Product{Rows: -1})
	if _, err := b.Program(); err == nil || !strings.Contains(err.Error(), "acc is 1048576") {
		t.Errorf("error %v", err)
	}
}

// FuzzWord checks that any 12 bytes are either refused or a word whose text reads
// back to it.
func FuzzWord(f *testing.F) {
	for o := range opcodes {
		f.Add([]byte{byte(o), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11})
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < WordBytes {
			return
		}
		roundTrip(t, &Program{Words: []Word{Word(b[:WordBytes])}})
	})
}

// FuzzAssemble checks that text is either refused with its line or a program that
// survives disassembly, and that checking it never panics.
func FuzzAssemble(f *testing.F) {
	f.Add(".alloc x 0 4096\nset row_bytes 256\nload tag=1 buf=x rows=16 ; comment\nwait tag=1\nset v_imm1 0.5\n.free x\nhalt")
	f.Add("read_weights type=bf16 rows=8 cols=8\nset c_height 3\nset c_pad_top -1\nconv high=2 wide=2 type=bf16 switch\nhalt")
	f.Add("activate fn=relu pool=max rows=9\nvector fn=muladd count=3\n.word 0a0000000000000000000000")
	v4, v1 := config(f, "v4", nil), config(f, "v1", nil)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Assemble(strings.NewReader(text))
		if err != nil {
			if !strings.Contains(err.Error(), "line") {
				t.Errorf("the error names no line: %v", err)
			}
			return
		}
		roundTrip(t, p)
		for _, c := range []*arch.Config{v4, v1} {
			var e *Error
			if err := p.Check(c, Limits{HBM: 1 << 20, Host: 1 << 20}); err != nil && !errors.As(err, &e) {
				t.Errorf("the error names no instruction: %v", err)
			}
		}
	})
}

// FuzzBinary checks that any bytes are refused or a program that is written the same.
func FuzzBinary(f *testing.F) {
	p := &Program{Words: []Word{{byte(NOP)}, {byte(Halt)}}, Marks: []Mark{{Name: "x", Bytes: 8}, {PC: 1, Name: "x", Free: true}}}
	b, err := p.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(signature + "\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Program
		if p.UnmarshalBinary(b) != nil {
			return
		}
		back, err := p.MarshalBinary()
		if err != nil || !bytes.Equal(back, b) {
			t.Errorf("%v: %x became %x", err, b, back)
		}
	})
}
