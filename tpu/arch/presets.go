package arch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/crease-ml/crease/dtype"
)

// Names are the presets in the order of their appearance.
var Names = []string{"v1", "v2", "v3", "v4", "v5e", "v5p", "v6e", "edge"}

// presets makes each preset. A key of the second result is a field of [Sources].
var presets = map[string]func() (Config, map[string]string){
	"v1": v1, "v2": v2, "v3": v3, "v4": v4, "v5e": v5e, "v5p": v5p, "v6e": v6e, "edge": edge,
}

// Preset returns a preset by name.
func Preset(name string) (*Config, error) {
	f, ok := presets[name]
	if !ok {
		return nil, fmt.Errorf("tpu: no preset %q: want %s", name, strings.Join(Names, ", "))
	}
	c, _ := f()
	c.Name = name
	return &c, nil
}

// Short names of sources that several constants share.
const (
	jouppi   = "Jouppi et al., ISCA 2017"
	jax      = "JAX, pallas/mosaic/tpu_info.py"
	cloud    = "Google Cloud TPU documentation"
	fitted   = "fitted to libtpu 0.0.52 estimates (above)"
	ours     = "our choice"
	derived  = "derived from the stated peak"
	pallas   = "ayaka14732's Pallas tutorial, second-hand"
	horowitz = "Horowitz, ISSCC 2014, 45 nm, as tabulated by others"
)

// v1 is the inference chip of the paper.
func v1() (Config, map[string]string) {
	return Config{
			Rows: 256, Cols: 256, Arrays: 1, Cores: 1, ChipCores: 1,
			Operand: dtype.I8, Hertz: 700e6, Shadow: true,
			Buffer: 24 << 20, AccRows: 4096, FIFO: 4, Queue: 8,
			Lanes: 256, Sublanes: 1, ActRows: 1, VectorTiming: VectorTiming{1, 1, 1, 1, 1, 1},
			HBM:    Channel{Bytes: 8 << 30, Bandwidth: 34e9},
			Host:   Channel{Bandwidth: 15032385536},
			Energy: Energy{MAC: 0.3, Buffer: 1.25, Acc: 1.25, OffChip: 162.5, VectorOp: 0.9},
			Peak:   92e12,
		}, map[string]string{
			"array": jouppi, "clock": jouppi, "buffer": jouppi, "accumulators": jouppi, "weight FIFO": jouppi,
			"off-chip memory": jouppi + ": DDR3 weight memory", "host link": jouppi + ", figure 1 (14 GiB/s), from a copy",
			"vector unit": jouppi + ": 256 values per cycle, activation only", "queue": ours,
			"peak": jouppi, "energy": horowitz,
		}
}

// vectorUnit is common to the chips from v2 on: 8×128 lanes.
func vectorUnit(c *Config) {
	c.Operand, c.Shadow = dtype.BF16, true
	c.AccRows, c.FIFO, c.Queue = 4096, 2, 8
	c.Vector, c.BufferFromHBM = true, true
	c.Lanes, c.Sublanes = 128, 8
	c.ActRows = max(1, 8*128/c.Cols)
	c.VectorTiming = VectorTiming{ALULatency: 2, ALUInterval: 1, FuncLatency: 7, FuncInterval: 2, CrossLatency: 69, CrossInterval: 8}
	c.Host = Channel{Bandwidth: 15032385536, Efficiency: 1}
	c.Energy = Energy{MAC: 2.0, Buffer: 1.25, Acc: 1.25, OffChip: 162.5, VectorOp: 0.9}
}

// common are the sources of what vectorUnit sets and of the fitted constants.
func common(special map[string]string) map[string]string {
	m := map[string]string{
		"accumulators": ours + ": the chips add partial sums on the vector unit",
		"weight FIFO":  ours + ": two tiles stand for the staging registers",
		"queue":        ours,
		"vector unit":  "8 sublanes of 128 lanes: " + jax + "; latencies " + pallas,
		"host link":    ours + ": as v1",
		"energy":       horowitz + " (fp16 multiply, fp32 add)",
		"latency":      fitted, "efficiency": fitted, "push": fitted, "step": fitted, "bursts": fitted, "budget": ours + ": VMEM less what the compiler keeps",
	}
	maps.Copy(m, special)
	return m
}

// bursts are those of v2 and v3; the later chips show no such difference.
var bursts = []Burst{{128 << 10, 1}, {32 << 10, 1.05}, {16 << 10, 1.1}, {8 << 10, 1.3}, {0, 1.6}}

func v2() (Config, map[string]string) {
	c := Config{
		Rows: 128, Cols: 128, Arrays: 1, Cores: 1, ChipCores: 2, Hertz: 700e6, Buffer: 16 << 20,
		HBM:    Channel{Bytes: 8e9, Bandwidth: 350e9, Efficiency: 0.908, ReadNanos: 263, WriteNanos: 209},
		Window: &Window{Push: 1, PushTransposed: 1, Step: 256, Bursts: bursts, Budget: 16 << 20},
		Peak:   46e12,
	}
	vectorUnit(&c)
	return c, common(map[string]string{
		"array": jax, "arrays": jax, "clock": derived, "buffer": jax, "peak": jax,
		"off-chip memory": cloud + " (700 GB/s for two cores)",
	})
}

