package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/exec"
	"github.com/crease-ml/crease/graph"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/internal/near"
)

// variable is an environment variable that crease reads. check refuses values that mean
// nothing; it is nil for those that are only looked at when they are needed.
type variable struct {
	name, doc string
	check     func(value string) error
}

var variables = []variable{
	{"CREASE_DEVICE", "device when --device is not given", checkDevices},
	{"CREASE_THREADS", "threads of cpu devices", checkThreads},
	{"CREASE_CPU_MAX", "best kernels: avx512, avx2, generic", checkLevel},
	{"CREASE_FALLBACK", "lowest dispatch: ref, lower, error", checkFallback},
	{"CREASE_DEBUG", debug.Doc, checkDebug},
	{"CREASE_PASSES", "passes of the compiler to leave out", checkPasses},
	{"CREASE_DATA", "directory of data sets", nil},
	{"CREASE_OPENCL", "OpenCL library, where it is not found", nil},
	{"CREASE_TUNING", "table of kernel parameters, or off", nil},
	{"CREASE_CACHE", "directory of compiled kernels, or off", nil},
	{"CREASE_OPENBLAS", "OpenBLAS that bench compares with", nil},
	{"CREASE_PYTHON", "Python with NumPy or PyTorch for bench", nil},
	{"NO_COLOR", "output has no colour in any case", nil},
}

// ofTests are variables that only tests read, and crease onnx conformance, which runs some.
var ofTests = []string{"CREASE_FLAGSHIP", "CREASE_FIXTURES", "CREASE_TEST_KILLS", "CREASE_TEST_MAIN"}

// checkVariables refuses values that mean nothing, whatever the command, and names
// variables that nothing reads.
func checkVariables(cmd *cobra.Command) error {
	var names []string
	for _, v := range variables {
		names = append(names, v.name)
		value := os.Getenv(v.name)
		if value == "" || v.check == nil {
			continue
		}
		if err := v.check(value); err != nil {
			return usagef("%s=%q: %w", v.name, value, err)
		}
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "CREASE_") && !slices.Contains(names, name) && !slices.Contains(ofTests, name) {
			fmt.Fprintf(cmd.ErrOrStderr(), "crease: nothing reads the variable %s%s (crease env lists them)\n", name, near.Hint(name, names))
		}
	}
	return nil
}

func checkDevices(value string) error {
	kinds := []string{"auto"}
	for _, d := range hal.Drivers() {
		kinds = append(kinds, d.Kind)
	}
	for _, s := range hal.AbsentKinds() {
		kinds = append(kinds, s.Name)
	}
	for _, name := range deviceNames(value) {
		s, err := hal.ParseSpec(name)
		if err != nil {
			return err
		}
		if !slices.Contains(kinds, s.Kind) {
			return fmt.Errorf("no kind of device is called %q%s", s.Kind, near.Hint(s.Kind, kinds))
		}
	}
	return nil
}

func checkThreads(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 1 || n > maxThreads {
		return fmt.Errorf("want a whole number from 1 to %d", maxThreads)
	}
	return nil
}

func checkLevel(value string) error {
	if _, err := cpufeat.Parse(value); err != nil {
		return fmt.Errorf("want generic, avx2, avx512 or neon%s", near.Hint(value, []string{"generic", "avx2", "avx512", "neon"}))
	}
	return nil
}

func checkFallback(value string) error {
	if _, err := exec.ParseFallback(value); err != nil {
		return fmt.Errorf("want ref, lower or error")
	}
	return nil
}

func checkDebug(value string) error {
	_, err := debug.Parse(value)
	return err
}

func checkPasses(value string) error {
	_, err := graph.ParsePasses(value)
	return err
}
