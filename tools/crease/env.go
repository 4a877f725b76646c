package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/hostmem"
)

func init() { commands = append(commands, envCommand, versionCommand) }

// variables are the environment variables that crease reads.
var variables = []struct{ name, doc string }{
	{"CREASE_DEVICE", "device when --device is not given"},
	{"CREASE_THREADS", "threads of cpu devices"},
	{"CREASE_CPU_MAX", "best kernels: avx512, avx2, generic"},
	{"CREASE_FALLBACK", "lowest dispatch: ref, lower, error"},
	{"CREASE_DEBUG", "1 prints plans as made, 2 kernels too"},
	{"CREASE_DATA", "directory of data sets"},
	{"CREASE_OPENCL", "OpenCL library, where it is not found"},
	{"CREASE_TUNING", "table of kernel parameters, or off"},
	{"CREASE_CACHE", "directory of compiled kernels, or off"},
	{"CREASE_OPENBLAS", "OpenBLAS that bench compares with"},
	{"CREASE_PYTHON", "Python with NumPy or PyTorch for bench"},
	{"NO_COLOR", "output has no colour in any case"},
}

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
		p.printf("%-17s %s\n", "crease", m.Version)
		p.printf("%-17s %s %s\n", "go", m.Go, m.Platform)
		p.printf("%-17s %s\n", "processor", m.Processor)
		p.printf("%-17s %s\n", "kernels", strings.Join(m.Kernels, ", "))
		p.printf("%-17s L1 %d KiB, L2 %d KiB, L3 %d KiB\n", "caches", m.Caches[0]>>10, m.Caches[1]>>10, m.Caches[2]>>10)
		p.printf("%-17s %d\n", "processors", m.CPUs)
		p.printf("%-17s %.1f GiB\n\n", "memory", float64(m.Memory)/(1<<30))
		for _, v := range variables {
			value, set := m.Variables[v.name]
			if !set {
				value = "-"
			}
			p.printf("%-17s %-22s %s\n", v.name, clip(value, 22), v.doc)
		}
		return p.err
	}
	return f.bindOutput(c, "table", "json")
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := &lines{w: cmd.OutOrStdout()}
			p.printf("crease %s\n", version())
			return p.err
		},
	}
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.revision" })
	if i >= 0 && len(info.Settings[i].Value) >= 12 {
		v += " (" + info.Settings[i].Value[:12] + ")"
	}
	return v
}