func v3() (Config, map[string]string) {
	c := Config{
		Rows: 128, Cols: 128, Arrays: 2, Cores: 1, ChipCores: 2, Hertz: 940e6, Buffer: 16 << 20,
		HBM:    Channel{Bytes: 17.2e9, Bandwidth: 450e9, Efficiency: 0.955, ReadNanos: 259, WriteNanos: 206},
		Window: &Window{Push: 1, PushTransposed: 1, Step: 256, Bursts: bursts, Budget: 16 << 20},
		Peak:   123e12,
	}
	vectorUnit(&c)
	return c, common(map[string]string{
		"array": jax, "arrays": jax, "clock": derived, "buffer": jax, "peak": cloud,
		"off-chip memory": cloud + " (900 GB/s for two cores)",
	})
}

func v4() (Config, map[string]string) {
	c := Config{
		Rows: 128, Cols: 128, Arrays: 4, Cores: 1, ChipCores: 2, Hertz: 1050e6, Buffer: 16 << 20,
		HBM: Channel{Bytes: 17.2e9, Bandwidth: 614e9, Efficiency: 0.8, ReadNanos: 590, WriteNanos: 518},
		Window: &Window{Push: 0.5, PushTransposed: 1, Step: 256, Budget: 12 << 20,
			Prefetch: true, StageBytes: 4751, StageSetup: 125, Transpose: 132},
		Peak: 275e12,
	}
	vectorUnit(&c)
	return c, common(map[string]string{
		"array": jax, "arrays": jax, "clock": pallas, "buffer": jax + " (and 128 MiB of CMEM for the chip)", "peak": jax,
		"off-chip memory": cloud + " (1228 GB/s for two cores)", "stage": fitted + ": reads from CMEM",
	})
}

func v5e() (Config, map[string]string) {
	c := Config{
		Rows: 128, Cols: 128, Arrays: 4, Cores: 1, ChipCores: 1, Hertz: 1500e6, Buffer: 128 << 20,
		HBM:    Channel{Bytes: 17.2e9, Bandwidth: 820e9, Efficiency: 0.9, ReadNanos: 1200, WriteNanos: 1200},
		Window: &Window{Push: 0.25, Step: 256, Budget: 16 << 20, Prefetch: true},
		Peak:   197e12,
	}
	vectorUnit(&c)
	return c, common(map[string]string{
		"array": jax, "arrays": cloud, "clock": derived, "buffer": jax, "peak": jax, "off-chip memory": jax,
	})
}

func v5p() (Config, map[string]string) {
	c := Config{
		Rows: 128, Cols: 128, Arrays: 4, Cores: 2, ChipCores: 2, Hertz: 1750e6, Buffer: 64 << 20,
		HBM:    Channel{Bytes: 51e9, Bandwidth: 1382500e6, Efficiency: 0.85, ReadNanos: 1200, WriteNanos: 1200},
		Window: &Window{Push: 0.25, Step: 256, Budget: 16 << 20, Prefetch: true},
		Peak:   459e12,
	}
	vectorUnit(&c)
	return c, common(map[string]string{
		"array": jax, "arrays": cloud, "clock": derived, "buffer": jax, "peak": jax,
		"off-chip memory": cloud + " (2765 GB/s for two cores, which share a product)",
	})
}

func v6e() (Config, map[string]string) {
	c := Config{
		Rows: 256, Cols: 256, Arrays: 4, Cores: 1, ChipCores: 1, Hertz: 1750e6, Buffer: 128 << 20,
		HBM:    Channel{Bytes: 34.4e9, Bandwidth: 1640e9, Efficiency: 0.999, ReadNanos: 686, WriteNanos: 1200},
		Window: &Window{Push: 1, PushLimit: 128, Step: 1024, Budget: 31 << 20, Prefetch: true},
		Peak:   920e12,
	}
	vectorUnit(&c)
	return c, common(map[string]string{
		"array": cloud, "arrays": derived + "; " + cloud + " says two", "clock": derived, "buffer": jax, "peak": jax, "off-chip memory": jax,
	})
}

// edge is a small array of Gemmini's default size.
func edge() (Config, map[string]string) {
	const gemmini = "Gemmini @8c3f992, Configs.scala"
	return Config{
			Rows: 16, Cols: 16, Arrays: 1, Cores: 1, ChipCores: 1,
			Operand: dtype.I8, Hertz: 1e9, Shadow: true,
			Buffer: 256 << 10, AccRows: 1024, FIFO: 2, Queue: 8,
			Lanes: 16, Sublanes: 1, ActRows: 1, VectorTiming: VectorTiming{1, 1, 1, 1, 1, 1},
			HBM:    Channel{Bandwidth: 16e9},
			Host:   Channel{Bandwidth: 16e9},
			Energy: Energy{MAC: 0.3, Buffer: 1.25, Acc: 1.25, OffChip: 162.5, VectorOp: 0.9},
		}, map[string]string{
			"array": gemmini, "clock": ours + ": Gemmini's is the user's", "buffer": gemmini, "accumulators": gemmini + " (64 KiB)",
			"weight FIFO": ours, "off-chip memory": gemmini + ": 128-bit bus", "host link": gemmini + ": the same bus",
			"vector unit": ours + ": activation at one row per cycle", "queue": ours, "energy": horowitz,
		}
}

