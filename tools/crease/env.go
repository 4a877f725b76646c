package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/hostmem"
)

func init() { commands = append(commands, envCommand, versionCommand) }

// machine is what crease sees of the machine and of its environment.
type machine struct {
	Version   string            `json:"version"`
	Go        string            `json:"go"`
	Platform  string            `json:"platform"`
	Processor string            `json:"processor"`
	Kernels   []string          `json:"kernels"`
	Caches    [3]int            `json:"cache_bytes"` // L1 data, L2, L3; 0 is unknown
	CPUs      int               `json:"cpus"`
	Memory    int               `json:"memory_bytes"`
	Variables map[string]string `json:"variables"`
}

func thisMachine() machine {
	c := cpufeat.Caches()
	m := machine{
		Version: version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		Processor: cpufeat.Model(), Caches: [3]int{c.L1, c.L2, c.L3},
		CPUs: runtime.NumCPU(), Memory: int(hostmem.Total()), Variables: map[string]string{},
	}
	for _, l := range []cpufeat.Level{cpufeat.AVX512, cpufeat.AVX2, cpufeat.NEON, cpufeat.Generic} {
		if cpufeat.Available(l) {
			m.Kernels = append(m.Kernels, l.String())
		}
	}
	for _, v := range variables {
		if value, set := os.LookupEnv(v.name); set {
			m.Variables[v.name] = value
		}
	}
	return m
}

func envCommand() *cobra.Command {
	var f common
	c := &cobra.Command{
		Use:   "env",
		Short: "Print what a bug report needs",
		Args:  noArgs,
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		m, p := thisMachine(), &lines{w: cmd.OutOrStdout()}
		if f.output == "json" {
			return writeJSON(p.w, m)
		}
		show := func(name, format string, args ...any) {
			p.printf("%-17s %s\n", name, p.wrap(fmt.Sprintf(format, args...), 18))
		}
		show("crease", "%s", m.Version)
		show("go", "%s %s", m.Go, m.Platform)
		show("processor", "%s", m.Processor)
		show("kernels", "%s", strings.Join(m.Kernels, ", "))
		show("caches", "L1 %d KiB, L2 %d KiB, L3 %d KiB", m.Caches[0]>>10, m.Caches[1]>>10, m.Caches[2]>>10)
		show("processors", "%d", m.CPUs)
		show("memory", "%.1f GiB", float64(m.Memory)/(1<<30))
		p.printf("\n")
		t := p.table(column{"VARIABLE", 16, false}, column{"VALUE", 20, false}, column{"WHAT IT IS", 40, false})
		for _, v := range variables {
			value, set := m.Variables[v.name]
			if !set {
				value = "-"
			}
			t.row(v.name, value, v.doc)
		}
		return p.err
	}
	return f.bindOutput(c, "table", "json")
}

// build says what this binary was made of.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"` // "" when unknown
	Modified bool   `json:"modified"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Version = info.Main.Version
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func versionCommand() *cobra.Command {
	var f common
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version, the commit and the Go version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := &lines{w: cmd.OutOrStdout()}
			if f.output == "json" {
				return writeJSON(p.w, thisBuild())
			}
			p.printf("crease %s\n", version())
			return p.err
		},
	}
	return f.bindOutput(c, "table", "json")
}

// version is the module's version, and the commit it was built from.
func version() string {
	b := thisBuild()
	v := b.Version
	if len(b.Commit) >= 12 {
		v += " (" + b.Commit[:12] + ")"
	}
	return v
}
