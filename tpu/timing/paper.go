package timing

import (
	"math"

	"github.com/crease-ml/crease/tpu/arch"
)

// Check compares one figure of the TPU v1 paper with the model.
type Check struct {
	Name         string
	Model, Paper float64
	Unit         string

	// Difference is in points where Unit is "%", relative in percent otherwise. A
	// check holds while it does not exceed Limit. Bound checks ask only that Model is
	// at least Paper.
	Difference, Limit float64
	Bound             bool

	// Miss marks figures that the model is known not to reproduce, and Why.
	Miss bool
	Why  string
}

// Holds reports whether the difference is within its limit.
func (c Check) Holds() bool {
	if c.Bound {
		return c.Model >= c.Paper
	}
	return c.Difference <= c.Limit
}

// workload is one of the paper's six applications: tables 1, 3 and 5.
type workload struct {
	name                        string
	weights                     float64 // parameters
	macsPerByte                 float64 // multiply-adds per weight byte, the paper's "ops/byte"
	batch                       int
	active, stall, shift, other float64 // rows 1, 4, 5 and 6, percent
	useful, tops                float64 // rows 2 and 9
	host                        float64 // table 5, percent
}

// matrix is the share of time that the matrix unit works or waits for weights.
func (w workload) matrix() float64 { return w.active + w.stall + w.shift }

var workloads = []workload{
	{"MLP0", 20e6, 200, 200, 12.7, 53.9, 15.9, 17.5, 12.5, 12.3, 21},
	{"MLP1", 5e6, 168, 168, 10.6, 44.2, 13.4, 31.9, 9.4, 9.7, 76},
	{"LSTM0", 52e6, 64, 64, 8.2, 58.1, 15.8, 17.9, 8.2, 3.7, 11},
	{"LSTM1", 34e6, 96, 96, 10.5, 62.1, 17.1, 10.3, 6.3, 2.8, 20},
	{"CNN0", 8e6, 2888, 8, 78.2, 0, 0, 21.8, 78.2, 86.0, 51},
	{"CNN1", 100e6, 1750, 32, 46.2, 28.1, 7.0, 18.7, 22.5, 14.1, 14},
}

// Paper compares what five constants of the preset v1 (array, clock, tile, weight
// bandwidth, shift) predict with the figures of Jouppi et al., ISCA 2017.
//
// Reproducing a figure means a difference of at most Limit, which is what the model
// reached when it was written. Google's own model differed from its hardware by 8 %
// on average (the paper's table 7).
func Paper() []Check {
	c, err := arch.Preset("v1")
	if err != nil {
		panic(err) // the preset is in the table
	}
	hz := float64(c.Hertz)
	tile := float64(c.TileBytes()) / c.HBMRate().PerCycle() // cycles until the next tile arrives
	bandwidth := float64(c.HBM.Bandwidth)
	var list []Check
	add := func(k Check) {
		if k.Unit == "%" {
			k.Difference = math.Abs(k.Model - k.Paper)
		} else {
			k.Difference = 100 * math.Abs(k.Model-k.Paper) / k.Paper
		}
		list = append(list, k)
	}

	peak := 2 * float64(c.MACs()) * hz / 1e12
	add(Check{Name: "peak, int8", Model: peak, Paper: 92, Unit: "TOPS", Limit: 0.37})
	ridge := float64(c.MACs()) * hz / bandwidth
	add(Check{Name: "ridge point", Model: ridge, Paper: 1350, Unit: "MAC per weight byte", Limit: 0.15})
	add(Check{Name: "accumulator rows", Model: 2 * math.Exp2(math.Ceil(math.Log2(ridge))), Paper: 4096, Unit: "rows"})
	add(Check{Name: "accumulators", Model: float64(c.AccRows*c.Cols*4) / (1 << 20), Paper: 4, Unit: "MiB"})
	add(Check{Name: "weight tile", Model: float64(c.TileBytes()) / (1 << 10), Paper: 64, Unit: "KiB"})
	add(Check{Name: "internal path", Model: float64(c.Cols) * hz / (1 << 30), Paper: 167, Unit: "GiB/s", Limit: 0.16})

	const halfSpeed = "8×16 products at half speed are an inference"
	for _, k := range []struct {
		app    int
		passes float64
		limit  float64
		miss   string
	}{
		{0, 1, 1.0, ""},
		{2, 2, 0.9, ""},
		{3, 2, 0, halfSpeed + "; perhaps mixed precision"},
		{1, 1, 0, "unknown; row 6 is a third of the time"},
	} {
		w := workloads[k.app]
		name := w.name
		if k.passes == 2 {
			name += " at half speed"
		}
		rows := float64(w.batch) * k.passes
		of := func(v float64) float64 { return 100 * v / w.matrix() }
		for _, part := range []struct {
			name         string
			model, paper float64
		}{
			{"active", 100 * rows / tile, of(w.active)},
			{"weight stall", 100 * (tile - rows - float64(c.Rows)) / tile, of(w.stall)},
			{"weight shift", 100 * float64(c.Rows) / tile, of(w.shift)},
		} {
			add(Check{Name: name + ", " + part.name, Model: part.model, Paper: part.paper, Unit: "%", Limit: k.limit, Miss: k.miss != "", Why: k.miss})
		}
	}
	for i := range 4 {
		w := workloads[i]
		add(Check{Name: w.name + ", shift in matrix time", Model: float64(c.Rows) / tile, Paper: w.shift / w.matrix(), Unit: "share", Limit: 3.5})
	}

	const side = 600 // LSTM1's matrices
	tiles := func(array int) float64 { n := float64(ceil(side, array)); return n * n }
	add(Check{Name: "600×600 in tiles, useful of active", Model: 100 * side * side / (tiles(256) * 256 * 256), Paper: 100 * workloads[3].useful / workloads[3].active, Unit: "share, %", Limit: 1.8})
	add(Check{Name: "600×600, tiles of 256", Model: tiles(256), Paper: 9, Unit: "tiles"})
	add(Check{Name: "600×600, tiles of 512", Model: tiles(512), Paper: 4, Unit: "tiles"})
	add(Check{Name: "600×600 on 256×256", Model: tiles(256) * 256 * 256 / bandwidth * 1e6, Paper: 18, Unit: "µs", Limit: 3.7})
	add(Check{Name: "600×600 on 512×512", Model: tiles(512) * 512 * 512 / bandwidth * 1e6, Paper: 32, Unit: "µs", Limit: 3.7})

	for _, k := range []struct {
		app   int
		paper float64
		limit float64
		miss  string
	}{{0, 225000, 3.1, ""}, {1, 360000, 0, "three quarters of its time is the host's"}} {
		w := workloads[k.app]
		ips := float64(w.batch) / (w.weights / bandwidth) * (1 - w.other/100) / (1 + w.host/100)
		add(Check{Name: w.name + ", inferences with host time", Model: ips, Paper: k.paper, Unit: "per second", Limit: k.limit, Miss: k.miss != "", Why: k.miss})
	}
	for _, w := range workloads {
		add(Check{Name: w.name + ", roofline above what was reached", Model: min(peak, 2*w.macsPerByte*bandwidth/1e12), Paper: w.tops, Unit: "TOPS", Bound: true})
	}
	return list
}
