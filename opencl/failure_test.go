//go:build linux && (amd64 || arm64)

package opencl

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/crease-ml/crease/hal"
)

// fails is one way in which a driver lets a running program down.
type fails struct {
	name, fakecl string
	want         error  // nil: nothing is noticed
	text         string // in the error
	poisons      bool
	memory       string // of the fake device, in bytes
}

func TestFailures(t *testing.T) {
	for _, c := range []fails{
		{name: "none"},
		{name: "out of memory", fakecl: "clCreateBuffer=-4", want: hal.ErrOutOfMemory, text: "clCreateBuffer: CL_MEM_OBJECT_ALLOCATION_FAILURE"},
		{name: "no host memory", fakecl: "clCreateBuffer=-6", want: hal.ErrOutOfMemory},
		{name: "memory for a while", fakecl: "clCreateBuffer=-5@1-1"},
		{name: "memory is held by the queue", memory: "3000000"},
		{name: "lost while allocating", fakecl: "clCreateBuffer=-5,clFinish=-36", want: hal.ErrDeviceLost, poisons: true},
		{name: "no pinned memory", fakecl: "clEnqueueMapBuffer=-12"},
		{name: "upload", fakecl: "clEnqueueWriteBuffer=-36", want: hal.ErrDeviceLost, text: "upload: clEnqueueWriteBuffer", poisons: true},
		{name: "upload, for a while", fakecl: "clEnqueueWriteBuffer=-4@1-1"},
		{name: "download", fakecl: "clEnqueueReadBuffer=-14", want: hal.ErrDeviceLost, text: "download: clEnqueueReadBuffer", poisons: true},
		{name: "copy", fakecl: "clEnqueueCopyBuffer=-30", text: "copy: clEnqueueCopyBuffer: CL_INVALID_VALUE (-30)"},
		{name: "source", fakecl: "clCreateProgramWithSource=-6", want: hal.ErrOutOfMemory, text: "clCreateProgramWithSource"},
		{name: "build", fakecl: "clBuildProgram=-11", text: "fake.cl:1: error: this compiler accepts nothing"},
		{name: "log", fakecl: "clBuildProgram=-11,clGetProgramBuildInfo=-30", text: "(nothing)"},
		{name: "kernel", fakecl: "clCreateKernel=-46", text: "clCreateKernel axpy: CL_INVALID_KERNEL_NAME"},
		{name: "buffer argument", fakecl: "clSetKernelArg=-38", text: "clSetKernelArg 0 (a buffer): CL_INVALID_MEM_OBJECT"},
		{name: "values argument", fakecl: "clSetKernelArg=-51@3", text: "clSetKernelArg 2 (24 bytes of values): CL_INVALID_ARG_SIZE"},
		{name: "launch", fakecl: "clEnqueueNDRangeKernel=-54", text: "[1 1 1] groups of [16 1 1]: clEnqueueNDRangeKernel: CL_INVALID_WORK_GROUP_SIZE"},
		{name: "launch wants memory", fakecl: "clEnqueueNDRangeKernel=-5@1-1"},
		{name: "launch wants too much", fakecl: "clEnqueueNDRangeKernel=-5", want: hal.ErrOutOfMemory},
		{name: "launch on a dead queue", fakecl: "clEnqueueNDRangeKernel=-36", want: hal.ErrDeviceLost, text: "op (kernel chosen): axpy", poisons: true},
		{name: "launch after a fault", fakecl: "clEnqueueNDRangeKernel=-5,clFinish=-5", want: hal.ErrDeviceLost, text: "clFinish", poisons: true},
		{name: "fault", fakecl: "clFinish=-5", want: hal.ErrDeviceLost, text: "clFinish: CL_OUT_OF_RESOURCES", poisons: true},
		{name: "strange fault", fakecl: "clFinish=-9999", want: hal.ErrDeviceLost, text: "clFinish: error -9999", poisons: true},
		{name: "flush", fakecl: "clFlush=-5"}, // whoever waits would see it
		{name: "marker", fakecl: "clEnqueueMarkerWithWaitList=-5", want: hal.ErrOutOfMemory, text: "record"},
		{name: "event", fakecl: "clWaitForEvents=-14", want: hal.ErrDeviceLost, text: "clWaitForEvents", poisons: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			withFake(t, c.fakecl, func(t *testing.T) { c.check(t) }, "FAKECL_MEMORY="+c.memory)
		})
	}
}

