package cpufeat

import (
	"fmt"
	"os"
	"strings"
)

// EnvMax is the environment variable that caps the level.
const EnvMax = "CREASE_CPU_MAX"

// Level is a family of kernels that share an instruction set.
type Level int

const (
	Generic Level = iota // plain Go, every processor
	AVX2                 // amd64 with AVX2 and FMA
	AVX512               // amd64 with AVX-512 F, BW, DQ and VL
	NEON                 // arm64 Advanced SIMD
)

var names = [...]string{Generic: "generic", AVX2: "avx2", AVX512: "avx512", NEON: "neon"}

// String returns the lower-case name that [Parse] accepts.
func (l Level) String() string {
	if l < 0 || int(l) >= len(names) {
		return fmt.Sprintf("Level(%d)", int(l))
	}
	return names[l]
}

// Parse reads a level's name, ignoring case and surrounding space.
func Parse(s string) (Level, error) {
	key := strings.ToLower(strings.TrimSpace(s))
	for l, name := range names {
		if key == name {
			return Level(l), nil
		}
	}
	return Generic, fmt.Errorf("cpufeat: unknown level %q: want generic, avx2 or avx512", s)
}

// selected is fixed before main starts, so hot paths may read it freely.
var selected = choose(detected, os.Getenv(EnvMax))

type choice struct {
	has  [len(names)]bool
	best Level
	err  error
}

func choose(detected []Level, ceiling string) choice {
	limit := Level(len(names))
	var c choice
	if ceiling != "" {
		l, err := Parse(ceiling)
		if err != nil {
			c.err = fmt.Errorf("%s: %w; unset it to use the best level", EnvMax, err)
		} else {
			limit = l
		}
	}
	c.has[Generic] = true
	for _, l := range detected {
		if l <= limit {
			c.has[l] = true
			c.best = max(c.best, l)
		}
	}
	return c
}

// Best returns the highest level available, after the cap of CREASE_CPU_MAX.
func Best() Level { return selected.best }

// Available reports whether kernels of level l may run here. A level above the
// cap of CREASE_CPU_MAX counts as unavailable.
func Available(l Level) bool {
	return l >= 0 && int(l) < len(selected.has) && selected.has[l]
}

// Err reports a CREASE_CPU_MAX that could not be understood, else nil.
func Err() error { return selected.err }
