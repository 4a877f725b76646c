//go:build unix

package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// within fails the test where f takes longer: a hang is what these files used to bring.
func within(t *testing.T, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatalf("%s hangs", what)
	}
}

// specials makes files that are not regular.
func specials(t *testing.T) map[string]string {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"FIFO": fifo, "folder": t.TempDir(), "device": "/dev/zero", "null": "/dev/null"}
}

func TestSpecialFilesAreRefused(t *testing.T) {
	for name, path := range specials(t) {
		before, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		within(t, name, func() {
			var bad *Error
			if _, err := Read(path, 1<<20); !errors.As(err, &bad) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: Read: %v", name, err)
			}
			if _, err := ReadPrivate(path, 1<<20); !errors.As(err, &bad) {
				t.Errorf("%s: ReadPrivate: %v", name, err)
			}
			if err := CheckWrite(path); !errors.As(err, &bad) {
				t.Errorf("%s: CheckWrite: %v", name, err)
			}
			if err := Write(path, 0o600, text("x")); !errors.As(err, &bad) || !strings.Contains(err.Error(), "not a regular file") {
				t.Errorf("%s: Write: %v", name, err)
			}
			if _, err := Append(path, 0o600); !errors.As(err, &bad) {
				t.Errorf("%s: Append: %v", name, err)
			}
			if _, err := Lock(path); !errors.As(err, &bad) {
				t.Errorf("%s: Lock: %v", name, err)
			}
		})
		if after, err := os.Lstat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s is another file now (%v)", name, err)
		}
	}
}

func TestReadIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := Read(path, 100); err != nil || len(b) != 100 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	if err := os.Truncate(path, 1<<40); err != nil { // a sparse file costs nothing
		t.Skip(err)
	}
	if _, err := Read(path, 100); err == nil || !strings.Contains(err.Error(), "limit of 100") {
		t.Errorf("a file of a tebibyte: %v", err)
	}
	if _, err := Read(path+"absent", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
}

func TestBegins(t *testing.T) {
	dir := t.TempDir()
	for text, want := range map[string]bool{"": true, "ab": false, "abc": true, "abcd": true, "abd": false} {
		path := filepath.Join(dir, "x"+text)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := Begins(path, "abc"); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	if got, err := Begins(filepath.Join(dir, "absent"), "abc"); err != nil || !got {
		t.Errorf("a file that is not there: %v, %v", got, err)
	}
	var bad *Error
	if _, err := Begins(dir, "abc"); !errors.As(err, &bad) {
		t.Errorf("a folder: %v", err)
	}
}

func TestWriteFollowsLinks(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	link, direct := filepath.Join(dir, "link"), filepath.Join(other, "file")
	for _, to := range []string{direct, filepath.Join("..", filepath.Base(other), "file")} {
		os.Remove(link)
		if filepath.IsAbs(to) {
			os.Remove(direct) // a link to nothing yet
		}
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
		if err := Write(link, 0o640, text(to)); err != nil {
			t.Errorf("link to %s: %v", to, err)
		}
		if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
			t.Errorf("the link to %s was replaced by a file (%v)", to, err)
		}
		if b, err := os.ReadFile(direct); err != nil || string(b) != to {
			t.Errorf("the file of the link to %s holds %q (%v)", to, b, err)
		}
	}
	for _, to := range []string{"/dev/null", "circle"} {
		if err := os.Symlink(to, filepath.Join(dir, filepath.Base(to))); err != nil {
			t.Fatal(err)
		}
		var bad *Error
		if err := Write(filepath.Join(dir, filepath.Base(to)), 0o600, text("x")); !errors.As(err, &bad) {
			t.Errorf("a link to %s: %v", to, err)
		}
	}
	if info, err := os.Stat("/dev/null"); err != nil || info.Mode()&fs.ModeDevice == 0 {
		t.Fatalf("/dev/null is %v now (%v)", info, err)
	}
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, line := range []string{"one", "two"} {
		f, err := Append(path, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(line); err != nil {
			t.Error(err)
		}
		f.Close()
	}
	if b, err := os.ReadFile(path); string(b) != "onetwo" {
		t.Errorf("the file holds %q (%v)", b, err)
	}
}

func TestWriteKeepsPermissions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, 0o644, text("x")); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o604 {
		t.Errorf("mode %v, it was rw----r--", info.Mode())
	}
}