func (c *fails) check(t *testing.T) {
	dev, err := open(hal.Spec{Kind: kind})
	must(t, err)
	d := dev.(*Device)
	if os.Getenv("FAKECL_MEMORY") != "" {
		d.stage.failed = true
	}
	s, other := newStream(t, d), newStream(t, d)
	err = everything(s)
	var de *hal.DeviceError
	switch quiet := c.want == nil && c.text == ""; {
	case quiet && err != nil:
		t.Errorf("%v", err)
	case !quiet && (err == nil || c.want != nil && !errors.Is(err, c.want) || !errors.As(err, &de) || !strings.Contains(err.Error(), c.text)):
		t.Errorf("%v, want %v, %q", err, c.want, c.text)
	}
	if c.want != nil {
		for _, is := range []error{hal.ErrOutOfMemory, hal.ErrDeviceLost} {
			if is != c.want && errors.Is(err, is) {
				t.Errorf("%v is also %q", err, is)
			}
		}
	}
	_, recordErr := other.Record()
	_, streamErr := d.NewStream()
	b, allocErr := d.Alloc(1)
	if allocErr == nil {
		b.Free()
	}
	later := []error{s.Sync(), s.Sync(), other.Sync(), streamErr, other.Upload(nil, 0, nil), recordErr, allocErr}
	if !c.poisons {
		later = later[:4]
	}
	for i, after := range later {
		switch {
		case c.poisons && i == 4: // misuse, whatever the health
		case c.poisons && after != err:
			t.Errorf("call %d: %v, and then %v", i, err, after)
		case !c.poisons && after != nil:
			t.Errorf("the queue is poisoned: %v", after)
		}
	}
	if err := d.Close(); (err != nil) != c.poisons {
		t.Errorf("closing: %v", err)
	}
	if m := d.Memory(); m.InUse != 0 || m.Cached != 0 {
		t.Errorf("%+v", m)
	}
}

// everything does a bit of all that a stream does, up to the first failure.
func everything(s *stream) error {
	d := s.dev
	x, err := d.Alloc(1 << 20)
	if err != nil {
		return err
	}
	defer x.Free()
	y, err := d.Alloc(1 << 20)
	if err != nil {
		return err
	}
	defer y.Free()
	src := make([]byte, 1000)
	src[999] = 7
	if err := s.Upload(x, 0, src); err != nil {
		return err
	}
	k := &hal.Kernel{Name: "chosen", Run: func(on hal.Stream, c *hal.Call) error {
		return on.(*stream).Run(axpyProgram, [3]int{1, 1, 1}, []hal.Buffer{x, y}, axpyValues(1, 1, 0, 0))
	}}
	if err := k.Do(s, &hal.Call{Op: "op"}); err != nil {
		return err
	}
	y.Free()
	z, err := d.Alloc(1<<20 + 1<<19) // of another size class, while the queue holds y
	if err != nil {
		return err
	}
	defer z.Free()
	if err := s.Copy(z, 0, x, 0, 1000); err != nil {
		return err
	}
	for range flushEvery {
		if err := s.Copy(z, 1000, x, 0, 1000); err != nil {
			return err
		}
	}
	dst := make([]byte, 1000)
	if err := s.Download(dst, z, 0); err != nil {
		return err
	}
	e, err := s.Record()
	if err != nil {
		return err
	}
	if err := s.Wait(e); err != nil {
		return err
	}
	if err := e.Wait(); err != nil {
		return err
	}
	if dst[999] != 7 {
		return errors.New("the bytes that came back are others")
	}
	return s.Sync()
}

// A binary that the driver refuses is compiled again.
func TestRefusedBinary(t *testing.T) {
	for _, function := range []string{"clCreateProgramWithBinary=-42", "clBuildProgram=-11@2-2", "clCreateKernel=-46@2-2", "clGetProgramInfo=-30", "none=0"} {
		t.Run(strings.Split(function, "=")[0], func(t *testing.T) {
			withFake(t, function, func(t *testing.T) {
				t.Setenv("CREASE_CACHE", t.TempDir())
				for range 3 {
					dev, err := open(hal.Spec{Kind: kind})
					must(t, err)
					must(t, everything(newStream(t, dev.(*Device))))
					must(t, dev.Close())
				}
			})
		})
	}
}

// The largest block the device gives can be had, though the pool rounds up.
func TestLargestAllocation(t *testing.T) {
	withFake(t, "", func(t *testing.T) {
		dev, err := open(hal.Spec{Kind: kind})
		must(t, err)
		d := dev.(*Device)
		d.pool.Limit = 0
		b, err := d.Alloc(d.maxAlloc)
		must(t, err)
		b.Free()
		must(t, d.Close())
	}, "FAKECL_MEMORY=1048577")
}
