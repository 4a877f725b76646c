package train

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/crease-ml/crease/internal/safefile"
)

// Claim takes the lock of a file that a run will write checkpoints to, until release is
// called, and removes what runs that were killed left in its folder. It refuses a file
// that another process writes, one that cannot be written, and, unless force is given,
// one that is there and is not the checkpoint that the run goes on from.
func Claim(path, resumed string, force bool) (release func(), err error) {
	safefile.Clean(filepath.Dir(path))
	lock, err := safefile.Lock(path)
	if err != nil {
		return nil, err
	}
	if err = safefile.CheckWrite(path); err == nil && !force {
		err = own(path, resumed)
	}
	if err != nil {
		lock.Unlock()
		return nil, err
	}
	return lock.Unlock, nil
}

// own refuses a file that holds something else than the checkpoint resumed.
func own(path, resumed string) error {
	info, err := os.Stat(path)
	if err != nil {
		return nil // there is none
	}
	if resumed != "" {
		if from, err := os.Stat(resumed); err == nil && os.SameFile(info, from) {
			return nil
		}
	}
	const rest = "replace it with --force, or give another file"
	_, m, err := Open(path)
	if err != nil {
		return &CheckpointError{path, "this file is there and is not a checkpoint of crease: " + rest}
	}
	return &CheckpointError{path, fmt.Sprintf("this file is there and holds step %s of %s of another run of %s: go on with it by --resume, %s", m["step"], m["steps"], m["task"], rest)}
}

// saveAnew writes a checkpoint to a file with this name or, where that is taken, with
// the first free number behind it: nobody has said that a file may be replaced.
func (l *Loop) saveAnew(name string) (path string, err error) {
	ext := filepath.Ext(name)
	path = name
	for i := 2; ; i++ {
		lock, err := safefile.Lock(path)
		used := new(safefile.InUseError)
		switch {
		case errors.As(err, &used):
		case err != nil:
			return "", err
		default:
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				defer lock.Unlock()
				return path, l.Checkpoint(path)
			}
			lock.Unlock()
		}
		path = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(name, ext), i, ext)
	}
}
