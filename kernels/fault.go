package kernels

import (
	"encoding/binary"
	"fmt"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// FaultBytes is the size of a device's fault words, three numbers of 64 bits in its memory,
// zero at first. A program that picks elements by index checks every index; the first one
// that is out of range is written there, and its element becomes 0: no memory is read that the
// operand does not have. Launchers pass the words for a buffer that is nil in Run, read them
// when somebody waits, and give [Fault] to whoever that is.
//
// An index out of range does not poison the stream. It is a mistake of the caller, as a wrong
// shape is, that can only be known late; all that was queued has been carried out.
const FaultBytes = 24

// Fault returns what the fault words say, nil if nothing went wrong: a *hal.DeviceError with
// the op and an *ops.AttrError that names the index and the size of its axis.
func Fault(device string, words []byte) error {
	code := binary.LittleEndian.Uint64(words)
	if code == 0 {
		return nil
	}
	index, size := int64(binary.LittleEndian.Uint64(words[8:])), binary.LittleEndian.Uint64(words[16:])
	if code > uint64(len(texts())) {
		return &hal.DeviceError{Device: device, Err: fmt.Errorf("its fault words were overwritten: %d %d %d", code, index, size)}
	}
	op := texts()[code-1].head
	return &hal.DeviceError{Device: device, Op: op, Err: &ops.AttrError{Op: op, Reason: fmt.Sprintf("index %d is outside the axis, which has %d elements", index, size)}}
}
