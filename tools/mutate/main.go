// Command mutate plants mistakes in packages, one at a time, and runs the nearest tests:
// a mistake that no test notices, a survivor, is printed with its place and its change.
//
//	go run ./tools/mutate -n 100 -seed 7                the default packages
//	go run ./tools/mutate -n 20 optim data/safetensors  these
//	go run ./tools/mutate -at optim/clip.go:40          every mistake of a file or line
//	go run ./tools/mutate -list data | wc -l            what could be planted, without a run
//
// Its parts: mistake.go finds the places in a syntax tree, package.go lists packages and
// the tests nearest to them, trial.go runs a mistake, known.go has those that change
// nothing that can be observed, with the reason. To add a kind of mistake, add a case to
// finder.visit and a line to the test's table.
//
// The tree is never written to: go test takes the changed file from a temporary folder
// by -overlay. A test that hangs, or asks for more memory than -memory, counts as one
// that noticed. What the compiler refuses is no mistake, and another one is drawn.
//
// The exit status is 1 where survivors are more than -limit percent, and 2 where the
// command itself fails: a package is not there, or its tests fail without a mistake.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

// options are what the flags say.
type options struct {
	count   int // mistakes to plant, 0 for all
	seed    uint64
	output  string  // text or json
	limit   float64 // percent
	budget  time.Duration
	timeout time.Duration // of one package's tests
	memory  int           // MiB of address space of a test, 0 for any
	at      string        // FILE or FILE:LINE
	list    bool
	verbose bool
}

// Report is what a run found, as -o json prints it.
type Report struct {
	Seed       uint64   `json:"seed"`
	Places     int      `json:"places"` // where a mistake could be planted
	Planted    int      `json:"planted"`
	Caught     int      `json:"caught"`
	TimedOut   int      `json:"timed_out"` // part of caught
	Survived   int      `json:"survived"`
	Equivalent int      `json:"equivalent"`   // known ones that were drawn, not planted
	Refused    int      `json:"not_compiled"` // drawn, but the compiler refuses them
	Rate       float64  `json:"survival_percent"`
	Seconds    float64  `json:"seconds"`
	Trials     []*Trial `json:"trials"`
}

func main() {
	var o options
	flag.IntVar(&o.count, "n", 20, "mistakes to plant, 0 for all")
	flag.Uint64Var(&o.seed, "seed", 1, "what the sample is drawn by")
	flag.StringVar(&o.output, "o", "text", "text or json")
	flag.Float64Var(&o.limit, "limit", 2, "percent of survivors above which the command fails")
	flag.DurationVar(&o.budget, "budget", 0, "draw no further mistake after this time, 0 for no limit")
	flag.DurationVar(&o.timeout, "timeout", 2*time.Minute, "time of one package's tests, over three times what they take without a mistake, after which they count as hanging")
	flag.IntVar(&o.memory, "memory", 16<<10, "MiB of address space that a test may have (Unix), 0 for any")
	flag.StringVar(&o.at, "at", "", "only mistakes of FILE or FILE:LINE")
	flag.BoolVar(&o.list, "list", false, "list the mistakes and plant none")
	flag.BoolVar(&o.verbose, "v", false, "print every mistake as it ends, to standard error")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	report, err := run(ctx, os.Stdout, os.Stderr, o, flag.Args())
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "mutate:", err)
		os.Exit(2)
	case report.Rate > o.limit:
		os.Exit(1)
	}
}

// run plants and prints. progress gets a line per mistake where the user wants that.
func run(ctx context.Context, out, progress io.Writer, o options, names []string) (*Report, error) {
	if o.output != "text" && o.output != "json" {
		return nil, fmt.Errorf("-o %s: the output is text or json", o.output)
	}
	if o.count < 0 || o.memory < 0 {
		return nil, errors.New("-n and -memory are counts, and not below 0")
	}
	pkgs, err := load(ctx, names)
	if err != nil {
		return nil, err
	}
	mistakes, err := find(pkgs, o.at)
	if err != nil {
		return nil, err
	}
	if o.list {
		for _, m := range mistakes {
			fmt.Fprintln(out, m)
		}
		return &Report{Places: len(mistakes)}, nil
	}
	start := time.Now()
	r := &Report{Seed: o.seed, Places: len(mistakes), Trials: []*Trial{}}
	rand.New(rand.NewPCG(o.seed, 0)).Shuffle(len(mistakes), func(i, j int) { mistakes[i], mistakes[j] = mistakes[j], mistakes[i] })
	b, err := newBench(o)
	if err != nil {
		return nil, err
	}
	defer b.close()
	for _, m := range mistakes {
		if o.count > 0 && r.Planted == o.count || o.budget > 0 && time.Since(start) > o.budget {
			break
		}
		if reason := equivalent(m); reason != "" {
			r.Equivalent++
			continue
		}
		t, err := b.try(ctx, m)
		if err != nil {
			return nil, err
		}
		if t.Result == refused {
			r.Refused++
			continue
		}
		r.add(t)
		if o.verbose {
			fmt.Fprintf(progress, "%d %-9s %5.1f s  %s\n", r.Planted, t.Result, t.Seconds, m)
		}
	}
	r.Seconds = time.Since(start).Seconds()
	return r, r.print(out, o.output)
}

// add counts a trial.
func (r *Report) add(t *Trial) {
	r.Trials = append(r.Trials, t)
	r.Planted++
	switch t.Result {
	case survived:
		r.Survived++
	case timedOut:
		r.TimedOut++
		r.Caught++
	default:
		r.Caught++
	}
	r.Rate = 100 * float64(r.Survived) / float64(r.Planted)
}

func (r *Report) print(w io.Writer, output string) error {
	if output == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	for _, t := range r.Trials {
		if t.Result == survived {
			fmt.Fprintf(w, "survived  %s\n", t.mistake)
		}
	}
	_, err := fmt.Fprintf(w, "%d mistakes at %d places (seed %d): %d caught (%d by time), %d survived, %.1f %%; %d known to change nothing and %d that do not compile were left out; %.0f s\n",
		r.Planted, r.Places, r.Seed, r.Caught, r.TimedOut, r.Survived, r.Rate, r.Equivalent, r.Refused, r.Seconds)
	return err
}

// place splits FILE:LINE; line is 0 where only a file is given.
func place(at string) (file string, line int, err error) {
	file, number, ok := strings.Cut(at, ":")
	if !ok {
		return file, 0, nil
	}
	if line, err = strconv.Atoi(number); err != nil || line < 1 {
		return "", 0, fmt.Errorf("-at %s: want FILE or FILE:LINE", at)
	}
	return file, line, nil
}
