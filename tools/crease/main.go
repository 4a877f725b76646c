// Command crease trains models and measures kernels on whatever hardware is there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	_ "github.com/crease-ml/crease/cuda"   // NVIDIA GPUs, and their emulation
	_ "github.com/crease-ml/crease/opencl" // devices of the machine's OpenCL drivers
	_ "github.com/crease-ml/crease/tpu"    // emulated systolic arrays

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/tools/crease/train"
)

// Exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitDevice      = 3   // a device asked for is not there
	exitTolerance   = 4   // a result is outside its tolerance
	exitInput       = 5   // a bad input file (errors say so by an ExitCode method)
	exitInterrupted = 130 // stopped by Ctrl-C, after saving
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C stops at once.
	context.AfterFunc(ctx, stop)
	root := rootCommand()
	root.SetArgs(os.Args[1:])
	os.Exit(execute(ctx, root))
}

// execute runs the command and prints its error.
func execute(ctx context.Context, root *cobra.Command) int {
	var err error
	if e := crease.Try(func() { err = root.ExecuteContext(ctx) }); e != nil {
		err = e
	}
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return 0
	}
	fmt.Fprintln(root.ErrOrStderr(), "crease:", err)
	return exitCode(err)
}

// exitError gives an error an exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }
func (e *exitError) ExitCode() int { return e.code }

// usageError marks a mistake on the command line; nil stays nil.
func usageError(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

func exitCode(err error) int {
	var coded interface{ ExitCode() int }
	var absent *hal.AbsentError
	var spec *hal.SpecError
	switch {
	case errors.As(err, &coded):
		return coded.ExitCode()
	case errors.As(err, &absent):
		return exitDevice
	case errors.As(err, &spec):
		return exitUsage
	case errors.Is(err, train.ErrInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}
