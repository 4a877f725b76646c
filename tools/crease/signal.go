package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/crease-ml/crease/internal/safefile"
)

// A signal asks a command to end. Its context is cancelled, and the command has a moment
// to keep what it has and to say so. One that is in the middle of something that cannot
// be stopped, a driver's compiler or a long kernel, is ended where it stands: files
// appear whole or not at all, so nothing is left half written.

const (
	// patience is how long a command may take to end by itself.
	patience = 800 * time.Millisecond
	// savingPatience is how long it may take if it is writing a file, or has said that
	// it finishes something first ([keeper.finishing]).
	savingPatience = time.Minute
)

// signalled is the cause of a context that a signal has cancelled.
type signalled struct {
	name   string
	number int
}

func (s *signalled) Error() string { return "stopped by " + s.name }

// signals are those that end a command.
var signals = map[os.Signal]*signalled{
	os.Interrupt:    {"Ctrl-C", 2},
	syscall.SIGTERM: {"SIGTERM", 15},
	syscall.SIGHUP:  {"SIGHUP", 1},
}

// keeper knows what a command would leave behind if it were stopped now.
type keeper struct {
	mu    sync.Mutex
	text  string
	grace time.Duration // for finishing; 0 for none
}

type keeperKey struct{}

// kept returns the keeper of a command's context.
func kept(ctx context.Context) *keeper {
	if k, ok := ctx.Value(keeperKey{}).(*keeper); ok {
		return k
	}
	return &keeper{}
}

// set says what has been kept so far.
func (k *keeper) set(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.text = fmt.Sprintf(format, args...)
}

// finishing says that ending well may take so long, because work would be lost
// otherwise; 0 takes it back.
func (k *keeper) finishing(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.grace = d
}

// last returns the line that says what was kept.
func (k *keeper) last(cause *signalled) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	text := k.text
	if text == "" {
		text = "nothing was kept"
	}
	return cause.Error() + ": " + text
}

func (k *keeper) patience() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	return max(patience, min(k.grace, savingPatience))
}

// onSignal returns a context that a signal cancels, with a keeper. If the command has not
// called done by then, exit is called with the code of the signal: when its patience is
// over, or at a second signal.
func onSignal(ctx context.Context, errs io.Writer, exit func(int)) (_ context.Context, done func()) {
	k := &keeper{}
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, keeperKey{}, k))
	came := make(chan os.Signal, 2)
	for s := range signals {
		if !signal.Ignored(s) { // nohup's programs go on
			signal.Notify(came, s)
		}
	}
	over := make(chan struct{})
	go func() {
		var cause *signalled
		select {
		case s := <-came:
			cause = signals[s]
		case <-over:
			return
		}
		cancel(cause)
		wait := k.patience()
		if wait > patience {
			fmt.Fprintf(errs, "\ncrease: %s: this step is finished and saved first; once more stops at once\n", cause.name)
		}
		timer := time.After(wait)
		deadline := time.Now().Add(savingPatience)
		for waiting := true; waiting; {
			select {
			case <-over:
				return
			case <-came:
				waiting = false
			case <-timer:
				if waiting = safefile.Writing() && time.Now().Before(deadline); waiting {
					timer = time.After(50 * time.Millisecond)
				}
			}
		}
		fmt.Fprintln(errs, "crease:", k.last(cause))
		exit(exitSignal + cause.number)
	}()
	var once sync.Once
	return ctx, func() {
		once.Do(func() {
			signal.Stop(came)
			close(over)
			cancel(nil)
		})
	}
}

// stoppedBy returns the signal that cancelled a context, nil if none did.
func stoppedBy(ctx context.Context) *signalled {
	s, _ := context.Cause(ctx).(*signalled)
	return s
}