func TestCheckWrite(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, good := range []string{file, filepath.Join(dir, "new"), filepath.Join(dir, strings.Repeat("n", 255))} {
		if err := CheckWrite(good); err != nil {
			t.Error(err)
		}
	}
	for what, bad := range map[string]string{
		"no name": "", "below a file": filepath.Join(file, "x"), "no folder": filepath.Join(dir, "absent", "x"),
		"too long": filepath.Join(dir, strings.Repeat("n", 256)), "slash": file + "x/", "zero byte": dir + "/a\x00b",
	} {
		var e *Error
		if err := CheckWrite(bad); !errors.As(err, &e) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "old" {
		t.Errorf("the file holds %q now (%v)", b, err)
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%d files, want 1", len(list))
	}
}

// A disk that is full leaves the old file. /dev/full is no help: it is a device.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("no small file system can be mounted: %v %s", err, out)
	}
	defer exec.Command("umount", dir).Run()
	path := filepath.Join(dir, "f")
	if err := Write(path, 0o600, text("old")); err != nil {
		t.Fatal(err)
	}
	err := Write(path, 0o600, text(strings.Repeat("x", 1<<20)))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the file holds %d bytes now", len(b))
	}
	if list, _ := os.ReadDir(dir); len(list) != 1 {
		t.Errorf("%d files are left", len(list))
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	l, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("f", link); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{path, link} { // two names of one file
		var used *InUseError
		if _, err := Lock(p); !errors.As(err, &used) || used.Process != os.Getpid() {
			t.Errorf("locking twice: %v", err)
		}
	}
	if other, err := Lock(path + "2"); err != nil {
		t.Error(err)
	} else {
		other.Unlock()
	}
	if err := Write(path, 0o600, text("x")); err != nil { // the holder's
		t.Error(err)
	}
	Clean(dir) // leaves what is in use
	if _, err := Lock(path); err == nil {
		t.Error("cleaning broke the lock")
	}
	l.Unlock()
	l.Unlock()
	if l, err = Lock(path); err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("%d files are left", len(list))
	}
}

// Processes that take the lock in turns never have it at once.
func TestLockIsExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	held := make(chan bool, 1) // full while somebody has the lock
	done := make(chan int)
	for range 4 {
		go func() {
			n := 0
			for n < 200 {
				l, err := Lock(path)
				if err != nil {
					continue
				}
				select {
				case held <- true:
				default:
					t.Error("two have the lock")
				}
				<-held
				l.Unlock()
				n++
			}
			done <- n
		}()
	}
	for range 4 {
		<-done
	}
}

// TestMain lets the test start itself as a process that dies while it writes.
func TestMain(m *testing.M) {
	if path := os.Getenv("SAFEFILE_DIE"); path != "" {
		if _, err := Lock(path); err != nil {
			panic(err)
		}
		_ = Write(path, 0o600, func(w io.Writer) error {
			fmt.Println("writing")
			select {}
		})
	}
	os.Exit(m.Run())
}

func TestFilesOfDeadProcessesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	dying := exec.Command(os.Args[0])
	dying.Env = append(os.Environ(), "SAFEFILE_DIE="+path)
	out, err := dying.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := dying.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(out, make([]byte, 7)); err != nil {
		t.Fatal(err)
	}
	Clean(dir)
	if list, _ := os.ReadDir(dir); len(list) != 2 {
		t.Errorf("while the process lives there are %d files, want its lock and its temporary one", len(list))
	}
	if _, err := Lock(path); err == nil {
		t.Error("the lock of a living process was given away")
	}
	_ = dying.Process.Kill()
	_ = dying.Wait()
	// Neither of these is ours.
	for _, name := range []string{".crease-notes", "f.tmp", ".crease-00000000-00000000.tmp.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	Clean(dir)
	if list, _ := os.ReadDir(dir); len(list) != 3 {
		t.Errorf("afterwards there are %v", list)
	}
}

func TestPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	if err := PrivateFolder(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "f")
	if err := Write(path, 0o600, text("x")); err != nil {
		t.Fatal(err)
	}
	if b, err := ReadPrivate(path, 10); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	for what, change := range map[string]func() (undo func() error){
		"others write the file":   func() func() error { os.Chmod(path, 0o606); return func() error { return os.Chmod(path, 0o600) } },
		"a group writes the file": func() func() error { os.Chmod(path, 0o620); return func() error { return os.Chmod(path, 0o600) } },
		"a link": func() func() error {
			os.Rename(path, path+"x")
			os.Symlink(path+"x", path)
			return func() error { return os.Rename(path+"x", path) }
		},
		"another user's file": func() func() error {
			if os.Geteuid() != 0 {
				t.Log("only root gives files away: one case is left out")
				os.Chmod(path, 0o666)
				return func() error { return os.Chmod(path, 0o600) }
			}
			os.Chown(path, 65534, 65534)
			return func() error { return os.Chown(path, 0, 0) }
		},
	} {
		undo := change()
		if _, err := ReadPrivate(path, 10); err == nil {
			t.Errorf("%s: it was read", what)
		}
		if err := undo(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := PrivateFolder(dir); err == nil {
		t.Error("a folder that all can write was trusted")
	}
	if os.Geteuid() == 0 {
		os.Chmod(dir, 0o700)
		os.Chown(dir, 65534, 65534)
		if err := PrivateFolder(dir); err == nil || !strings.Contains(err.Error(), "belongs to user 65534") {
			t.Errorf("another user's folder: %v", err)
		}
	}
}

// What the disk refuses while the content is being written names the file that was asked
// for, not the temporary one. A limit on the size of files stands for a full disk.
func TestRefusedByTheDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	var before syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &before); err != nil {
		t.Skip(err)
	}
	low := before
	low.Cur = 1 << 16
	for _, size := range []int{1 << 17, 5 << 20} { // when it is finished, and in the writer
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &low); err != nil {
			t.Skip(err)
		}
		err := Write(path, 0o600, text(strings.Repeat("x", size)))
		if e := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &before); e != nil {
			t.Fatal(e)
		}
		var bad *Error
		if !errors.As(err, &bad) || bad.Path != path || bad.Do != "write" || !errors.Is(err, syscall.EFBIG) || strings.Contains(err.Error(), prefix) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// The error says what a file is that is not regular.
func TestKindsAreNamed(t *testing.T) {
	for mode, want := range map[fs.FileMode]string{
		fs.ModeDir | 0o700: "a folder", fs.ModeNamedPipe: "a FIFO", fs.ModeSocket: "a socket", fs.ModeDevice: "a device",
		fs.ModeDevice | fs.ModeCharDevice | 0o666: "a device", fs.ModeSymlink | 0o777: "a symbolic link", fs.ModeIrregular | 0o1: "a special file",
	} {
		if got := kind(mode); got != want {
			t.Errorf("%v is %s, want %s", mode, got, want)
		}
	}
}

// The first Write into a folder removes what a dead process has left there, later ones
// do not look.
func TestTheFirstWriteCleans(t *testing.T) {
	dir := t.TempDir()
	left := filepath.Join(dir, mark("f")+"-01234567.tmp")
	for k, gone := range []bool{true, false} {
		if err := os.WriteFile(left, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := Write(filepath.Join(dir, "f"), 0o600, text("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(left); errors.Is(err, fs.ErrNotExist) != gone {
			t.Errorf("after write %d: %v", k+1, err)
		}
	}
}

func TestUnlockTwice(t *testing.T) {
	var none *Locked
	none.Unlock()
	path := filepath.Join(t.TempDir(), "f")
	l, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	l.Unlock()
	again, err := Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Unlock()
	l.Unlock() // must not take the other's
	var used *InUseError
	if _, err := Lock(path); !errors.As(err, &used) {
		t.Errorf("the second lock was lost: %v", err)
	}
}

func TestErrorTexts(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&InUseError{Path: "f"}, "f is being written by another process: wait for it, or give another file"},
		{&InUseError{Path: "f", Process: 1}, "f is being written by process 1: wait for it, or give another file"},
		{&Error{Path: "f", Do: "read", Reason: "why"}, "cannot read f: why"},
		{&Error{Path: "f", Do: "read", Err: fs.ErrExist}, "cannot read f: file already exists"},
		{&Error{Path: "f", Do: "read", Reason: "why", Err: fs.ErrExist}, "cannot read f: why: file already exists"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for _, err := range []error{fs.ErrExist, &fs.PathError{Op: "open", Path: "tmp", Err: fs.ErrExist}, &os.LinkError{Op: "rename", Old: "tmp", New: "f", Err: fs.ErrExist}} {
		if got := bare(err); got != fs.ErrExist {
			t.Errorf("%v is %v without its path", err, got)
		}
	}
}

// A new file has the permissions that were asked for, less the umask, and no others.
func TestNewFilesHaveTheirMode(t *testing.T) {
	mask := syscall.Umask(0o027)
	defer syscall.Umask(mask)
	for perm, want := range map[fs.FileMode]fs.FileMode{0o600: 0o600, 0o644: 0o640, 0o666: 0o640} {
		path := filepath.Join(t.TempDir(), "f")
		if err := Write(path, perm, text("x")); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%v became %v (%v), want %v", perm, info.Mode(), err, want)
		}
	}
}

// Writing is true from the first byte to the last, and no longer.
func TestWritingIsKnown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, fails := range []error{nil, errors.New("broken")} {
		if Writing() {
			t.Error("nothing is written yet")
		}
		if err := Write(path, 0o600, func(io.Writer) error {
			if !Writing() {
				t.Error("it says that nothing is written")
			}
			return fails
		}); err != fails {
			t.Error(err)
		}
		if Writing() {
			t.Error("the file is done")
		}
	}
}
