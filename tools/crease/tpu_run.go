package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/isa"
	"github.com/crease-ml/crease/tpu/sim"
	"github.com/crease-ml/crease/tpu/trace"
)

// programRun is what running and stepping through a program share.
type programRun struct {
	hw      tpuHardware
	seed    uint64
	memory  string
	cfg     *arch.Config
	program *isa.Program
	mem     sim.Memory
}

func (f *programRun) bind(cmd *cobra.Command) {
	f.hw.bind(cmd)
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "fill the memories with random bytes of this seed (0: with zeros)")
	cmd.Flags().StringVar(&f.memory, "memory", "16M", "bytes of off-chip memory and of host memory, up to 1G")
}

// read reads the program, as text or in its file form, and makes memories.
func (f *programRun) read(cmd *cobra.Command, args []string) error {
	var err error
	if f.cfg, err = f.hw.config(cmd, nil); err != nil {
		return err
	}
	size, err := memorySize(f.memory)
	if err != nil {
		return usageError(fmt.Errorf("--memory %s: %w", f.memory, err))
	}
	name, content, err := programFile(cmd, args)
	if err != nil {
		return err
	}
	f.program = &isa.Program{}
	if err := f.program.UnmarshalBinary(content); err != nil {
		if f.program, err = isa.Assemble(bytes.NewReader(content)); err != nil {
			return &exitError{exitInput, fmt.Errorf("%s: %w", name, err)}
		}
	}
	f.mem = sim.Memory{HBM: make([]byte, size), Host: make([]byte, size)}
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
	if i := strings.IndexByte("KMG", s[max(0, len(s)-1)]); len(s) > 0 && i >= 0 {
		num, scale = s[:len(s)-1], 1024<<(10*i)
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
			if engine != "fast" && engine != "exact" {
				return usageError(fmt.Errorf("--engine %s: want fast or exact", engine))
			}
			if dumped != "" && engine != "exact" {
				return usageError(errors.New("--vcd needs --engine exact: the fast engine has no registers"))
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
	fs := cmd.Flags()
	fs.StringVar(&engine, "engine", "fast", "fast or exact")
	fs.StringVar(&traced, "trace", "", "write a trace for Chrome or Perfetto to this file")
	fs.StringVar(&dumped, "vcd", "", "write the arrays' registers to this file (16×16 of them)")
	return c.bindOutput(cmd, "table", "json")
}

// run runs the program with a trace and a dump where files for them are named.
func (f *programRun) run(cmd *cobra.Command, engine, traced, dumped string) (r *sim.Report, err error) {
	var opts sim.Options
	if traced != "" {
		w, err := os.Create(traced)
		if err != nil {
			return nil, err
		}
		defer w.Close()
		t := trace.NewChrome(w)
		defer func() { err = errors.Join(err, t.Close()) }()
		opts.Trace = t.Event
	}
	if dumped != "" {
		w, err := os.Create(dumped)
		if err != nil {
			return nil, err
		}
		defer w.Close()
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
		err = &exitError{exitInput, err}
	}
	return r, err
}

func tpuStepCommand() *cobra.Command {
	var f programRun
	var all bool
	cmd := &cobra.Command{
		Use:   "step FILE",
		Short: "Step through a program and see why units wait",
		Long: "Run a program from one cycle in which something happens to the next. Commands on\n" +
			"standard input:\n\n" +
			"  (empty), n   the next cycle in which something happens\n" +
			"  c CYCLE      go on to a cycle\n" +
			"  p NUMBER     go on until instruction NUMBER is the next to be dispatched\n" +
			"  m ADDR N     N bytes of the buffer from an address on\n" +
			"  a N          the accumulators' row N of array 0\n" +
			"  e            to the end\n" +
			"  q            quit",
		Example: "  crease tpu step product.s --preset v2\n  crease tpu step product.s --preset v2 --all",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError(errors.New("want one file: standard input has the commands"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.read(cmd, args); err != nil {
				return err
			}
			m, err := sim.New(f.cfg, sim.Options{})
			if err != nil {
				return err
			}
			s, err := m.Step(f.program, f.mem)
			if err != nil {
				return &exitError{exitInput, err}
			}
			defer s.Close()
			d := &stepping{lines: lines{w: cmd.OutOrStdout()}, s: s, m: m}
			if all {
				return d.until(func(st *sim.State) bool { d.show(st); return false })
			}
			return d.talk(cmd.InOrStdin())
		},
	}
	f.bind(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "print every step and ask nothing")
	return cmd
}

// stepping is a conversation about a program.
type stepping struct {
	lines
	s    *sim.Stepper
	m    *sim.Machine
	last *sim.State
}

// until steps until stop says so, or the end.
func (d *stepping) until(stop func(*sim.State) bool) error {
	for d.err == nil {
		st, err := d.s.Next()
		if st != nil {
			d.last = st
		}
		if err != nil {
			d.show(st)
			return err
		}
		if stop(st) || st.Over {
			return d.err
		}
	}
	return d.err
}

func (d *stepping) show(st *sim.State) {
	if st == nil {
		return
	}
	d.printf("cycle %d", st.Cycle)
	switch {
	case st.Over:
		d.printf(": over\n")
	case st.Holds != "":
		d.printf(": instruction %d (%s) is held: %s\n", st.PC, st.Text, st.Holds)
	case st.Text != "":
		d.printf(": next %d %s\n", st.PC, st.Text)
	default:
		d.printf("\n")
	}
	for _, u := range st.Units {
		if u.Running == "" && u.Head == "" {
			continue
		}
		if u.Running != "" {
			d.printf("  %-10s  runs %s, done at cycle %d\n", u.Name, u.Running, u.Until)
		}
		if u.Head != "" && u.Waits != "" {
			d.printf("  %-10s  %s waits for %s (%d queued)\n", u.Name, u.Head, u.Waits, u.Queued)
		}
	}
}

func (d *stepping) talk(in io.Reader) error {
	scan := bufio.NewScanner(in)
	for d.printf("> "); d.err == nil && scan.Scan(); d.printf("> ") {
		f := strings.Fields(scan.Text())
		if len(f) > 0 && f[0] == "q" {
			break
		}
		if err := d.command(f); err != nil {
			var stuck *sim.DeadlockError
			if errors.As(err, &stuck) {
				return err
			}
			d.printf("%v\n", err)
		}
	}
	d.printf("\n")
	return errors.Join(d.err, scan.Err())
}

func (d *stepping) command(f []string) error {
	if len(f) == 0 {
		f = []string{"n"}
	}
	var n [2]int64
	for i, s := range f[1:] {
		v, err := strconv.ParseInt(s, 0, 64)
		if err != nil || i > 1 || v < 0 {
			return fmt.Errorf("%s is no number from 0 up", s)
		}
		n[i] = v
	}
	stop := func(*sim.State) bool { return true }
	switch f[0] {
	case "n":
	case "e":
		stop = func(*sim.State) bool { return false }
	case "c":
		stop = func(st *sim.State) bool { return st.Cycle >= n[0] }
	case "p":
		stop = func(st *sim.State) bool { return st.PC >= int(n[0]) }
	case "m":
		b := d.m.Buffer()
		if n[0] > int64(len(b)) || n[1] > int64(len(b))-n[0] {
			return fmt.Errorf("the buffer has %d bytes", len(b))
		}
		d.printf("% x\n", b[n[0]:n[0]+min(n[1], 4096)])
		return nil
	case "a":
		cols := int64(d.m.Config().Cols)
		if n[0] >= int64(d.m.Config().AccRows) {
			return fmt.Errorf("there are %d rows", d.m.Config().AccRows)
		}
		d.printf("%08x\n", d.m.Accumulators(0)[n[0]*cols:][:cols])
		return nil
	default:
		return fmt.Errorf("no command %s: n, c CYCLE, p NUMBER, m ADDR N, a ROW, e, q", f[0])
	}
	err := d.until(stop)
	if err == nil {
		d.show(d.last)
	}
	return err
}
