// Command ptxreport compiles the kernels of the CUDA backend to PTX, has NVIDIA's
// assembler make code of that for several GPUs, and prints what each needs: registers,
// shared memory, and what did not fit into registers. It needs no GPU.
//
//	go run ./tools/ptxreport                      one program a kernel
//	go run ./tools/ptxreport -all -arch sm_90     every program of the suite's cases
//	go run ./tools/ptxreport -fetch               gets ptxas first, from PyPI, by pip
//
// The assembler is looked for in the variable CREASE_PTXAS, in the PATH, and where -fetch
// puts it: the user's cache. It is NVIDIA's and is not distributed with crease. A product,
// convolution or attention that spills, or has a stack, is an error.
package main

import (
	"archive/zip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/crease-ml/crease/internal/devicec"
)

// wheel is the package that has ptxas.
const wheel = "nvidia-cuda-nvcc==13.5.37"

func main() {
	all := flag.Bool("all", false, "every program, not one of each name")
	archs := flag.String("arch", "sm_80,sm_90a,sm_120", "GPUs to make code for, with commas")
	only := flag.String("only", "", "a part of the names of the programs that are wanted")
	fetch := flag.Bool("fetch", false, "get ptxas from PyPI by pip, if it is not there")
	flag.Parse()
	if err := report(os.Stdout, *all, strings.Split(*archs, ","), *only, *fetch); err != nil {
		fmt.Fprintln(os.Stderr, "ptxreport:", err)
		os.Exit(1)
	}
}

// cached is where -fetch puts ptxas.
func cached() (string, error) {
	dir, err := os.UserCacheDir()
	return filepath.Join(dir, "crease", "ptxas"), err
}

func findAssembler(fetch bool) (string, error) {
	if p := os.Getenv("CREASE_PTXAS"); p != "" {
		return p, nil
	}
	if p, err := exec.LookPath("ptxas"); err == nil {
		return p, nil
	}
	p, err := cached()
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(p); err == nil {
		return p, nil
	}
	if !fetch {
		return "", fmt.Errorf("no ptxas in CREASE_PTXAS, in the PATH or at %s: run with -fetch to get it (pip download %s, 47 MB)", p, wheel)
	}
	return p, download(p)
}

// download takes ptxas out of the wheel.
func download(to string) error {
	dir, err := os.MkdirTemp("", "ptxas-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if out, err := exec.Command("pip", "download", "--no-deps", "-q", "-d", dir, wheel).CombinedOutput(); err != nil {
		return fmt.Errorf("pip download %s: %w\n%s", wheel, err, out)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(files) == 0 {
		return errors.Join(err, errors.New("pip brought no wheel"))
	}
	z, err := zip.OpenReader(files[0])
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		if filepath.Base(f.Name) != "ptxas" {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		defer in.Close()
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
		if err != nil {
			return err
		}
		_, err = io.Copy(out, in)
		return errors.Join(err, out.Close())
	}
	return fmt.Errorf("%s has no ptxas", files[0])
}

// usage is what a program needs on a GPU.
type usage struct{ registers, shared, stack, spills int }

var (
	usedPattern   = regexp.MustCompile(`Used (\d+) registers`)
	sharedPattern = regexp.MustCompile(`(\d+) bytes smem`)
	stackPattern  = regexp.MustCompile(`(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads`)
)

func number(pattern *regexp.Regexp, text string, group int) int {
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[group])
	return n
}

// assemble has ptxas make code of a text.
func assemble(ptxas, arch, text string) (usage, error) {
	f, err := os.CreateTemp("", "crease-*.ptx")
	if err != nil {
		return usage{}, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return usage{}, err
	}
	out, err := exec.Command(ptxas, "-arch="+arch, "-v", f.Name(), "-o", os.DevNull).CombinedOutput()
	said := string(out)
	if err != nil {
		return usage{}, fmt.Errorf("%w\n%s", err, said)
	}
	return usage{number(usedPattern, said, 1), number(sharedPattern, said, 1), number(stackPattern, said, 1),
		number(stackPattern, said, 2) + number(stackPattern, said, 3)}, nil
}

// heavy are the kernels whose tiles must stay in registers.
var heavy = regexp.MustCompile(`^(matmul|linear|conv2d|attention)`)

func report(w io.Writer, all bool, archs []string, only string, fetch bool) error {
	ptxas, err := findAssembler(fetch)
	if err != nil {
		return err
	}
	list, err := programs()
	if err != nil {
		return err
	}
	if !all { // the largest of each name
		slices.SortStableFunc(list, func(a, b program) int { return strings.Compare(a.Name, b.Name) })
		list = slices.CompactFunc(list, func(a, b program) bool { return a.Name == b.Name })
	}
	tab := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tab, "PROGRAM\tGPU\tREGISTERS\tSHARED\tSTACK\tSPILLS")
	var wrong []error
	n := 0
	for _, p := range list {
		if !strings.Contains(p.Name, only) {
			continue
		}
		text, err := devicec.Compile(p.Source, devicec.Target{PTX: 70, SM: 80})
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		for _, arch := range archs {
			u, err := assemble(ptxas, arch, text)
			if err != nil {
				wrong = append(wrong, fmt.Errorf("%s for %s: %w", p.Name, arch, err))
				continue
			}
			n++
			fmt.Fprintf(tab, "%s\t%s\t%d\t%d\t%d\t%d\n", p.Name, arch, u.registers, u.shared, u.stack, u.spills)
			if heavy.MatchString(p.Name) && u.stack+u.spills > 0 {
				wrong = append(wrong, fmt.Errorf("%s for %s has a stack of %d bytes and spills %d", p.Name, arch, u.stack, u.spills))
			}
		}
	}
	if err := tab.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d programs assembled by %s\n", n, ptxas)
	return errors.Join(wrong...)
}
