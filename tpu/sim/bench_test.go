package sim_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/num"
	"github.com/crease-ml/crease/tpu/sim"
)

// stream is products of full tiles: tiles times rows of activations.
func stream(tb testing.TB, c *arch.Config, tiles, rows int) *isa.Program {
	tb.Helper()
	b := isa.NewBuilder(c)
	t := isa.S8
	if c.OperandBytes() == 2 {
		t = isa.BF16
	}
	x, err := b.Alloc("x", rows*c.Rows*t.Size())
	if err != nil {
		tb.Fatal(err)
	}
	for i := range tiles {
		b.ReadWeights(isa.WeightTile{Addr: 0, Tile: isa.Tile{Rows: c.Rows, Cols: c.Cols, Type: t}})
		b.MatMul(isa.Product{Buf: x.Addr, Type: t, Rows: rows, Switch: true, Accumulate: i > 0})
	}
	p, err := b.Program()
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkExact is the register-exact engine on a 256×256 array that always works.
func BenchmarkExact(b *testing.B) {
	for _, level := range []cpufeat.Level{cpufeat.AVX512, cpufeat.AVX2, cpufeat.Generic} {
		if !cpufeat.Available(level) {
			continue
		}
		for _, preset := range []string{"v1", "v6e"} {
			for _, rows := range []int{256, 2048} {
				b.Run(fmt.Sprintf("%v/%s/rows=%d", level, preset, rows), func(b *testing.B) {
					c, err := arch.Preset(preset)
					if err != nil {
						b.Fatal(err)
					}
					c.HBM = arch.Channel{}
					c.Arrays = 1
					m, err := sim.New(c, sim.Options{Level: &level})
					if err != nil {
						b.Fatal(err)
					}
					p := stream(b, c, 4096/rows, rows)
					hbm := make([]byte, 1<<20)
					cycles := int64(0)
					for b.Loop() {
						r, err := m.Run(context.Background(), p, sim.Memory{HBM: hbm}, sim.Exact)
						if err != nil {
							b.Fatal(err)
						}
						cycles += r.Cycles
					}
					b.ReportMetric(float64(cycles)/b.Elapsed().Seconds()/1e3, "kcycles/s")
				})
			}
		}
	}
}

// BenchmarkReplay runs a loaded program of four small products again, as a device does with a call.
func BenchmarkReplay(b *testing.B) {
	c, err := arch.Preset("v4")
	if err != nil {
		b.Fatal(err)
	}
	m, err := sim.New(c, sim.Options{})
	if err != nil {
		b.Fatal(err)
	}
	p := stream(b, c, 4, 8)
	l, err := m.Load(context.Background(), p, isa.Limits{HBM: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	hbm := make([]byte, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Replay(l, sim.Memory{HBM: hbm}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFast is the fast engine on full tiles, and the share of what the kernels
// could do.
func BenchmarkFast(b *testing.B) {
	for _, level := range []cpufeat.Level{cpufeat.AVX512, cpufeat.AVX2} {
		if !cpufeat.Available(level) {
			continue
		}
		for _, preset := range []string{"v1", "v4", "v6e"} {
			b.Run(fmt.Sprintf("%v/%s", level, preset), func(b *testing.B) {
				c, err := arch.Preset(preset)
				if err != nil {
					b.Fatal(err)
				}
				f := num.Format{Precision: num.BF16}
				if c.OperandBytes() == 1 {
					f = num.Format{SignedA: true, SignedW: true}
				}
				peak := num.NewUnit(level, nil).Peak(f)
				m, err := sim.New(c, sim.Options{Level: &level})
				if err != nil {
					b.Fatal(err)
				}
				p := stream(b, c, 8, 2048)
				hbm := make([]byte, 1<<20)
				macs := int64(0)
				for b.Loop() {
					r, err := m.Run(context.Background(), p, sim.Memory{HBM: hbm}, sim.Fast)
					if err != nil {
						b.Fatal(err)
					}
					macs += r.MACs
				}
				rate := float64(macs) / b.Elapsed().Seconds()
				b.ReportMetric(rate/1e9, "GMAC/s")
				b.ReportMetric(100*rate/peak, "%peak")
			})
		}
	}
}

// BenchmarkTiming is the fast engine without values, in instructions.
func BenchmarkTiming(b *testing.B) {
	c, err := arch.Preset("v1")
	if err != nil {
		b.Fatal(err)
	}
	m, err := sim.New(c, sim.Options{TimingOnly: true})
	if err != nil {
		b.Fatal(err)
	}
	p := stream(b, c, 10000, 200)
	n := int64(0)
	for b.Loop() {
		r, err := m.Run(context.Background(), p, sim.Memory{HBMSize: 1 << 20}, sim.Fast)
		if err != nil {
			b.Fatal(err)
		}
		n += r.Executed()
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e6, "Minstr/s")
}
