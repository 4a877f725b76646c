package cpu

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/cpufeat"
)

const kind = "cpu"

func init() {
	hal.Register(hal.Driver{Kind: kind, Probe: probe, Open: open})
}

// maxThreads bounds what a device name or CREASE_THREADS may ask for.
const maxThreads = 4096

// levels are the instruction-set levels of this architecture, best first.
func levels() []cpufeat.Level {
	switch runtime.GOARCH {
	case "amd64":
		return []cpufeat.Level{cpufeat.AVX512, cpufeat.AVX2, cpufeat.Generic}
	case "arm64":
		return []cpufeat.Level{cpufeat.NEON, cpufeat.Generic}
	}
	return []cpufeat.Level{cpufeat.Generic}
}

func probe() []hal.Status {
	threads, err := defaultThreads()
	if err == nil {
		err = cpufeat.Err()
	}
	var out []hal.Status
	for _, l := range levels() {
		s := hal.Status{Name: kind + "/" + l.String()}
		switch {
		case err != nil:
			s.Reason, s.Remedy = err.Error(), "Correct the variable or unset it."
		case !cpufeat.Available(l):
			s.Reason, s.Remedy = absence(l)
		default:
			s.Present, s.Info = true, info(s.Name, l, threads)
		}
		out = append(out, s)
	}
	return out
}

func absence(l cpufeat.Level) (reason, remedy string) {
	return fmt.Sprintf("this processor (%s) or this build has no %s kernels", cpufeat.Model(), l), "Use cpu, which takes the best level there is."
}

func open(spec hal.Spec) (hal.Device, error) {
	if err := cpufeat.Err(); err != nil {
		return nil, &hal.AbsentError{Device: spec.String(), Reason: err.Error(), Remedy: "Correct the variable or unset it."}
	}
	if spec.Index != "" && spec.Index != "0" {
		return nil, &hal.AbsentError{Device: spec.String(), Reason: "the machine's processors are one device, index 0", Remedy: "Use cpu."}
	}
	level := cpufeat.Best()
	if spec.Arch != "" {
		l, err := cpufeat.Parse(spec.Arch)
		if err != nil || !slices.Contains(levels(), l) {
			return nil, &hal.SpecError{Spec: spec.String(), Reason: fmt.Sprintf("no arch %q here; there are %v", spec.Arch, levels())}
		}
		if !cpufeat.Available(l) {
			reason, remedy := absence(l)
			return nil, &hal.AbsentError{Device: spec.String(), Reason: reason, Remedy: remedy}
		}
		level = l
	}
	threads, err := defaultThreads()
	if err != nil {
		return nil, err
	}
	if err := spec.CheckOptions("threads"); err != nil {
		return nil, err
	}
	if s, given := spec.Options["threads"]; given {
		if threads, err = parseThreads(s); err != nil {
			return nil, &hal.SpecError{Spec: spec.String(), Reason: "threads: " + err.Error()}
		}
	}
	return newDevice(spec.String(), level, threads), nil
}

// defaultThreads is CREASE_THREADS, or what the scheduler uses.
func defaultThreads() (int, error) {
	s := os.Getenv("CREASE_THREADS")
	if s == "" {
		return runtime.GOMAXPROCS(0), nil
	}
	n, err := parseThreads(s)
	if err != nil {
		return 0, fmt.Errorf("CREASE_THREADS: %w", err)
	}
	return n, nil
}

func parseThreads(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxThreads {
		return 0, fmt.Errorf("%q: want a number from 1 to %d", s, maxThreads)
	}
	return n, nil
}
