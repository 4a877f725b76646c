package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/tpu/arch"
	"github.com/crease-ml/crease/tpu/timing"
)

// cyclesRow is one product as crease tpu cycles prints it.
type cyclesRow struct {
	Preset      string  `json:"preset"`
	Rows        int     `json:"rows"`
	Cols        int     `json:"cols"`
	Dataflow    string  `json:"dataflow"`
	Timing      string  `json:"timing"`
	M           int     `json:"m"`
	N           int     `json:"n"`
	K           int     `json:"k"`
	Cycles      int64   `json:"cycles"`
	Stall       int64   `json:"stall_cycles"`
	Utilization float64 `json:"utilization"`
	Mapping     float64 `json:"mapping_efficiency"`
}

type cyclesFlags struct {
	common
	hardware tpuHardware
	timing   string
	gemms    []timing.Product
	csv      string
}

func tpuCyclesCommand() *cobra.Command {
	var f cyclesFlags
	cmd := &cobra.Command{
		Use:   "cycles",
		Short: "Predict the cycles of matrix products without computing them",
		Long: "Predict the cycles of products C[M,N] = A[M,K]·B[K,N]. The rules: own (ours,\n" +
			"with memory where the hardware has any), scalesim, stonne and minitpu (those of\n" +
			"other simulators, exactly). utilization and mapping_efficiency are shares of 1.",
		Example: "  crease tpu cycles --preset v4 --gemm 2048,2048,2048\n" +
			"  crease tpu cycles --rows 128 --cols 128 --dataflow os --timing scalesim \\\n" +
			"    --gemm 196,1176,64 -o jsonl",
		Args: noArgs,
		RunE: f.run,
	}
	f.hardware.bind(cmd)
	choiceFlag(cmd, &f.timing, "timing", "", "own", timing.Rules(), "rule: "+strings.Join(timing.Rules(), ", "))
	parsedFlag(cmd, "gemm", "", "", "a product as M,N,K; may be repeated", func(s string) error {
		q, err := parseProduct(strings.Split(s, ","))
		f.gemms = append(f.gemms, q)
		return err
	})
	nameFlag(cmd, &f.csv, "csv", "", "file of products with the columns M, N and K; - is standard input")
	return f.bindOutput(cmd, "table", "jsonl")
}

func (f *cyclesFlags) run(cmd *cobra.Command, _ []string) error {
	rule, err := timing.Named(f.timing)
	if err != nil {
		return usageError(err)
	}
	c, err := f.hardware.config(cmd, ruleDefaults(f.timing))
	if err != nil {
		return err
	}
	if f.timing == "stonne" && !cmd.Flags().Changed("dataflow") {
		c.Dataflow = arch.OS // its only one
	}
	if len(f.gemms) == 0 && f.csv == "" {
		return usagef("want products: --gemm M,N,K or --csv FILE")
	}
	w := bufio.NewWriter(cmd.OutOrStdout())
	p := &lines{w: w}
	var t *table
	if f.output == "table" {
		t = p.table(column{"PRODUCT M,N,K", 24, false}, column{"CYCLES", 13, true}, column{"STALL", 13, true}, column{"USED", 8, true}, column{"MAPPED", 8, true})
	}
	one := func(q timing.Product) error {
		r, err := rule(c, q)
		if err != nil {
			return usageError(err)
		}
		if f.output == "table" {
			t.row(q.String(), fmt.Sprint(r.Cycles), fmt.Sprint(r.Stall), fmt.Sprintf("%.2f%%", 100*r.Utilization), fmt.Sprintf("%.2f%%", 100*r.Mapping))
			return p.err
		}
		return writeJSON(w, cyclesRow{c.Name, c.Rows, c.Cols, c.Dataflow.String(), f.timing, q.M, q.N, q.K, r.Cycles, r.Stall, r.Utilization, r.Mapping})
	}
	for _, q := range f.gemms {
		if err := one(q); err != nil {
			return err
		}
	}
	if f.csv != "" {
		if err := readProducts(cmd, f.csv, one); err != nil {
			return err
		}
	}
	return w.Flush()
}

// ruleDefaults is the hardware of a rule that knows no other.
func ruleDefaults(name string) map[string]string {
	if name == "minitpu" {
		return map[string]string{"rows": "256", "cols": "256", "dtype": "int8"}
	}
	return nil
}

func parseProduct(fields []string) (timing.Product, error) {
	var q timing.Product
	if len(fields) != 3 {
		return q, fmt.Errorf("want three numbers M,N,K, have %d", len(fields))
	}
	for i, to := range []*int{&q.M, &q.N, &q.K} {
		n, err := strconv.Atoi(strings.TrimSpace(fields[i]))
		if err != nil {
			return q, fmt.Errorf("%q is not a whole number", fields[i])
		}
		*to = n
	}
	return q, nil
}

// readProducts calls f for every line of a file. Its first line names the columns, M,
// N and K among others; without names there are three columns in this order. Lines
// that begin with # are comments.
func readProducts(cmd *cobra.Command, name string, f func(timing.Product) error) error {
	var in io.Reader = cmd.InOrStdin()
	if name != "-" {
		file, _, err := safefile.Open(name, maxProgram)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	bad := func(err error) error { return fileError(fmt.Errorf("products in %s: %w", name, err)) }
	r := csv.NewReader(in)
	r.Comment, r.TrimLeadingSpace, r.FieldsPerRecord = '#', true, -1
	row, err := r.Read()
	if err != nil {
		return bad(fmt.Errorf("no line with the columns' names: %w", err))
	}
	at := [3]int{0, 1, 2}
	if _, notNumbers := parseProduct(row); notNumbers != nil {
		for i, want := range []string{"M", "N", "K"} {
			if at[i] = slices.IndexFunc(row, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), want) }); at[i] < 0 {
				return bad(fmt.Errorf("no column %s among %s", want, strings.Join(row, ",")))
			}
		}
		row, err = r.Read()
	}
	for ; err == nil; row, err = r.Read() {
		line, _ := r.FieldPos(0)
		if len(row) <= slices.Max(at[:]) {
			return bad(fmt.Errorf("line %d: %d columns are too few", line, len(row)))
		}
		q, err := parseProduct([]string{row[at[0]], row[at[1]], row[at[2]]})
		if err != nil {
			return bad(fmt.Errorf("line %d: %w", line, err))
		}
		if err := f(q); err != nil {
			return bad(fmt.Errorf("line %d: %w", line, err))
		}
	}
	if !errors.Is(err, io.EOF) {
		return bad(err)
	}
	return nil
}
