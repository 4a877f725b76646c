package cpu

import (
	"bytes"
	"slices"
	"testing"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
	"github.com/crease-ml/crease/shape"
)

// levelsToTry are the devices of all levels, or of the best in a short run.
func levelsToTry(t *testing.T) []*device {
	devs := devices(t)
	if testing.Short() {
		devs = devs[:1]
	}
	return devs
}

// Plans pay only if a launch leaves nothing to the garbage collector.
func TestLaunchesDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("under the race detector, pools of scratch drop what they are given at random")
	}
	for _, one := range levelsToTry(t) {
		for _, threads := range []int{1, 2} {
			d := newDevice(one.Info().Name, one.level, threads)
			defer d.Close()
			seen := map[*hal.Kernel]bool{}
			for x := range trials(t, d) {
				seen[x.kernel] = true
				c := x.call(t, d, 1)
				p, at := prepare(t, d, x, c), c.Operands()
				for range 3 {
					p.run(t, at)
				}
				if n := testing.AllocsPerRun(50, func() { p.run(t, at) }); n != 0 {
					t.Errorf("%s, %d threads: %v allocations a launch", x.name, threads, n)
				}
				release(c)
			}
			for _, k := range d.Kernels().All() {
				if !seen[k] {
					t.Errorf("no case of its row launches %s", k.Name)
				}
			}
		}
	}
}

// A launch runs on other memory each time, and keeps nothing of an earlier run.
func TestLaunchesRunAgain(t *testing.T) {
	for _, d := range levelsToTry(t) {
		for x := range trials(t, d) {
			var calls, alone []*hal.Call
			for seed := range uint64(3) {
				calls, alone = append(calls, x.call(t, d, seed+1)), append(alone, x.call(t, d, seed+1))
				if err := runKernel(d, x.kernel, alone[seed]); err != nil {
					t.Fatalf("%s: %v", x.name, err)
				}
			}
			p := prepare(t, d, x, calls[0])
			for _, i := range []int{0, 1, 0, 2} {
				for _, v := range calls[i].Out {
					for k, b := 0, contents(v); k < len(b); k++ {
						b[k] = 0xee
					}
				}
				p.run(t, calls[i].Operands())
				if got, want := results(calls[i]), results(alone[i]); !slices.EqualFunc(got, want, bytes.Equal) {
					t.Errorf("%s: a launch that ran before gives other bits on operands %d", x.name, i)
				}
			}
			for i := range calls {
				release(calls[i])
				release(alone[i])
			}
		}
	}
}

// What a kernel says it can write over an operand has the bits that it has apart.
func TestInPlace(t *testing.T) {
	for _, d := range levelsToTry(t) {
		pairs := map[string]int{} // tried, by kernel
		for x := range trials(t, d) {
			apart := x.call(t, d, 1)
			p := prepare(t, d, x, apart)
			if p.InPlace == nil {
				release(apart)
				continue
			}
			p.run(t, apart.Operands())
			want := results(apart)
			try := func(over map[int]int) {
				c := x.call(t, d, 1)
				defer release(c)
				for result, input := range over {
					c.Out[result].Buf.Free()
					c.Out[result] = c.In[input]
				}
				p.run(t, c.Operands())
				if !slices.EqualFunc(results(c), want, bytes.Equal) {
					t.Errorf("%s: results over inputs %v differ from those apart", x.name, over)
				}
			}
			all, taken := map[int]int{}, map[int]bool{}
			for i, out := range apart.Out {
				for k, in := range apart.In {
					if out.DType != in.DType || !shape.Equal(out.Shape, in.Shape) || !slices.Equal(out.Strides, in.Strides) || !p.InPlace(i, k) {
						continue
					}
					pairs[x.kernel.Name]++
					try(map[int]int{i: k})
					if _, has := all[i]; !has && !taken[k] {
						all[i], taken[k] = k, true
					}
				}
			}
			if len(all) > 1 {
				try(all)
			}
			release(apart)
		}
		for op, least := range map[*ops.Op]int{ops.SgdStep: 2, ops.AdamStep: 3, ops.Softmax: 1, ops.Add: 2, ops.LayerNormGrad: 2} {
			if name := d.kernelName(op.Name, dtype.F32, d.Kernels().For(op.Name)[0].Key.Layout); pairs[name] < least {
				t.Errorf("%s ran in place for %d pairs of a result and an operand, want at least %d", name, pairs[name], least)
			}
		}
	}
}
