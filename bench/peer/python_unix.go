//go:build unix

package peer

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// isolate puts the process at the head of a group of its own. Ctrl-C at a terminal
// then reaches crease alone, and killing the group reaches a Python that was started
// through a wrapper script.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); !errors.Is(err, syscall.ESRCH) {
			return err
		}
		return os.ErrProcessDone
	}
}
