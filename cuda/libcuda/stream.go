//go:build (linux || darwin) && (amd64 || arm64)

package libcuda

import (
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/cuda/driver"
)

func (l *library) StreamCreate(flags uint32) (driver.Stream, driver.Result) {
	var s driver.Stream
	r, _, _ := purego.SyscallN(l.streamCreate, uintptr(unsafe.Pointer(&s)), uintptr(flags))
	return s, driver.Result(int32(r))
}

func (l *library) StreamDestroy(s driver.Stream) driver.Result {
	return call(l.streamDestroy, uintptr(s))
}

func (l *library) StreamSynchronize(s driver.Stream) driver.Result {
	return call(l.streamSynchronize, uintptr(s))
}

func (l *library) EventCreate(flags uint32) (driver.Event, driver.Result) {
	var e driver.Event
	r, _, _ := purego.SyscallN(l.eventCreate, uintptr(unsafe.Pointer(&e)), uintptr(flags))
	return e, driver.Result(int32(r))
}

func (l *library) EventDestroy(e driver.Event) driver.Result { return call(l.eventDestroy, uintptr(e)) }

func (l *library) EventRecord(e driver.Event, s driver.Stream) driver.Result {
	return call(l.eventRecord, uintptr(e), uintptr(s))
}

func (l *library) EventSynchronize(e driver.Event) driver.Result {
	return call(l.eventSynchronize, uintptr(e))
}

func (l *library) EventElapsed(from, to driver.Event) (float32, driver.Result) {
	var ms float32
	r, _, _ := purego.SyscallN(l.eventElapsed, uintptr(unsafe.Pointer(&ms)), uintptr(from), uintptr(to))
	return ms, driver.Result(int32(r))
}
