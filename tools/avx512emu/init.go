//go:build linux

// Command avx512emu is the first process of the emulated machine that run.sh boots.
// It mounts the file systems a Go test expects, refuses a processor without
// AVX-512 (F, BW, DQ, VL), so that a pass is never a skipped kernel, runs each test
// binary under /tests in its own folder, and powers the machine off.
//
// Everything it prints goes to the serial console. The last line holds the number of
// failed binaries and the word run.sh waits for; without that line the run failed.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/cpu"
	"golang.org/x/sys/unix"
)

// root holds args (one test flag a line) and, for each package, a numbered folder
// with name (its import path), test (its binary) and its testdata.
const root = "/tests"

func main() {
	// Outside the emulator a power-off would hit the machine of whoever ran this.
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "avx512emu: this is the emulated machine's init; use run.sh")
		os.Exit(2)
	}
	failed, err := guest()
	if err != nil {
		fmt.Printf("avx512emu: %v\n", err)
	} else {
		fmt.Printf("avx512emu: finished, %d failed\n", failed)
	}
	// TCSBRK with 1 waits for the serial line to send what is buffered (tcdrain).
	if err := unix.IoctlSetInt(int(os.Stdout.Fd()), unix.TCSBRK, 1); err != nil {
		fmt.Printf("avx512emu: drain the console: %v\n", err)
	}
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Printf("avx512emu: power off: %v\n", err)
	}
}

// guest prepares the machine, runs the binaries and counts those that failed.
func guest() (failed int, err error) {
	for _, m := range []struct{ kind, at string }{
		{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/tmp"},
	} {
		if err := os.MkdirAll(m.at, 0o755); err != nil {
			return 0, err
		}
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil {
			return 0, fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	x := &cpu.X86
	fmt.Printf("avx512emu: up after %s; F %t, BW %t, DQ %t, VL %t, VNNI %t, BF16 %t\n", uptime(),
		x.HasAVX512F, x.HasAVX512BW, x.HasAVX512DQ, x.HasAVX512VL, x.HasAVX512VNNI, x.HasAVX512BF16)
	if !x.HasAVX512F || !x.HasAVX512BW || !x.HasAVX512DQ || !x.HasAVX512VL {
		return 0, fmt.Errorf("the emulated processor lacks AVX-512: choose another CPU_MODEL")
	}
	flags, err := os.ReadFile(filepath.Join(root, "args"))
	if err != nil {
		return 0, err
	}
	binaries, err := fs.Glob(os.DirFS(root), "*/test")
	if err != nil {
		return 0, err
	}
	if len(binaries) == 0 {
		return 0, fmt.Errorf("no test binary under %s", root)
	}
	for _, b := range binaries {
		if !run(filepath.Join(root, filepath.Dir(b)), strings.Fields(string(flags))) {
			failed++
		}
	}
	return failed, nil
}

// run runs the test binary of one folder and reports whether it passed.
func run(dir string, flags []string) bool {
	name, err := os.ReadFile(filepath.Join(dir, "name"))
	if err != nil {
		fmt.Printf("FAIL\t%s\t%v\n", dir, err)
		return false
	}
	c := exec.Command("./test", flags...)
	c.Dir, c.Stdout, c.Stderr = dir, os.Stdout, os.Stderr
	c.Env = []string{"HOME=/tmp", "TMPDIR=/tmp", "PATH=/"}
	start := time.Now()
	err = c.Run()
	took := time.Since(start).Round(time.Millisecond)
	if err != nil {
		fmt.Printf("FAIL\t%s\t%v\t%v emulated\n", strings.TrimSpace(string(name)), err, took)
		return false
	}
	fmt.Printf("ok\t%s\t%v emulated\n", strings.TrimSpace(string(name)), took)
	return true
}

// uptime is the emulated time since the kernel started, as the kernel writes it.
func uptime() string {
	text, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return err.Error()
	}
	seconds, _, _ := strings.Cut(string(text), " ")
	return seconds + " s"
}
