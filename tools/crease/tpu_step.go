package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/tpu/sim"
)

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
				return usagef("want one file: standard input has the commands")
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
				return fileError(err)
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
