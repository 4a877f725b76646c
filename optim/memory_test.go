package optim_test

import (
	"runtime"
	"testing"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/nn"
	_ "github.com/crease-ml/crease/opencl"
	"github.com/crease-ml/crease/optim"
)

// Thousands of steps of a small network, eager and compiled, use no more memory
// at the end than after the first hundred: on the device and on the Go heap.
func TestMemoryStaysFlat(t *testing.T) {
	for name, steps := range map[string]int{"cpu@threads=1": 10000, "opencl": 2000} {
		if testing.Short() {
			steps /= 10
		}
		for _, mode := range []string{"eager", "graph"} {
			t.Run(name+"/"+mode, func(t *testing.T) { flat(t, name, mode, steps) })
		}
	}
}

func flat(t *testing.T, name, mode string, steps int) {
	dev, err := crease.Wrap(conform.Open(t, name))
	if err != nil {
		t.Fatal(err)
	}
	on := crease.On(dev)
	g := crease.NewGenerator(1, on)
	model := nn.NewSequential(nn.NewLinear(4, 16, on, crease.By(g)).WithAct("tanh"), nn.NewDropout(0.1, g), nn.NewLinear(16, 3, on, crease.By(g)))
	opt := optim.NewAdamW(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: 1e-3})
	x, y := crease.Randn([]int{8, 4}, on, crease.By(g)), crease.From([]int64{0, 1, 2, 0, 1, 2, 0, 1}, nil, on)
	step := func(in ...*crease.Tensor) []*crease.Tensor {
		loss := model.Forward(in[0]).CrossEntropy(in[1])
		loss.Backward()
		opt.Step()
		opt.ZeroGrad()
		return []*crease.Tensor{loss.Detach()}
	}
	if mode == "graph" {
		step = crease.Compile(step).Call
	}
	run := func(n int) (loss float64) {
		for range n {
			crease.Tidy(func() []*crease.Tensor {
				loss = step(x, y)[0].Item()
				return nil
			})
		}
		return loss
	}
	heap := func() int {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := run(100)
	device, host := dev.Memory(), heap()
	after := run(steps)
	now := dev.Memory()
	if now.InUse != device.InUse || now.HighWater != device.HighWater || now.Buffers != device.Buffers || now.Allocs != device.Allocs {
		t.Errorf("the device's pool went from %+v to %+v in %d steps", device, now, steps)
	}
	if grown := heap() - host; grown > 1<<20 {
		t.Errorf("the Go heap grew by %d bytes in %d steps", grown, steps)
	}
	if !(after < before) {
		t.Errorf("nothing was learned: the loss went from %v to %v", before, after)
	}
}

// A compiled training step allocates nothing for a node: a deep network's costs what a
// shallow one's does, and the device's pool serves all of it.
func TestCompiledStepAllocatesNothingForANode(t *testing.T) {
	dev, err := crease.Open("cpu@threads=1")
	if err != nil {
		t.Fatal(err)
	}
	on := crease.On(dev)
	count := func(depth int) (allocs float64, nodes int) {
		g := crease.NewGenerator(1, on)
		var layers []nn.Module
		for range depth {
			layers = append(layers, nn.NewResidual(nn.NewLayerNorm([]int{16}, on), nn.NewLinear(16, 16, on, crease.By(g)).WithAct("tanh"), nn.NewDropout(0.1, g)))
		}
		model := nn.NewSequential(append(layers, nn.NewLinear(16, 3, on, crease.By(g)))...)
		opt := optim.NewAdamW(nn.Tensors(nn.Parameters(model)), optim.AdamConfig{LR: 1e-3})
		x, y := crease.Randn([]int{8, 16}, on, crease.By(g)), crease.From([]int64{0, 1, 2, 0, 1, 2, 0, 1}, nil, on)
		c := crease.Compile(func(in ...*crease.Tensor) []*crease.Tensor {
			loss := model.Forward(in[0]).CrossEntropy(in[1])
			loss.Backward()
			opt.Step()
			opt.ZeroGrad()
			return []*crease.Tensor{loss.Detach()}
		})
		defer c.Free()
		step := func() { c.Call(x, y)[0].Free() }
		for range 3 {
			step()
		}
		runtime.GC() // frees what other tests have left, now and not in between
		runtime.GC()
		before := dev.Memory()
		allocs = testing.AllocsPerRun(50, step)
		if after := dev.Memory(); after.Allocs != before.Allocs || after.Buffers != before.Buffers {
			t.Errorf("with %d layers the device's pool went from %+v to %+v", depth, before, after)
		}
		return allocs, c.Executables()[0].Len()
	}
	few, short := count(1)
	many, long := count(12)
	if long < 5*short || many > few+8 || many > 40 {
		t.Errorf("%d nodes make %v allocations, %d nodes %v", short, few, long, many)
	}
}
