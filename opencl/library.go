//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"os"
	"runtime"
	"sync"

	"github.com/crease-ml/crease/internal/dynlib"
)

// library holds the addresses of an OpenCL library's functions. They are called by
// purego.SyscallN, because a function that is registered with purego allocates in every call.
//
// Pointers are turned into uintptr inside the argument list of SyscallN and
// nowhere else: there alone Go keeps what they point to alive and in place.
type library struct {
	getPlatformIDs, getPlatformInfo, getDeviceIDs, getDeviceInfo           uintptr
	createContext, releaseContext, createCommandQueue, releaseCommandQueue uintptr
	createBuffer, releaseMemObject                                         uintptr
	createProgramWithSource, createProgramWithBinary, buildProgram         uintptr
	getProgramBuildInfo, getProgramInfo, releaseProgram                    uintptr
	createKernel, releaseKernel, setKernelArg                              uintptr
	enqueueNDRangeKernel, enqueueReadBuffer, enqueueWriteBuffer            uintptr
	enqueueCopyBuffer, enqueueMapBuffer, enqueueUnmapMemObject             uintptr
	enqueueMarker, waitForEvents, getEventProfilingInfo, releaseEvent      uintptr
	flush, finish                                                          uintptr
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
		"clEnqueueMapBuffer": &l.enqueueMapBuffer, "clEnqueueUnmapMemObject": &l.enqueueUnmapMemObject,
		"clEnqueueMarkerWithWaitList": &l.enqueueMarker, "clWaitForEvents": &l.waitForEvents,
		"clGetEventProfilingInfo": &l.getEventProfilingInfo, "clReleaseEvent": &l.releaseEvent,
		"clFlush": &l.flush, "clFinish": &l.finish,
	}
}

// libraryNames returns the files that are tried, in order.
func libraryNames() []string {
	if name := os.Getenv("CREASE_OPENCL"); name != "" {
		return []string{name}
	}
	if runtime.GOOS == "darwin" {
		return []string{"/System/Library/Frameworks/OpenCL.framework/OpenCL"}
	}
	return []string{"libOpenCL.so.1", "libOpenCL.so"}
}

// load opens the library, on first use and once in a process.
var load = sync.OnceValues(func() (*library, error) {
	l := &library{}
	if err := dynlib.Open("OpenCL", "1.2", "CREASE_OPENCL", libraryNames(), l.symbols()); err != nil {
		return nil, err
	}
	return l, nil
})
