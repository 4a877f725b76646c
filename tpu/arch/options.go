package arch

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/dtype"
)

// Free returns a core of the given size without a preset: one array with a shadow
// plane, bf16 operands, one 16 MiB buffer, a clock of 1 GHz, and memories that are
// never waited for until a bandwidth is given.
func Free(rows, cols int) (*Config, error) {
	c := &Config{
		Rows: rows, Cols: cols, Arrays: 1, Cores: 1, ChipCores: 1,
		Operand: dtype.BF16, Hertz: 1e9, Shadow: true,
		Buffer: 16 << 20, AccRows: 4096, FIFO: 4, Queue: 8,
		Vector: true, BufferFromHBM: true, Lanes: max(cols, 1), Sublanes: 1, ActRows: 1,
		VectorTiming: VectorTiming{1, 1, 1, 1, 1, 1},
		Energy:       Energy{MAC: 2.0, Buffer: 1.25, Acc: 1.25, OffChip: 162.5, VectorOp: 0.9},
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

// options are what may follow the @ of a device name.
var options = []struct {
	name, doc string
	set       func(c *Config, v string) error
}{
	{"rows", "rows of the array", func(c *Config, v string) error { return count(&c.Rows, v, MaxSide) }},
	{"cols", "columns of the array", func(c *Config, v string) error {
		if err := count(&c.Cols, v, MaxSide); err != nil {
			return err
		}
		if c.Vector && c.ActRows > 1 {
			c.ActRows = max(1, min(maxActRows, c.Lanes*c.Sublanes/c.Cols))
		}
		return nil
	}},
	{"dataflow", "ws, os or is", func(c *Config, v string) error {
		i := slices.Index(dataflows[:], v)
		if i < 0 {
			return fmt.Errorf("%q is not ws, os or is", v)
		}
		c.Dataflow = Dataflow(i)
		return nil
	}},
	{"dtype", "int8 or bf16", func(c *Config, v string) error {
		switch v {
		case "int8", "i8":
			c.Operand = dtype.I8
			c.Energy.MAC = 0.3
		case "bf16":
			c.Operand = dtype.BF16
			c.Energy.MAC = 2.0
		default:
			return fmt.Errorf("%q is not int8 or bf16", v)
		}
		return nil
	}},
	{"ub", "bytes of the activation buffer, as in 24M", func(c *Config, v string) error {
		n, err := quantity(v, 1024)
		if err != nil {
			return err
		}
		if n > MaxBuffer {
			return fmt.Errorf("%s is more than the limit of %d bytes", v, MaxBuffer)
		}
		c.Buffer = int(n)
		return nil
	}},
	{"bandwidth", "bytes per second of off-chip memory, as in 34G", func(c *Config, v string) error {
		n, err := quantity(v, 1000)
		c.HBM.Bandwidth, c.HBM.Efficiency = n, 1
		return err
	}},
	{"freq", "clock in hertz, as in 700M", func(c *Config, v string) error {
		n, err := quantity(v, 1000)
		c.Hertz = n
		return err
	}},
}

// Options lists the options of a device name with what they mean.
func Options() (names, docs []string) {
	for _, o := range options {
		names, docs = append(names, o.name), append(docs, o.doc)
	}
	return names, docs
}

// Parse returns the description for a device name such as tpu:v4@freq=1G, given as
// its preset, which may be empty, and its options. Without a preset, rows and cols
// must be given.
func Parse(preset string, opts map[string]string) (*Config, error) {
	for _, k := range slices.Sorted(maps.Keys(opts)) {
		if !known(k) {
			names, _ := Options()
			return nil, fmt.Errorf("tpu: no option %q: want %s", k, strings.Join(names, ", "))
		}
	}
	var c *Config
	var err error
	if preset != "" {
		c, err = Preset(preset)
	} else {
		for _, k := range []string{"rows", "cols"} {
			if opts[k] == "" {
				return nil, fmt.Errorf("tpu: option %s is missing: want a preset (%s), or rows and cols", k, strings.Join(Names, ", "))
			}
		}
		c, err = Free(1, 1)
	}
	if err != nil {
		return nil, err
	}
	before := *c
	for _, o := range options {
		v, ok := opts[o.name]
		if !ok {
			continue
		}
		if err := o.set(c, v); err != nil {
			return nil, fmt.Errorf("tpu: option %s: %w", o.name, err)
		}
	}
	if preset == "" {
		c.Lanes = c.Cols
	} else if *c != before {
		c.Window = nil // the constants of a chip's compiler say nothing of another chip
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

func known(name string) bool {
	for _, o := range options {
		if o.name == name {
			return true
		}
	}
	return false
}

func count(to *int, v string, limit int) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > limit {
		return fmt.Errorf("%q is not a number from 1 to %d", v, limit)
	}
	*to = n
	return nil
}

// quantity reads a number with an optional suffix k, M, G or T, which stand for
// powers of unit, and their binary forms Ki, Mi, Gi, Ti.
func quantity(v string, unit float64) (uint64, error) {
	num, scale := v, 1.0
	if s, ok := strings.CutSuffix(num, "i"); ok {
		num, unit = s, 1024
	}
	if i := strings.IndexByte("kMGT", last(num)); i >= 0 && last(num) != 0 {
		num, scale = num[:len(num)-1], math.Pow(unit, float64(i+1))
	} else if num != v {
		return 0, fmt.Errorf("%q is not a number such as 34G", v)
	}
	f, err := strconv.ParseFloat(num, 64)
	if err != nil || !(f > 0) || f*scale > 1e18 || f*scale != math.Trunc(f*scale) {
		return 0, fmt.Errorf("%q is not a whole number of up to 1e18, such as 34G", v)
	}
	return uint64(f * scale), nil
}

func last(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}
