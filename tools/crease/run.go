package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/data/npy"
	"github.com/crease-ml/crease/onnx"
)

func init() { commands = append(commands, runCommand) }

// runFlags are the flags of crease run.
type runFlags struct {
	common
	inputs  []string
	out     string
	eager   bool
	repeats int
}

// runCommand is crease run, which is crease onnx run too.
func runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run MODEL",
		Short: "Run an ONNX model on arrays",
		Long: "Run an ONNX model on arrays in NumPy's format, one for every input of the model: NAME=FILE,\n" +
			"or FILE in the order of the inputs. Results are printed, or written to files with --save.",
		Example: "  crease run model.onnx --input x.npy -d cpu --save out",
		Args:    wantArgs("one model", 1, 1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	parsedFlag(cmd, "input", "i", "", "an input, FILE.npy or NAME=FILE.npy; may be repeated", func(s string) error {
		if s == "" {
			return errors.New("want a name, it is empty")
		}
		f.inputs = append(f.inputs, s)
		return nil
	})
	nameFlag(cmd, &f.out, "save", "", "write the results to this folder, NAME.npy each")
	cmd.Flags().BoolVar(&f.eager, "eager", false, "run node by node, in place of a compiled graph")
	wholeFlag(cmd, &f.repeats, "repeats", "r", 1, 1, 1_000_000, "run so often, and say how long the last run took")
	return f.bind(cmd, "table", "json")
}

// runResult is one output of a run.
type runResult struct {
	Name  string    `json:"name"`
	Type  string    `json:"type"`
	Shape []int     `json:"shape"`
	File  string    `json:"file,omitempty"`
	Data  []float64 `json:"data,omitempty"` // without --save
}

type runReport struct {
	Model   string      `json:"model"`
	Device  string      `json:"device"`
	Seconds float64     `json:"seconds"` // of the last run
	Outputs []runResult `json:"outputs"`
}

func (f *runFlags) run(cmd *cobra.Command, path string) error {
	dev, err := f.open(cmd)
	if err != nil {
		return err
	}
	m, err := onnx.Load(path)
	if err != nil {
		return err
	}
	defer m.Close()
	in, err := f.read(m, dev)
	if err != nil {
		return err
	}
	s, err := onnx.NewSession(m, dev)
	if err != nil {
		return err
	}
	defer s.Close()
	call := s.RunCompiled
	if f.eager {
		call = s.Run
	}
	var out []onnx.Value
	report := runReport{Model: path, Device: dev.Name()}
	for range f.repeats {
		for _, v := range out {
			v.Free()
		}
		if err := cmd.Context().Err(); err != nil {
			return err
		}
		start := time.Now()
		if out, err = call(in...); err != nil {
			return err
		}
		if err := dev.Sync(); err != nil {
			return err
		}
		report.Seconds = time.Since(start).Seconds()
	}
	for i, v := range out {
		if err := f.result(&report, m.Outputs()[i].Name, v); err != nil {
			return err
		}
	}
	return f.print(cmd, report)
}

// read reads the inputs, by name or in order.
func (f *runFlags) read(m *onnx.Model, dev *crease.Device) ([]onnx.Value, error) {
	want := m.Inputs()
	files := make([]string, len(want))
	next := 0
	for _, arg := range f.inputs {
		name, file, named := strings.Cut(arg, "=")
		at := slices.IndexFunc(want, func(d onnx.Declared) bool { return d.Name == name })
		if !named || at < 0 && fileExists(arg) {
			file = arg
			for next < len(files) && files[next] != "" {
				next++
			}
			at = next
		}
		if at < 0 || at >= len(files) {
			return nil, usagef("--input %s: the model has the inputs %s", arg, describeAll(want))
		}
		files[at] = file
	}
	in := make([]onnx.Value, len(want))
	for i, d := range want {
		if files[i] == "" {
			return nil, usagef("the input %s is missing: give it with --input %s=FILE.npy", d, d.Name)
		}
		h, err := npy.ReadFile(files[i])
		if err != nil {
			return nil, err
		}
		in[i] = onnx.Data{Host: h, Elem: d.Elem}.To(dev)
		if t := d.Elem.DType(); in[i].Tensor.DType() != t {
			return nil, fileError(fmt.Errorf("%s is of %v, the input %s wants %v", files[i], h.DType, d, t))
		}
	}
	return in, nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func describeAll(list []onnx.Declared) string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = d.String()
	}
	return strings.Join(names, ", ")
}

// result notes one output, and writes it if asked to.
func (f *runFlags) result(report *runReport, name string, v onnx.Value) error {
	for i, x := range v.Sequence {
		if err := f.result(report, fmt.Sprintf("%s.%d", name, i), x); err != nil {
			return err
		}
	}
	if v.Tensor == nil {
		return nil
	}
	d, err := v.Data()
	if err != nil {
		return err
	}
	r := runResult{Name: name, Type: d.Elem.String(), Shape: d.Host.Shape}
	if f.out == "" {
		r.Data = d.Host.Float64s()
	} else {
		if err := os.MkdirAll(f.out, 0o777); err != nil {
			return fileError(err)
		}
		// The name is the model's: it must not lead out of the folder.
		r.File = filepath.Join(f.out, strings.Map(fileRune, name)+".npy")
		if err := npy.WriteFile(r.File, d.Host); err != nil {
			return err
		}
	}
	report.Outputs = append(report.Outputs, r)
	return nil
}

// fileRune keeps what is harmless in the name of a file.
func fileRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' {
		return r
	}
	return '_'
}

func (f *runFlags) print(cmd *cobra.Command, report runReport) error {
	if f.output == "json" {
		return writeJSON(cmd.OutOrStdout(), report)
	}
	p := &lines{w: cmd.OutOrStdout()}
	for _, r := range report.Outputs {
		p.printf("%s %s%v", r.Name, r.Type, r.Shape)
		if r.File != "" {
			p.printf(" written to %s\n", r.File)
			continue
		}
		const most = 16
		p.printf(": %s", strings.Trim(fmt.Sprint(r.Data[:min(len(r.Data), most)]), "[]"))
		if len(r.Data) > most {
			p.printf(" ... (%d elements; --save writes them)", len(r.Data))
		}
		p.printf("\n")
	}
	p.printf("%.3g s on %s\n", report.Seconds, report.Device)
	return p.err
}
