//go:build (linux || darwin) && (amd64 || arm64)

// Package emulate is a device that runs portable kernels as C++, one fiber for
// every work item, to find what a GPU would not report: a barrier that is missing
// or that not all items reach, and an access outside a buffer. It needs a C++
// compiler and is for tests: programs are slow and launches run inline.
package emulate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
)

// Device is an emulated device with memory of its own, which is filled with garbage
// before it is handed out.
type Device struct {
	*hostdev.Device
	compiler, dir string
	portable      *kernels.Library
	mu            sync.Mutex // one launch at a time: the emulation has global state
	entries       map[*kernels.Program]entry
}

// entry is a compiled program: it returns what went wrong, empty if nothing did.
type entry func(groups *int32, buffers *unsafe.Pointer, sizes *int64, values *byte) string

// New is a device that keeps what it compiles in a temporary folder. It has the
// given element types, or all: compiling is slow. Without a C++ compiler it is an
// *hal.AbsentError.
func New(types ...dtype.Type) (*Device, error) {
	cxx, err := exec.LookPath("g++")
	if err != nil {
		if cxx, err = exec.LookPath("clang++"); err != nil {
			return nil, &hal.AbsentError{Device: "emulate", Reason: "neither g++ nor clang++ is in PATH", Remedy: "Install a C++ compiler (Debian: apt-get install g++)."}
		}
	}
	dir, err := os.MkdirTemp("", "crease-emulate-")
	if err != nil {
		return nil, err
	}
	if len(types) == 0 {
		types = dtype.All()
	}
	support := map[dtype.Type]hal.Support{}
	for _, t := range types {
		support[t] = hal.Arithmetic
	}
	d := &Device{compiler: cxx, dir: dir, entries: map[*kernels.Program]entry{}}
	d.Device = hostdev.New(hal.Info{Name: "emulate", Kind: "emulate", Description: "portable kernels as C++", Alignment: 16, DTypes: support})
	d.Outer = d
	d.Stop = func() error { return os.RemoveAll(dir) }
	d.Fill = func(mem []byte) {
		for i := range mem {
			mem[i] = 0xa5
		}
	}
	if d.portable, err = kernels.Register(d.Kernels(), kernels.Caps{Dialect: kernels.CPlus, F64: true, MaxGroup: 1024, Local: 1 << 16, Device: "emulate"}); err != nil {
		_ = d.Close() // the folder
		return nil, err
	}
	return d, nil
}

// Fuse is the portable kernel of a fused row (exec.Fuser).
func (d *Device) Fuse(op *ops.Op, t dtype.Type) *hal.Kernel { return d.portable.Fuse(op, t) }

// NewStream is a stream that runs inline.
func (d *Device) NewStream() (hal.Stream, error) {
	if _, err := d.Device.NewStream(); err != nil {
		return nil, err // the device is closed
	}
	return &stream{d.Device.Stream(), d}, nil
}

type stream struct {
	hostdev.Stream
	dev *Device
}

// Launch runs a kernel, which gets the stream that runs programs.
func (s *stream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	if err := s.Ready(); err != nil {
		return err
	}
	return l.Run(s, at, work)
}

// Run compiles a program on first use and runs it.
func (s *stream) Run(p *kernels.Program, groups [3]int, buffers []hal.Buffer, values []byte) error {
	if err := p.CheckArguments(buffers, values); err != nil {
		return fmt.Errorf("emulate: %w", err)
	}
	s.dev.mu.Lock()
	defer s.dev.mu.Unlock()
	run, err := s.dev.compile(p)
	if err != nil {
		return err
	}
	g := [3]int32{int32(groups[0]), int32(groups[1]), int32(groups[2])}
	ptrs, sizes := make([]unsafe.Pointer, len(buffers)+1), make([]int64, len(buffers)+1)
	fault := make([]byte, kernels.FaultBytes)
	for i, b := range buffers {
		if b == nil {
			ptrs[i], sizes[i] = unsafe.Pointer(unsafe.SliceData(fault)), int64(len(fault))
			continue
		}
		mem := hostdev.Bytes(b)
		ptrs[i], sizes[i] = unsafe.Pointer(unsafe.SliceData(mem)), int64(len(mem))
	}
	if trouble := run(&g[0], &ptrs[0], &sizes[0], &values[0]); trouble != "" {
		return errors.New("emulate: " + p.Name + ": " + trouble)
	}
	return kernels.Fault("emulate", fault)
}

func (d *Device) compile(p *kernels.Program) (entry, error) {
	if run, ok := d.entries[p]; ok {
		return run, nil
	}
	if debug.On(debug.Sources) {
		debug.Program(d.Info().Name, "compiling", p.Name, p.Source)
	}
	sum := sha256.Sum256([]byte(p.Source))
	base := filepath.Join(d.dir, fmt.Sprintf("%s_%x", p.Name, sum[:8]))
	if err := os.WriteFile(base+".cpp", []byte(p.Source), 0o600); err != nil {
		return nil, err
	}
	out, err := exec.Command(d.compiler, "-std=c++17", "-O0", "-ffp-contract=off", "-fPIC", "-shared", "-fno-exceptions", "-w", "-o", base+".so", base+".cpp").CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("emulate: %s does not compile: %w\n%s", p.Name, err, out)
	}
	lib, err := purego.Dlopen(base+".so", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	var run entry
	purego.RegisterLibFunc(&run, lib, "run")
	d.entries[p] = run
	return run, nil
}
