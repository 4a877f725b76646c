package sim_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/internal/parallel"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
	"github.com/crease-ml/crease/tpu/sim"
	"github.com/crease-ml/crease/tpu/timing"
)

// TestArrayRule checks that a stream of products takes what the closed form says:
// from the first shift to the last result, whose way into the accumulators is one
// cycle more.
func TestArrayRule(t *testing.T) {
	r := rand.New(rand.NewPCG(5, rand.Uint64()))
	for range 400 {
		c, err := arch.Free(1+r.IntN(12), 1+r.IntN(12))
		if err != nil {
			t.Fatal(err)
		}
		c.Shadow = r.IntN(3) > 0
		c.FIFO, c.Queue = 16, 16
		if r.IntN(3) == 0 {
			c.Dataflow = arch.OS
		}
		b := isa.NewBuilder(c)
		x, err := b.Alloc("x", 8192)
		if err != nil {
			t.Fatal(err)
		}
		n := 1 + r.IntN(8)
		for range n {
			b.ReadWeights(isa.WeightTile{Tile: isa.Tile{Rows: c.Rows, Cols: c.Cols, Type: isa.BF16}})
		}
		b.Sync()
		rows := make([]int, n)
		for i := range rows {
			rows[i] = 1 + r.IntN(40)
			if c.Dataflow == arch.OS {
				rows[i] = 1 + r.IntN(c.Rows)
			}
			b.MatMul(isa.Product{Buf: x.Addr, Type: isa.BF16, Rows: rows[i], Switch: true, Last: c.Dataflow == arch.OS})
		}
		p, err := b.Program()
		if err != nil {
			t.Fatal(err)
		}
		first, last := int64(math.MaxInt64), int64(0)
		m, err := sim.New(c, sim.Options{TimingOnly: true, Trace: func(e sim.Event) {
			if e.Unit == "array 0" {
				first, last = min(first, e.Start), max(last, e.End)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		report, err := m.Run(context.Background(), p, sim.Memory{HBMSize: 1 << 20}, sim.Fast)
		if err != nil {
			t.Fatal(err)
		}
		if c.Dataflow == arch.OS {
			want, err := timing.Array(c, timing.Product{M: n * c.Rows, N: c.Cols, K: c.Rows})
			if err != nil || last-1-first != want.Cycles || report.WeightShift != int64((n-1)*(c.Rows-1)) {
				t.Fatalf("%d chains on %d×%d: %d cycles, %d of them leaving, want %d: %v", n, c.Rows, c.Cols, last-1-first, report.WeightShift, want.Cycles, err)
			}
			continue
		}
		if got, want := last-1-(first-int64(c.Rows)), timing.Tiles(c, rows); got != want {
			t.Fatalf("%v rows on %d×%d, shadow %v: %d cycles, want %d", rows, c.Rows, c.Cols, c.Shadow, got, want)
		}
	}
}

// TestWeightBound is a layer of MLP0 on v1: its cycles are divided as the closed
// form and the paper have them, and more bandwidth moves it.
func TestWeightBound(t *testing.T) {
	c, err := arch.Preset("v1")
	if err != nil {
		t.Fatal(err)
	}
	const tiles, rows = 64, 200
	m, err := sim.New(c, sim.Options{TimingOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Run(context.Background(), stream(t, c, tiles, rows), sim.Memory{HBMSize: 1 << 20}, sim.Fast)
	if err != nil {
		t.Fatal(err)
	}
	want, err := timing.Array(c, timing.Product{M: rows, N: 256, K: 256 * tiles})
	if err != nil {
		t.Fatal(err)
	}
	// Dispatch of the first instructions and the accumulators are not in the rule.
	if d := r.Cycles - want.Cycles; d < 0 || d > 8 {
		t.Errorf("%d cycles, the rule says %d", r.Cycles, want.Cycles)
	}
	matrix := float64(r.Active + r.WeightStall + r.WeightShift)
	for _, k := range []struct {
		name        string
		share, want float64
	}{
		{"active", float64(r.Active) / matrix, 0.1539},
		{"weight stall", float64(r.WeightStall) / matrix, 0.6533},
		{"weight shift", float64(r.WeightShift) / matrix, 0.1927},
	} {
		if math.Abs(k.share-k.want) > 0.012 {
			t.Errorf("%s is %.4f of matrix time, the paper has %.4f", k.name, k.share, k.want)
		}
	}
	if err := conserved(r); err != nil {
		t.Error(err)
	}
	p := r.Roofline()
	if math.Abs(p.MACsPerWeightByte-rows) > 1e-9 || p.Reached > p.Ceiling || math.Abs(p.Ridge/2-1349.3) > 1 {
		t.Errorf("%+v", p)
	}
	e := r.Energy()
	if perMAC := e.Arrays / float64(r.MACs) * 1e12; math.Abs(perMAC-0.3) > 1e-9 || e.Total() <= e.Arrays || e.OffChip <= 0 {
		t.Errorf("energy %+v", e)
	}
	if r.CPI() <= 1 || r.Seconds() <= 0 || r.Utilization() <= 0 {
		t.Errorf("CPI %v, %v s, used %v", r.CPI(), r.Seconds(), r.Utilization())
	}
}

// gemm is the program of C = A·B with both in off-chip memory at 0 and behind, bf16
// in and float32 out, cut into the array's tiles and blocks of rows.
func gemm(c *arch.Config, m, n, k, rows int) (*isa.Program, int64, error) {
	b := isa.NewBuilder(c)
	aAt, bAt := int64(0), int64(2*m*k)
	cAt := bAt + int64(2*k*n)
	x, err := b.Alloc("x", rows*k*2)
	if err != nil {
		return nil, 0, err
	}
	y, err := b.Alloc("y", rows*c.Cols*4)
	if err != nil {
		return nil, 0, err
	}
	for m0 := 0; m0 < m; m0 += rows {
		high := min(rows, m-m0)
		b.Move(isa.LoadHBM, isa.Transfer{Buf: x.Addr, Mem: aAt + int64(2*m0*k), Rows: high, RowBytes: 2 * k})
		for n0, tile := 0, 0; n0 < n; n0, tile = n0+c.Cols, tile+1 {
			array, wide := tile%c.Arrays, min(c.Cols, n-n0)
			for k0 := 0; k0 < k; k0 += c.Rows {
				deep := min(c.Rows, k-k0)
				b.ReadWeights(isa.WeightTile{Array: array, Addr: bAt + int64(2*(k0*n+n0)), Pitch: 2 * n, Tile: isa.Tile{Rows: deep, Cols: wide, Type: isa.BF16}})
				b.MatMul(isa.Product{Array: array, Buf: x.Addr + int64(2*k0), Pitch: 2 * k, Type: isa.BF16, Rows: high, Switch: true, Accumulate: k0 > 0})
			}
			b.Activate(isa.Result{Array: array, Rows: high, Buf: y.Addr, Activation: isa.Plain(isa.F32, true, wide)})
			b.Move(isa.StoreHBM, isa.Transfer{Buf: y.Addr, Mem: cAt + int64(4*(m0*n+n0)), Rows: high, RowBytes: 4 * wide, MemPitch: 4 * n})
		}
	}
	p, err := b.Program()
	return p, cAt, err
}

// TestGEMM computes real products on the chips' cores, ragged ones too, and compares
// them with float64; the engines agree where the exact one is affordable, and so do
// thread counts.
func TestGEMM(t *testing.T) {
	r := rand.New(rand.NewPCG(6, rand.Uint64()))
	pool := parallel.New(2)
	defer pool.Close()
	for _, k := range []struct {
		preset   string
		m, n, k  int
		rows     int
		exactToo bool
	}{{"v4", 300, 200, 333, 128, false}, {"v2", 64, 130, 200, 64, true}, {"v6e", 100, 300, 500, 100, false}} {
		c, err := arch.Preset(k.preset)
		if err != nil {
			t.Fatal(err)
		}
		p, at, err := gemm(c, k.m, k.n, k.k, k.rows)
		if err != nil {
			t.Fatal(err)
		}
		hbm := make([]byte, at+int64(4*k.m*k.n))
		for i := 0; i < int(at); i += 2 {
			binary.LittleEndian.PutUint16(hbm[i:], num.Narrow(float32(r.NormFloat64())))
		}
		o := run(t, c, p, hbm, nil, sim.Fast, sim.Options{Pool: pool})
		if o.err != nil {
			t.Fatal(o.err)
		}
		value := func(i int) float64 { return float64(num.Widen(binary.LittleEndian.Uint16(hbm[2*i:]))) }
		for i := range k.m {
			for j := range k.n {
				want, size := 0.0, 0.0
				for l := range k.k {
					x := value(i*k.k+l) * value(k.m*k.k+l*k.n+j)
					want, size = want+x, size+math.Abs(x)
				}
				got := float64(math.Float32frombits(binary.LittleEndian.Uint32(o.hbm[at+int64(4*(i*k.n+j)):])))
				if math.Abs(got-want) > size*float64(k.k)*0x1p-24 {
					t.Fatalf("%s: element %d,%d is %v, want %v", k.preset, i, j, got, want)
				}
			}
		}
		if k.exactToo {
			e := run(t, c, p, hbm, nil, sim.Exact, sim.Options{})
			if e.err != nil || e.report.Counters != o.report.Counters {
				t.Fatalf("%v\n%+v\n%+v", e.err, o.report, e.report)
			}
			if err := compareValues(&o, &e, true); err != nil {
				t.Error(err)
			}
		}
		if want := int64(k.m) * int64(k.n) * int64(k.k); o.report.MACs != want {
			t.Errorf("%s: %d multiply-adds, want %d", k.preset, o.report.MACs, want)
		}
		t.Logf("%s %d×%d×%d: %d cycles, %.1f %% used, %d instructions", k.preset, k.m, k.n, k.k, o.report.Cycles, 100*o.report.Utilization(), o.report.Executed())
	}
}

// TestConvolution compares a convolution by the address generator, in both layouts,
// with its definition.
func TestConvolution(t *testing.T) {
	r := rand.New(rand.NewPCG(7, rand.Uint64()))
	for range 40 {
		c, err := arch.Free(4+r.IntN(12), 4+r.IntN(12))
		if err != nil {
			t.Fatal(err)
		}
		c.Operand = dtype.I8
		h, w, ch, out := 3+r.IntN(6), 3+r.IntN(6), 1+r.IntN(5), 1+r.IntN(c.Cols)
		kh, kw, s, pad, dil := 1+r.IntN(3), 1+r.IntN(3), 1+r.IntN(2), r.IntN(2), 1
		oh, ow := (h+2*pad-kh)/s+1, (w+2*pad-kw)/s+1
		channelsLast := r.IntN(2) == 0
		win := isa.Window{Height: h, Width: w, Channels: ch, KernelW: kw, StrideY: s, StrideX: s, DilateY: dil, DilateX: dil, PadTop: pad, PadLeft: pad, High: oh, Wide: ow}
		at := func(y, x, k int) int { return (y*w+x)*ch + k }
		win.PitchC, win.PitchX, win.PitchY = 1, int64(ch), int64(w*ch)
		if !channelsLast {
			at = func(y, x, k int) int { return (k*h+y)*w + x }
			win.PitchC, win.PitchX, win.PitchY = int64(h*w), 1, int64(w)
		}
		image, weights := h*w*ch, kh*kw*ch*out
		hbm := make([]byte, image+weights)
		for i := range hbm {
			hbm[i] = byte(r.Uint32())
		}
		b := isa.NewBuilder(c)
		x, err := b.Alloc("x", image)
		if err != nil {
			t.Fatal(err)
		}
		y, err := b.Alloc("y", oh*ow*out*4)
		if err != nil {
			t.Fatal(err)
		}
		b.Move(isa.LoadHBM, isa.Transfer{Buf: x.Addr, Rows: 1, RowBytes: image})
		deep := kh * kw * ch
		for k0 := 0; k0 < deep; k0 += c.Rows {
			n := min(c.Rows, deep-k0)
			b.ReadWeights(isa.WeightTile{Addr: int64(image + k0*out), Tile: isa.Tile{Rows: n, Cols: out, Type: isa.S8}})
			part := win
			part.K0 = k0
			b.MatMul(isa.Product{Buf: x.Addr, Type: isa.S8, Switch: true, Accumulate: k0 > 0, Window: &part})
		}
		b.Activate(isa.Result{Rows: oh * ow, Buf: y.Addr, Activation: isa.Plain(isa.S32, false, out)})
		p, err := b.Program()
		if err != nil {
			t.Fatal(err)
		}
		o := run(t, c, p, hbm, nil, sim.Fast, sim.Options{})
		if o.err != nil {
			t.Fatal(o.err)
		}
		for oy := range oh {
			for ox := range ow {
				for f := range out {
					want := int32(0)
					for i := range kh * kw * ch {
						iy, ix, k := oy*s+i/ch/kw-pad, ox*s+i/ch%kw-pad, i%ch
						if iy >= 0 && iy < h && ix >= 0 && ix < w {
							want += int32(int8(hbm[at(iy, ix, k)])) * int32(int8(hbm[image+i*out+f]))
						}
					}
					if got := int32(binary.LittleEndian.Uint32(o.buffer[y.Addr+int64(4*((oy*ow+ox)*out+f)):])); got != want {
						t.Fatalf("channels last %v, element %d,%d,%d is %d, want %d", channelsLast, oy, ox, f, got, want)
					}
				}
			}
		}
	}
}

// The program of docs/tpu.md assembles and computes.
func TestDocumentedProgram(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "tpu.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```\n.alloc")
	code, _, ok := strings.Cut(".alloc"+rest, "```")
	if !ok {
		t.Fatal("docs/tpu.md has no program")
	}
	p, err := isa.Assemble(strings.NewReader(code))
	if err != nil {
		t.Fatal(err)
	}
	c, err := arch.Preset("v2")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(8, rand.Uint64()))
	hbm := make([]byte, 0x10000+4*128*128)
	for i := 0; i < 0x10000; i += 2 {
		binary.LittleEndian.PutUint16(hbm[i:], num.Narrow(float32(r.NormFloat64())))
	}
	o := run(t, c, p, hbm, nil, sim.Fast, sim.Options{})
	if o.err != nil {
		t.Fatal(o.err)
	}
	value := func(at int) float32 { return num.Widen(binary.LittleEndian.Uint16(hbm[at:])) }
	for range 200 {
		i, j := r.IntN(128), r.IntN(128)
		want := float32(0)
		for k := range 128 {
			want = float32(float64(value(2*(128*i+k)))*float64(value(0x8000+2*(128*k+j))) + float64(want))
		}
		if got := math.Float32frombits(binary.LittleEndian.Uint32(o.hbm[0x10000+4*(128*i+j):])); got != max(want, 0) {
			t.Fatalf("element %d,%d is %v, want %v", i, j, got, max(want, 0))
		}
	}
}

// Programs that cannot go on, contexts that end, and machines that cannot be.
func TestFailures(t *testing.T) {
	c, err := arch.Preset("edge")
	if err != nil {
		t.Fatal(err)
	}
	b := isa.NewBuilder(c)
	for range 40 {
		b.ReadWeights(isa.WeightTile{Tile: isa.Tile{Rows: 16, Cols: 16, Type: isa.S8}})
	}
	p, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []sim.Engine{sim.Fast, sim.Exact} {
		o := run(t, c, p, make([]byte, 256), nil, e, sim.Options{})
		var d *sim.DeadlockError
		if !errors.As(o.err, &d) || !strings.Contains(d.Error(), "room in the weight FIFO") {
			t.Errorf("%v: error %v", e, o.err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	slow := *c
	slow.HBM.Bandwidth = 1e6
	m, err := sim.New(&slow, sim.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Run(ctx, stream(t, &slow, 1000, 16), sim.Memory{HBM: make([]byte, 256)}, sim.Exact); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a context that ends: error %v", err)
	}
	var bad *isa.Error
	if _, err := m.Run(context.Background(), &isa.Program{}, sim.Memory{}, sim.Fast); !errors.As(err, &bad) {
		t.Errorf("an empty program: error %v", err)
	}
	if _, err := m.Run(context.Background(), &isa.Program{Words: []isa.Word{{byte(isa.Halt)}}}, sim.Memory{}, sim.Engine(9)); err == nil {
		t.Error("an engine that is not there runs")
	}
	if _, err := sim.New(&arch.Config{}, sim.Options{}); err == nil {
		t.Error("a core without rows is made")
	}
	huge, err := arch.Parse("v4", map[string]string{"cols": "4096"})
	if err == nil {
		huge.AccRows = arch.MaxAcc
		_, err = sim.New(huge, sim.Options{})
	}
	if err == nil || !strings.Contains(err.Error(), "accumulators") {
		t.Errorf("16 GiB of accumulators: error %v", err)
	}
}

// Events of the trace do not overlap within a unit, and name what was waited for.
func TestTrace(t *testing.T) {
	c, err := arch.Preset("v4")
	if err != nil {
		t.Fatal(err)
	}
	p, at, err := gemm(c, 64, 200, 300, 32)
	if err != nil {
		t.Fatal(err)
	}
	last := map[string]int64{}
	waited := map[string]int{}
	m, err := sim.New(c, sim.Options{TimingOnly: true, Trace: func(e sim.Event) {
		if !strings.HasPrefix(e.Unit, "array") && e.Start < last[e.Unit] || e.End <= e.Start || e.Start <= e.Dispatched {
			t.Errorf("%+v begins before %d", e, last[e.Unit])
		}
		last[e.Unit] = e.End
		if e.Waited != "" {
			waited[strings.Fields(e.Waited)[0]]++
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Run(context.Background(), p, sim.Memory{HBMSize: at + 4*64*200}, sim.Fast)
	if err != nil {
		t.Fatal(err)
	}
	for unit, end := range last {
		if end > r.Cycles {
			t.Errorf("%s ends at %d of %d cycles", unit, end, r.Cycles)
		}
	}
	if len(last) < 5 || waited["instruction"] == 0 || waited["its"]+waited["the"] == 0 {
		t.Errorf("units %v, waits %v", last, waited)
	}
	if fmt.Sprint(sim.Fast, sim.Exact) != "fast exact" {
		t.Error("engines have no names")
	}
}

// TestTilesOfSixteenBits changes 16-bit tiles faster than they pass an array that is long
// for their rows: the high byte of a tile is in use longer than its low byte.
func TestTilesOfSixteenBits(t *testing.T) {
	r := rand.New(rand.NewPCG(8, rand.Uint64()))
	for range 200 {
		c, err := arch.Free(2+r.IntN(20), 2+r.IntN(20))
		if err != nil {
			t.Fatal(err)
		}
		c.Operand = dtype.I8
		b := isa.NewBuilder(c)
		x, err := b.Alloc("x", 8192)
		if err != nil {
			t.Fatal(err)
		}
		b.Move(isa.LoadHBM, isa.Transfer{Buf: x.Addr, Rows: 1, RowBytes: 8192})
		for i := range 6 {
			b.ReadWeights(isa.WeightTile{FromBuffer: true, Addr: int64(64 * i), Tile: isa.Tile{Rows: c.Rows, Cols: c.Cols, Type: isa.S16}})
			b.MatMul(isa.Product{Buf: int64(8 * r.IntN(99)), Type: isa.S16, Acc: 8 * i, Rows: 1 + r.IntN(8), Switch: true})
		}
		p, err := b.Program()
		if err != nil {
			t.Fatal(err)
		}
		hbm := make([]byte, 8192)
		for i := range hbm {
			hbm[i] = byte(r.Uint32())
		}
		fast, exact := run(t, c, p, hbm, nil, sim.Fast, sim.Options{}), run(t, c, p, hbm, nil, sim.Exact, sim.Options{})
		if fast.err != nil || exact.err != nil {
			t.Fatal(fast.err, exact.err)
		}
		if err := compareValues(&fast, &exact, false); err != nil {
			t.Fatalf("%d×%d: %v", c.Rows, c.Cols, err)
		}
	}
}