// Source is one constant of a preset and where it is from.
type Source struct {
	Preset, Constant, Value, From string
}

// constants are what a description consists of, as text; "" where a preset has none.
var constants = []struct {
	name string
	of   func(c *Config) string
}{
	{"array", func(c *Config) string { return fmt.Sprintf("%d×%d %s", c.Rows, c.Cols, c.Operand) }},
	{"arrays", func(c *Config) string {
		if c.Arrays*c.ChipCores == 1 {
			return ""
		}
		return fmt.Sprintf("%d per core, %d cores", c.Arrays, c.ChipCores)
	}},
	{"clock", func(c *Config) string { return fmt.Sprintf("%d MHz", c.Hertz/1e6) }},
	{"peak", func(c *Config) string { return unless(c.Peak, fmt.Sprintf("%g TOPS", c.Peak/1e12)) }},
	{"buffer", func(c *Config) string { return fmt.Sprintf("%g MiB", float64(c.Buffer)/(1<<20)) }},
	{"accumulators", func(c *Config) string { return fmt.Sprintf("%d rows", c.AccRows) }},
	{"weight FIFO", func(c *Config) string { return fmt.Sprintf("%d tiles", c.FIFO) }},
	{"queue", func(c *Config) string { return fmt.Sprintf("%d instructions per unit", c.Queue) }},
	{"off-chip memory", func(c *Config) string { return fmt.Sprintf("%g GB/s per core", float64(c.HBM.Bandwidth)/1e9) }},
	{"efficiency", func(c *Config) string { return unless(c.HBM.Efficiency, fmt.Sprintf("%g of that", c.HBM.Efficiency)) }},
	{"latency", func(c *Config) string {
		return unless(c.HBM.ReadNanos, fmt.Sprintf("read %g, write %g ns", c.HBM.ReadNanos, c.HBM.WriteNanos))
	}},
	{"host link", func(c *Config) string { return fmt.Sprintf("%.3g GB/s", float64(c.Host.Bandwidth)/1e9) }},
	{"vector unit", func(c *Config) string {
		if !c.Vector {
			return fmt.Sprintf("%d values per cycle", c.Cols*c.ActRows)
		}
		t := c.VectorTiming
		return fmt.Sprintf("%d×%d; latency/interval %d/%d, functions %d/%d, across lanes %d/%d", c.Sublanes, c.Lanes,
			t.ALULatency, t.ALUInterval, t.FuncLatency, t.FuncInterval, t.CrossLatency, t.CrossInterval)
	}},
	{"push", func(c *Config) string {
		if c.Window == nil {
			return ""
		}
		s := fmt.Sprintf("%g rows per weight row", c.Window.Push)
		if c.Window.PushLimit > 0 {
			s += fmt.Sprintf(", at most %d rows", c.Window.PushLimit)
		}
		if c.Window.PushTransposed > 0 && c.Window.PushTransposed != c.Window.Push {
			s += fmt.Sprintf(" (%g transposed)", c.Window.PushTransposed)
		}
		if c.Window.Transpose > 0 {
			s += fmt.Sprintf(", %g cycles before the first transposed", c.Window.Transpose)
		}
		return s
	}},
	{"step", func(c *Config) string {
		if c.Window == nil {
			return ""
		}
		return fmt.Sprintf("%g cycles", c.Window.Step)
	}},
	{"stage", func(c *Config) string {
		if c.Window == nil || c.Window.StageBytes == 0 {
			return ""
		}
		return fmt.Sprintf("%g B/cycle, %g cycles before weights", c.Window.StageBytes, c.Window.StageSetup)
	}},
	{"bursts", func(c *Config) string {
		if c.Window == nil {
			return ""
		}
		var list []string
		for _, b := range c.Window.Bursts {
			list = append(list, fmt.Sprintf("from %d KiB ×%g", b.Bytes>>10, b.Factor))
		}
		return strings.Join(list, ", ")
	}},
	{"budget", func(c *Config) string {
		if c.Window == nil {
			return ""
		}
		return fmt.Sprintf("%d MiB of windows", c.Window.Budget>>20)
	}},
	{"energy", func(c *Config) string {
		e := c.Energy
		return fmt.Sprintf("%g pJ/MAC; %g, %g, %g pJ/B of buffer, accumulators, off-chip; %g pJ/vector op", e.MAC, e.Buffer, e.Acc, e.OffChip, e.VectorOp)
	}},
}

func unless(v float64, s string) string {
	if v == 0 {
		return ""
	}
	return s
}

// Sources lists every constant of every preset with its source.
func Sources() []Source {
	var list []Source
	for _, name := range Names {
		c, from := presets[name]()
		for _, k := range constants {
			if v := k.of(&c); v != "" {
				list = append(list, Source{name, k.name, v, from[k.name]})
			}
		}
	}
	return slices.Clip(list)
}
