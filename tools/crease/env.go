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
	{"CREASE_DEBUG", "2 prints a line for every kernel"},
	{"CREASE_DATA", "directory of data sets"},
	{"CREASE_OPENBLAS", "OpenBLAS that bench compares with"},
	{"NO_COLOR", "output has no colour in any case"},
}

func envCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print what a bug report needs",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p := &lines{w: cmd.OutOrStdout()}
			p.printf("%-17s %s\n", "crease", version())
			p.printf("%-17s %s %s/%s\n", "go", runtime.Version(), runtime.GOOS, runtime.GOARCH)
			p.printf("%-17s %s\n", "processor", cpufeat.Model())
			var levels []string
			for _, l := range []cpufeat.Level{cpufeat.AVX512, cpufeat.AVX2, cpufeat.NEON, cpufeat.Generic} {
				if cpufeat.Available(l) {
					levels = append(levels, l.String())
				}
			}
			p.printf("%-17s %s\n", "kernels", strings.Join(levels, ", "))
			c := cpufeat.Caches()
			p.printf("%-17s L1 %d KiB, L2 %d KiB, L3 %d KiB\n", "caches", c.L1>>10, c.L2>>10, c.L3>>10)
			p.printf("%-17s %d\n", "processors", runtime.NumCPU())
			p.printf("%-17s %.1f GiB\n", "memory", float64(hostmem.Total())/(1<<30))
			p.printf("\n")
			for _, v := range variables {
				value, set := os.LookupEnv(v.name)
				if !set {
					value = "-"
				}
				p.printf("%-17s %-22s %s\n", v.name, clip(value, 22), v.doc)
			}
			return p.err
		},
	}
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
