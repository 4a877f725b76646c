package main

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crease-ml/crease/bench"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/near"
)

// Flags are checked as they are read, before any work begins. Each kind of value has a
// function here that adds a flag of this kind to a command; what it refuses is a usage
// error that names the flag.

// flag is a pflag.Value whose text is checked when it is set.
type flag struct {
	text string // as printed in the help: the default
	kind string
	set  func(string) error
}

func (f *flag) String() string { return f.text }
func (f *flag) Type() string   { return f.kind }

func (f *flag) Set(s string) error {
	if err := f.set(s); err != nil {
		return err
	}
	f.text = s
	return nil
}

// add adds a flag; letter is its short form or "".
func add(cmd *cobra.Command, name, letter, kind, text, usage string, set func(string) error) {
	cmd.Flags().VarP(&flag{text, kind, set}, name, letter, usage)
}

// wholeFlag adds a whole number from lo to hi. The default need not be in there: 0 for
// "not given".
func wholeFlag(cmd *cobra.Command, at *int, name, letter string, def, lo, hi int, usage string) {
	*at = def
	add(cmd, name, letter, "int", strconv.Itoa(def), usage, func(s string) error {
		n, err := strconv.Atoi(s)
		if err != nil || n < lo || n > hi {
			return fmt.Errorf("want a whole number from %d to %d", lo, hi)
		}
		*at = n
		return nil
	})
}

// listFlag adds whole numbers from lo to hi, with commas between them. The default, which
// is read as a value would be, may be empty.
func listFlag(cmd *cobra.Command, at *[]int, name, def string, lo, hi int, usage string) {
	parsedFlag(cmd, name, "", def, usage, func(s string) error {
		var list []int
		for part := range strings.SplitSeq(s, ",") {
			n, err := strconv.Atoi(part)
			if err != nil || n < lo || n > hi {
				return fmt.Errorf("want whole numbers from %d to %d, comma-separated", lo, hi)
			}
			list = append(list, n)
		}
		*at = list
		return nil
	})
}

// realFlag adds a number above lo, or at it if so wanted, and at most hi.
func realFlag(cmd *cobra.Command, at *float64, name string, lo, hi float64, zero bool, usage string) {
	add(cmd, name, "", "float", "", usage, func(s string) error {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || math.IsNaN(v) || v < lo || v > hi || v == lo && !zero {
			from := "above"
			if zero {
				from = "from"
			}
			return fmt.Errorf("want a number %s %g, at most %g", from, lo, hi)
		}
		*at = v
		return nil
	})
}

// seedFlag adds a seed of random numbers.
func seedFlag(cmd *cobra.Command, at *uint64, usage string) {
	parsedFlag(cmd, "seed", "", "0", usage, func(s string) (err error) {
		if *at, err = strconv.ParseUint(s, 10, 64); err != nil {
			return errors.New("want a whole number from 0 to 2^64-1")
		}
		return nil
	})
}

// timeFlag adds a length of time.
func timeFlag(cmd *cobra.Command, at *time.Duration, name string, def, lo, hi time.Duration, usage string) {
	*at = def
	add(cmd, name, "", "duration", def.String(), usage, func(s string) error {
		d, err := time.ParseDuration(s)
		if err != nil || d < lo || d > hi {
			return fmt.Errorf("want a time from %v to %v, as in 500ms or 5s", lo, hi)
		}
		*at = d
		return nil
	})
}

// choiceFlag adds a choice of words, which the shell completes.
func choiceFlag(cmd *cobra.Command, at *string, name, letter, def string, words []string, usage string) {
	*at = def
	add(cmd, name, letter, "string", def, usage, func(s string) error {
		if !slices.Contains(words, s) {
			return fmt.Errorf("want %s%s", orList(words), near.Hint(s, words))
		}
		*at = s
		return nil
	})
	completes(cmd, name, words)
}

