package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/crease-ml/crease/hal"
)

// The exit codes. A command ends with
//
//	0    when it did what was asked
//	1    when it failed for another reason than those below
//	2    when a flag, an argument or an environment variable has a value that means nothing
//	3    when a device that was asked for is not there
//	4    when a result is outside its tolerance
//	5    when a file cannot be read, written or understood, or is another's
//	128  plus the signal's number when a signal stopped it: 130 after Ctrl-C
//
// A misuse of the library that a command's own checks let through ends with 1.
// Errors of packages say that they are about a file by a method ExitCode; those about
// devices are known by their types.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitDevice      = 3
	exitTolerance   = 4
	exitInput       = 5
	exitSignal      = 128
	exitInterrupted = exitSignal + 2
)

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

// usagef is a new usage error.
func usagef(format string, args ...any) error { return usageError(fmt.Errorf(format, args...)) }

// fileError marks a file that cannot be used; nil stays nil.
func fileError(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitInput, err}
}

// exitCode looks an error up in the table.
func exitCode(err error) int {
	var stopped *signalled
	var coded interface{ ExitCode() int }
	var absent *hal.AbsentError
	var spec *hal.SpecError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &stopped):
		return exitSignal + stopped.number
	case errors.As(err, &absent):
		return exitDevice
	case errors.As(err, &spec):
		return exitUsage
	case errors.As(err, &coded):
		return coded.ExitCode()
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}
