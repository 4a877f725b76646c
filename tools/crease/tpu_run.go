package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
	"github.com/crease-ml/crease/tpu/trace"
)

// programRun is what running and stepping through a program share.
type programRun struct {
	hw      tpuHardware
	seed    uint64
	memory  int
	cfg     *arch.Config
	program *isa.Program
	mem     sim.Memory
}

func (f *programRun) bind(cmd *cobra.Command) {
	f.hw.bind(cmd)
	seedFlag(cmd, &f.seed, "fill the memories with random bytes of this seed (0: with zeros)")
	parsedFlag(cmd, "memory", "", "16M", "bytes of off-chip memory and of host memory, up to 1G", func(s string) (err error) {
		f.memory, err = memorySize(s)
		return err
	})
}

// read reads the program, as text or in its file form, and makes memories.
func (f *programRun) read(cmd *cobra.Command, args []string) error {
	var err error
	if f.cfg, err = f.hw.config(cmd, nil); err != nil {
		return err
	}
	name, content, err := programFile(cmd, args)
	if err != nil {
		return err
	}
	f.program = &isa.Program{}
	if err := f.program.UnmarshalBinary(content); err != nil {
		if f.program, err = isa.Assemble(bytes.NewReader(content)); err != nil {
			return fileError(fmt.Errorf("%s: %w", name, err))
		}
	}
	f.mem = sim.Memory{HBM: make([]byte, f.memory), Host: make([]byte, f.memory)}
	if f.seed != 0 {
		for i, b := range [][]byte{f.mem.HBM, f.mem.Host} {
			r := rand.New(rand.NewPCG(f.seed, uint64(i)))
			for k := range b {
				b[k] = byte(r.Uint32())
			}
		}
	}
	return nil
}

// memorySize reads a number of bytes with an optional suffix K, M or G.
func memorySize(s string) (int, error) {
	const limit = 1 << 30
	num, scale := s, 1
	for i, suffix := range []string{"K", "M", "G"} {
		if short, ok := strings.CutSuffix(s, suffix); ok {
			num, scale = short, 1024<<(10*i)
		}
	}
	n, err := strconv.Atoi(num)
	if err != nil || n < 1 || n > limit/scale {
		return 0, errors.New("want 1 to 1G bytes, as in 64K or 16M")
	}
	return n * scale, nil
}

func tpuRunCommand() *cobra.Command {
	var f programRun
	var c common
	var engine, traced, dumped string
	cmd := &cobra.Command{
		Use:   "run [FILE]",
		Short: "Run a program and report what it took",
		Long: "Run a program, as text or as crease tpu asm writes it, and print its cycles, what\n" +
			"the arrays spent them on, bytes by memory, roofline and energy. The exact engine\n" +
			"moves every operand through every register; --vcd writes these, cycle by cycle.",
		Example: "  crease tpu run product.s --preset v2 --trace product.json\n  crease tpu run product.s --rows 4 --cols 4 --engine exact --vcd product.vcd",
		Args:    oneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if dumped != "" && engine != "exact" {
				return usagef("--vcd needs --engine exact: the fast engine has no registers")
			}
			for path, begins := range map[string]string{traced: "[", dumped: "$"} {
				if path == "" {
					continue
				}
				if err := replaceable(path, begins); err != nil {
					return err
				}
			}
			if err := f.read(cmd, args); err != nil {
				return err
			}
			r, err := f.run(cmd, engine, traced, dumped)
			if err != nil {
				return err
			}
			if c.output == "json" {
				return writeJSON(cmd.OutOrStdout(), struct {
					sim.Counters
					Seconds, Utilization float64
					Roofline             sim.Roofline
					Energy               sim.Joules
				}{r.Counters, r.Seconds(), r.Utilization(), r.Roofline(), r.Energy()})
			}
			p := &lines{w: cmd.OutOrStdout()}
			p.printf("%d instructions, %s engine, %.2f cycles per instruction\n", r.Executed(), r.Engine, r.CPI())
			printReport(p, r)
			return p.err
		},
	}
	f.bind(cmd)
	choiceFlag(cmd, &engine, "engine", "", "fast", []string{"fast", "exact"}, "fast or exact")
	nameFlag(cmd, &traced, "trace", "", "write a trace for Chrome or Perfetto to this file")
	nameFlag(cmd, &dumped, "vcd", "", "write the arrays' registers to this file (16×16 of them)")
	return c.bindOutput(cmd, "table", "json")
}

// run runs the program with a trace and a dump where files for them are named.
func (f *programRun) run(cmd *cobra.Command, engine, traced, dumped string) (r *sim.Report, err error) {
	var opts sim.Options
	if traced != "" {
		w, end, fail := safefile.Stream(traced, 0o644)
		if fail != nil {
			return nil, fail
		}
		defer func() { err = end(err) }()
		t := trace.NewChrome(w)
		defer func() { err = errors.Join(err, t.Close()) }()
		opts.Trace = t.Event
	}
	if dumped != "" {
		w, end, fail := safefile.Stream(dumped, 0o644)
		if fail != nil {
			return nil, fail
		}
		defer func() { err = end(err) }()
		d := trace.NewVCD(w, f.cfg)
		defer func() { err = errors.Join(err, d.Close()) }()
		opts.Probe = d.Probe
	}
	m, err := sim.New(f.cfg, opts)
	if err != nil {
		return nil, err
	}
	kind := sim.Fast
	if engine == "exact" {
		kind = sim.Exact
	}
	r, err = m.Run(cmd.Context(), f.program, f.mem, kind)
	var bad *isa.Error
	if errors.As(err, &bad) {
		err = fileError(err)
	}
	return r, err
}