// nameFlag adds a text that is not empty, as names of files are.
func nameFlag(cmd *cobra.Command, at *string, name, def, usage string) {
	*at = def
	add(cmd, name, "", "string", def, usage, func(s string) error {
		if s == "" {
			return errors.New("want a name, it is empty")
		}
		*at = s
		return nil
	})
}

// endingFlag adds a file to write whose name has one of these endings.
func endingFlag(cmd *cobra.Command, at *string, name string, endings []string, usage string) {
	add(cmd, name, "", "string", "", usage, func(s string) error {
		if !slices.Contains(endings, strings.ToLower(filepath.Ext(s))) {
			return fmt.Errorf("want a name that ends in %s", orList(endings))
		}
		*at = s
		return nil
	})
}

// parsedFlag adds a text that parse reads.
func parsedFlag(cmd *cobra.Command, name, letter, def, usage string, parse func(string) error) {
	add(cmd, name, letter, "string", def, usage, parse)
	if def != "" {
		if err := parse(def); err != nil {
			panic(err) // a default of ours
		}
	}
}

// sizesFlag adds sizes as bench.ParseSizes reads them.
func sizesFlag(cmd *cobra.Command, at *[]int, def string) {
	parsedFlag(cmd, "shape", "", def, "sizes: 64, 64-1024*2, 64-256+64, and lists of these", func(s string) (err error) {
		*at, err = bench.ParseSizes(s)
		return err
	})
}

// typesFlag adds element types; most is how many, 0 for any number.
func typesFlag(cmd *cobra.Command, at *[]dtype.Type, most int, usage string) {
	parsedFlag(cmd, "dtype", "", "f32", usage, func(s string) error {
		var list []dtype.Type
		for name := range strings.SplitSeq(s, ",") {
			t, err := dtype.Parse(name)
			if err != nil {
				return fmt.Errorf("no element type %q%s", name, near.Hint(name, typeNames()))
			}
			list = append(list, t)
		}
		if most > 0 && len(list) > most {
			return fmt.Errorf("want %d of them", most)
		}
		*at = list
		return nil
	})
	completes(cmd, "dtype", typeNames())
}

func typeNames() (names []string) {
	for _, t := range dtype.All() {
		names = append(names, t.String())
	}
	return names
}

// threadsFlag adds a number of threads; crease asks for no more than a device takes.
func threadsFlag(cmd *cobra.Command, at *int) {
	wholeFlag(cmd, at, "threads", "", 0, 1, maxThreads, "threads of a cpu device (default: CREASE_THREADS, else all)")
}

// maxThreads is the most that the device cpu takes.
const maxThreads = 4096

// samplesFlag adds the number of samples of a command that measures.
func samplesFlag(cmd *cobra.Command, n *int, usual int) {
	wholeFlag(cmd, n, "repetitions", "r", usual, 1, 10000, "samples of every measurement")
}

// deviceFlag adds the names of devices, whose grammar is checked here.
func deviceFlag(cmd *cobra.Command, at *string, usage string) {
	parsedFlag(cmd, "device", "d", "", usage, func(s string) error {
		for _, name := range deviceNames(s) {
			if _, err := hal.ParseSpec(name); err != nil {
				return err
			}
		}
		*at = s
		return nil
	})
	if err := cmd.RegisterFlagCompletionFunc("device", completeDevice); err != nil {
		panic(err) // the flag was added above
	}
}

// completes lets the shell complete a flag with these words.
func completes(cmd *cobra.Command, name string, words []string) {
	if err := cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the caller has added the flag
	}
}

// orList prints "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// deviceNames splits a list of devices at its commas. Options of a device have commas
// too, so only one before a name separates.
func deviceNames(list string) (out []string) {
	for part := range strings.SplitSeq(list, ",") {
		if len(out) > 0 && strings.Contains(part, "=") && !strings.Contains(part, "@") {
			out[len(out)-1] += "," + part
			continue
		}
		out = append(out, part)
	}
	return out
}
