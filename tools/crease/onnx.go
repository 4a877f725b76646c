package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/onnx"
	"github.com/crease-ml/crease/onnx/conformance"
)

func init() { commands = append(commands, onnxCommand) }

func onnxCommand() *cobra.Command {
	return family("onnx", "Check, run and convert ONNX models",
		onnxCheckCommand(), runCommand(), onnxConvertCommand(), onnxConformanceCommand(), onnxOpsCommand())
}

// modelReport says what a model is and what crease lacks for it.
type modelReport struct {
	Model    string         `json:"model"`
	Producer string         `json:"producer,omitempty"`
	Opset    int            `json:"opset"`
	Nodes    int            `json:"nodes"`
	Inputs   []string       `json:"inputs"`
	Outputs  []string       `json:"outputs"`
	Missing  []onnx.Missing `json:"missing"`
}

func onnxCheckCommand() *cobra.Command {
	var c common
	cmd := &cobra.Command{
		Use:   "check MODEL...",
		Short: "Say whether models are well-formed and which operators are missing",
		Args:  wantArgs("a model", 1, -1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var reports []modelReport
			var failed error
			p := &lines{w: cmd.OutOrStdout()}
			for _, path := range args {
				r, err := checkModel(path)
				if err != nil {
					return err
				}
				reports = append(reports, r)
				if c.output == "table" {
					printModel(p, r)
				}
				if len(r.Missing) > 0 && failed == nil {
					failed = &onnx.UnsupportedError{Path: path, Missing: r.Missing}
				}
			}
			if c.output == "json" {
				if err := writeJSON(cmd.OutOrStdout(), reports); err != nil {
					return err
				}
			}
			if p.err != nil {
				return p.err
			}
			return failed
		},
	}
	return c.bindOutput(cmd, "table", "json")
}

// wantArgs checks the number of arguments; most -1 stands for any.
func wantArgs(what string, least, most int) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < least || most >= 0 && len(args) > most {
			return usagef("want %s, got %d arguments", what, len(args))
		}
		return nil
	}
}

func checkModel(path string) (modelReport, error) {
	m, err := onnx.Open(path)
	if err != nil {
		return modelReport{}, err
	}
	defer m.Close()
	r := modelReport{Model: path, Producer: m.Producer(), Opset: m.Opset(), Nodes: m.Nodes(), Missing: []onnx.Missing{}}
	for _, d := range m.Inputs() {
		r.Inputs = append(r.Inputs, d.String())
	}
	for _, d := range m.Outputs() {
		r.Outputs = append(r.Outputs, d.String())
	}
	if missing, ok := m.Supported().(*onnx.UnsupportedError); ok {
		r.Missing = missing.Missing
	}
	return r, nil
}

func printModel(p *lines, r modelReport) {
	p.printf("%s: opset %d, %d nodes", r.Model, r.Opset, r.Nodes)
	if r.Producer != "" {
		p.printf(", by %s", r.Producer)
	}
	p.printf("\n  in   %s\n  out  %s\n", strings.Join(r.Inputs, ", "), strings.Join(r.Outputs, ", "))
	if len(r.Missing) == 0 {
		p.printf("  every operator is there\n")
		return
	}
	for _, m := range r.Missing {
		p.printf("  missing %s (%d nodes)\n", m.Op, m.Nodes)
	}
}

func onnxOpsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ops",
		Short: "List the ONNX operators that crease has",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range onnx.Operators() {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), name); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// conformanceReport is what onnx conformance prints as JSON.
type conformanceReport struct {
	Device   string                     `json:"device"`
	Compiled bool                       `json:"compiled"`
	Total    int                        `json:"total"`
	Counts   map[conformance.Status]int `json:"counts"`
	Cases    []conformance.Result       `json:"cases"`
}

func onnxConformanceCommand() *cobra.Command {
	var c common
	var list, dataPath, only string
	var compiled bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "conformance",
		Short: "Run ONNX's backend tests and say how each ended",
		Long: "Run ONNX's backend tests and say how each ended: passed, no op, attribute, type, wrong\n" +
			"or error. The list has a class, a tab and suite/name on each line.",
		Example: "  crease onnx conformance --list open.txt --data onnx-backend-open.tar.gz -o json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list == "" {
				if dir := os.Getenv("CREASE_FIXTURES"); dir != "" {
					list = filepath.Join(dir, "onnx", "open.txt")
				} else {
					return usagef("--list says which cases to run (or set CREASE_FIXTURES)")
				}
			}
			if dataPath == "" {
				dataPath = filepath.Join(filepath.Dir(list), "onnx-backend-open.tar.gz")
			}
			dev, err := c.open(cmd)
			if err != nil {
				return err
			}
			cases, err := conformance.List(list)
			if err != nil {
				return fileError(err)
			}
			files, err := conformance.Open(dataPath)
			if err != nil {
				return fileError(err)
			}
			r := conformanceReport{Device: dev.Name(), Compiled: compiled, Counts: map[conformance.Status]int{}}
			p := &lines{w: cmd.OutOrStdout()}
			for _, x := range cases {
				if err := cmd.Context().Err(); err != nil {
					return err
				}
				if !strings.Contains(x.Name, only) {
					continue
				}
				end := conformance.Run(files, x, conformance.Options{Device: dev, Compiled: compiled, Timeout: timeout})
				r.Total++
				r.Counts[end.Status]++
				r.Cases = append(r.Cases, end)
				if c.output == "table" && end.Status != conformance.Passed {
					detail, _, _ := strings.Cut(end.Detail, "\n")
					p.printf("%-9s  %s: %s\n", end.Status, x.Name, detail)
				}
			}
			if c.output == "json" {
				return writeJSON(cmd.OutOrStdout(), r)
			}
			var counts []string
			for s, n := range r.Counts {
				counts = append(counts, fmt.Sprintf("%s %d", s, n))
			}
			slices.Sort(counts)
			p.printf("%d cases on %s: %s\n", r.Total, dev, strings.Join(counts, ", "))
			return p.err
		},
	}
	nameFlag(cmd, &list, "list", "", "file that lists the cases (default: open.txt of CREASE_FIXTURES)")
	nameFlag(cmd, &dataPath, "data", "", "folder or .tar.gz file of the cases (default: onnx-backend-open.tar.gz beside the list)")
	nameFlag(cmd, &only, "only", "", "run cases with this in their name")
	cmd.Flags().BoolVar(&compiled, "compiled", false, "compile every model, in place of running it node by node")
	timeFlag(cmd, &timeout, "timeout", time.Minute, time.Millisecond, time.Hour, "time that a case may take")
	return c.bind(cmd, "table", "json")
}
