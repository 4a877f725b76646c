package sim_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"github.com/crease-ml/crease/internal/parallel"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
)

// Operations large enough to be spread over threads have the same bits on any number.
func TestThreadsChangeNothing(t *testing.T) {
	c, err := arch.Preset("v2")
	if err != nil {
		t.Fatal(err)
	}
	const n = 1 << 17
	b := isa.NewBuilder(c)
	take := func(name string, bytes int) int64 {
		m, err := b.Alloc(name, bytes)
		if err != nil {
			t.Fatal(err)
		}
		return m.Addr
	}
	x, y, z, h := take("x", 4*n), take("y", 4*n), take("z", 4*n), take("h", 2*n)
	b.Move(isa.LoadHBM, isa.Transfer{Buf: x, Rows: 1, RowBytes: 4 * n})
	b.Move(isa.LoadHBM, isa.Transfer{Buf: y, Rows: 512, RowBytes: 4 * n / 512, MemPitch: 4*n/512 + 8})
	f32 := [3]isa.Type{isa.F32, isa.F32, isa.F32}
	b.Vector(isa.VectorOp{Fn: isa.Exp, Count: n, Cols: n, Src: [3]int64{x}, SrcType: f32, Dst: z, DstType: isa.F32})
	b.Vector(isa.VectorOp{Fn: isa.MulAdd, Count: n, Cols: n / 128, Src: [3]int64{z, x, y}, SrcType: f32, Spread: [3]isa.Spread{isa.Full, isa.PerCol, isa.PerRow}, Dst: z, DstType: isa.F32})
	b.Vector(isa.VectorOp{Fn: isa.Copy, Count: n, Cols: n, Src: [3]int64{z}, SrcType: f32, Dst: h, DstType: isa.BF16})
	v := isa.VectorOp{Fn: isa.Pick, Count: n, Cols: 64, Src: [3]int64{z}, SrcType: f32, Dst: x, DstType: isa.F32}
	v.Strides = isa.Strides{Pitch: 4, Step: 4 * 256, Group: 256, GroupPitch: 4 * 64 * 256}
	b.Vector(v)
	// Images of 64×64×4 with windows of 3×3.
	b.ReadWeights(isa.WeightTile{Tile: isa.Tile{Rows: 36, Cols: 32, Type: isa.BF16}})
	b.MatMul(isa.Product{Buf: h, Type: isa.BF16, Switch: true, Window: &isa.Window{Base: h, Height: 64, Width: 64, Channels: 4, KernelW: 3, PitchC: 2, PitchX: 8, PitchY: 512,
		StrideY: 1, StrideX: 1, DilateY: 1, DilateX: 1, PadTop: 1, PadLeft: 1, High: 64, Wide: 64}})
	a := isa.Plain(isa.F32, true, 32)
	b.Activate(isa.Result{Rows: 4096, Buf: y, Activation: a})
	b.Move(isa.StoreHBM, isa.Transfer{Buf: x, Mem: 2 << 20, Rows: 1, RowBytes: 4 * n})
	b.Move(isa.StoreHBM, isa.Transfer{Buf: y, Mem: 3 << 20, Rows: 1, RowBytes: 4 * n})
	p, err := b.Program()
	if err != nil {
		t.Fatal(err)
	}
	start := make([]byte, 4<<20)
	r := rand.New(rand.NewPCG(1, rand.Uint64()))
	for i := range start {
		if start[i] = byte(r.Uint32()); i%4 == 3 {
			start[i] = 0x3e
		}
	}
	var want []byte
	for _, threads := range []int{1, 2, 5} {
		pool := parallel.New(threads)
		m, err := sim.New(c, sim.Options{Pool: pool})
		if err != nil {
			t.Fatal(err)
		}
		hbm := bytes.Clone(start)
		if _, err := m.Run(context.Background(), p, sim.Memory{HBM: hbm}, sim.Fast); err != nil {
			t.Fatal(err)
		}
		pool.Close()
		if want == nil {
			want = hbm
		} else if !bytes.Equal(hbm, want) {
			t.Errorf("%d threads change the memory", threads)
		}
	}
	if bytes.Equal(want, start) {
		t.Error("nothing was computed")
	}
}
