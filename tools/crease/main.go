// Command crease trains models and measures kernels on whatever hardware is there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	_ "github.com/crease-ml/crease/cuda"   // NVIDIA GPUs, and their emulation
	_ "github.com/crease-ml/crease/opencl" // devices of the machine's OpenCL drivers
	_ "github.com/crease-ml/crease/tpu"    // emulated systolic arrays

	"github.com/crease-ml/crease"
)

func main() {
	ctx, done := onSignal(context.Background(), os.Stderr, os.Exit)
	shown := showCompiling(os.Stderr)
	root := rootCommand()
	root.SetArgs(os.Args[1:])
	code := execute(ctx, root)
	shown()
	done()
	os.Exit(code)
}

// execute runs the command and prints its error, on one line.
func execute(ctx context.Context, root *cobra.Command) int {
	var err error
	if e := crease.Try(func() { err = root.ExecuteContext(ctx) }); e != nil {
		err = e
	}
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return exitOK
	}
	var end *said
	switch cause := stoppedBy(ctx); {
	case errors.As(err, &end) && cause != nil:
		fmt.Fprintln(root.ErrOrStderr(), "crease:", cause.Error()+": "+end.text)
		return exitCode(cause)
	case cause != nil && (errors.Is(err, context.Canceled) || errors.Is(err, cause)):
		fmt.Fprintln(root.ErrOrStderr(), "crease:", kept(ctx).last(cause))
		return exitCode(cause)
	}
	fmt.Fprintln(root.ErrOrStderr(), "crease:", oneLine(err.Error()))
	return exitCode(err)
}

// said is the end of a command that was stopped and says itself what it kept.
type said struct{ text string }

func (s *said) Error() string { return s.text }
func (s *said) ExitCode() int { return exitInterrupted }

// oneLine puts an error of several lines on one, but for those that show a compiler's
// log below their first.
func oneLine(s string) string {
	if strings.Contains(s, "The compiler says:") {
		return s
	}
	return strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
}
