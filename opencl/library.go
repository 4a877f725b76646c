//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/ebitengine/purego"
)

// library is the functions of an OpenCL library, as addresses for
// purego.SyscallN: registered Go functions cost several allocations a call.
type library struct {
	getPlatformIDs, getPlatformInfo, getDeviceIDs, getDeviceInfo           uintptr
	createContext, releaseContext, createCommandQueue, releaseCommandQueue uintptr
	createBuffer, releaseMemObject                                         uintptr
	createProgramWithSource, createProgramWithBinary, buildProgram         uintptr
	getProgramBuildInfo, getProgramInfo, releaseProgram                    uintptr
	createKernel, releaseKernel, setKernelArg                              uintptr
	enqueueNDRangeKernel, enqueueReadBuffer, enqueueWriteBuffer            uintptr
	enqueueCopyBuffer, enqueueMarker, waitForEvents, getEventProfilingInfo uintptr
	releaseEvent, flush, finish                                            uintptr
}

func (l *library) symbols() map[string]*uintptr {
	return map[string]*uintptr{
		"clGetPlatformIDs": &l.getPlatformIDs, "clGetPlatformInfo": &l.getPlatformInfo,
		"clGetDeviceIDs": &l.getDeviceIDs, "clGetDeviceInfo": &l.getDeviceInfo,
		"clCreateContext": &l.createContext, "clReleaseContext": &l.releaseContext,
		"clCreateCommandQueue": &l.createCommandQueue, "clReleaseCommandQueue": &l.releaseCommandQueue,
		"clCreateBuffer": &l.createBuffer, "clReleaseMemObject": &l.releaseMemObject,
		"clCreateProgramWithSource": &l.createProgramWithSource, "clCreateProgramWithBinary": &l.createProgramWithBinary,
		"clBuildProgram": &l.buildProgram, "clGetProgramBuildInfo": &l.getProgramBuildInfo,
		"clGetProgramInfo": &l.getProgramInfo, "clReleaseProgram": &l.releaseProgram,
		"clCreateKernel": &l.createKernel, "clReleaseKernel": &l.releaseKernel, "clSetKernelArg": &l.setKernelArg,
		"clEnqueueNDRangeKernel": &l.enqueueNDRangeKernel, "clEnqueueReadBuffer": &l.enqueueReadBuffer,
		"clEnqueueWriteBuffer": &l.enqueueWriteBuffer, "clEnqueueCopyBuffer": &l.enqueueCopyBuffer,
		"clEnqueueMarkerWithWaitList": &l.enqueueMarker, "clWaitForEvents": &l.waitForEvents,
		"clGetEventProfilingInfo": &l.getEventProfilingInfo, "clReleaseEvent": &l.releaseEvent,
		"clFlush": &l.flush, "clFinish": &l.finish,
	}
}

// libraryNames are the files that are tried, in order.
func libraryNames() []string {
	if name := os.Getenv("CREASE_OPENCL"); name != "" {
		return []string{name}
	}
	if runtime.GOOS == "darwin" {
		return []string{"/System/Library/Frameworks/OpenCL.framework/OpenCL"}
	}
	return []string{"libOpenCL.so.1", "libOpenCL.so"}
}

// load opens the library once in a process.
var load = sync.OnceValues(func() (*library, error) {
	var why []string
	for _, name := range libraryNames() {
		handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_GLOBAL)
		if err != nil {
			why = append(why, err.Error())
			continue
		}
		l := &library{}
		for symbol, to := range l.symbols() {
			if *to, err = purego.Dlsym(handle, symbol); err != nil {
				return nil, fmt.Errorf("%s is no OpenCL 1.2 library: %w", name, err)
			}
		}
		return l, nil
	}
	return nil, fmt.Errorf("no OpenCL library: %s", strings.Join(why, "; "))
})
