package runlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/crease-ml/crease/internal/safefile"
)

// Events is a folder with an event file of TensorBoard. It is safe for concurrent use. A
// run that goes on after it was stopped opens the folder again, which adds another file;
// TensorBoard joins them.
type Events struct {
	mu   sync.Mutex
	file *os.File
	now  func() time.Time
}

// OpenEvents makes the folder where there is none and begins an event file in it.
func OpenEvents(dir string) (*Events, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, &safefile.Error{Path: dir, Do: "write", Reason: "as a folder of event files", Err: err}
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	// TensorBoard takes files with "tfevents" in their names, in the order of these.
	name := fmt.Sprintf("events.out.tfevents.%d.%s.%d", time.Now().Unix(), filepath.Base(host), os.Getpid())
	var f *os.File
	for try := 0; ; try++ {
		f, err = os.OpenFile(filepath.Join(dir, fmt.Sprintf("%s.%d", name, try)), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil || !os.IsExist(err) {
			break
		}
	}
	if err != nil {
		return nil, &safefile.Error{Path: dir, Do: "write", Reason: "an event file", Err: err}
	}
	e := &Events{file: f, now: time.Now}
	var m message
	m.text(3, "brain.Event:2") // file_version
	if err := e.write(0, &m); err != nil {
		return nil, err
	}
	return e, nil
}

// Scalar adds a number at a step to the chart of a tag. Tags with a common part before
// the first slash are shown together.
func (e *Events) Scalar(tag string, step int, v float64) error {
	var value message
	value.text(1, tag)
	value.float(2, float32(v))
	return e.summary(step, &value)
}

// buckets is how many a histogram has.
const buckets = 30

// Histogram adds how values are distributed at a step, in buckets of one width from the
// smallest to the largest. Values that are not finite have no place among them and are
// left out; where all are such, nothing is written.
func (e *Events) Histogram(tag string, step int, values []float64) error {
	lo, hi, n, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0, 0.0
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	for _, v := range values {
		if finite(v) {
			lo, hi, n, sum, squares = math.Min(lo, v), math.Max(hi, v), n+1, sum+v, squares+v*v
		}
	}
	if n == 0 {
		return nil
	}
	limits, counts := []float64{hi}, []float64{n}
	if width := (hi - lo) / buckets; width > 0 && lo+width > lo {
		limits, counts = make([]float64, buckets), make([]float64, buckets)
		for i := range limits {
			limits[i] = lo + float64(i+1)*width
		}
		limits[buckets-1] = hi
		for _, v := range values {
			if finite(v) {
				// A bucket has its upper limit and not its lower one.
				i := min(max(int(math.Ceil((v-lo)/width))-1, 0), buckets-1)
				counts[i]++
			}
		}
	}
	var histogram, value message
	for i, v := range []float64{lo, hi, n, sum, squares} {
		histogram.double(i+1, v)
	}
	histogram.doubles(6, limits)
	histogram.doubles(7, counts)
	value.text(1, tag)
	value.message(5, &histogram)
	return e.summary(step, &value)
}

// Image adds a picture at a step.
func (e *Events) Image(tag string, step int, img image.Image) error {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Errorf("event log: %s: %w", tag, err)
	}
	var picture, value message
	picture.integer(1, int64(img.Bounds().Dy()))
	picture.integer(2, int64(img.Bounds().Dx()))
	picture.integer(3, 4) // the colour space RGBA
	picture.bytes(4, b.Bytes())
	value.text(1, tag)
	value.message(4, &picture)
	return e.summary(step, &value)
}

// Close closes the file.
func (e *Events) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.file.Close()
}

// summary writes an event with one value.
func (e *Events) summary(step int, value *message) error {
	var summary, event message
	summary.message(1, value)
	event.message(5, &summary)
	return e.write(step, &event)
}

// write adds an event, whose time and step come first, as a record.
func (e *Events) write(step int, rest *message) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var m message
	now := e.now()
	m.double(1, float64(now.Unix())+float64(now.Nanosecond())/1e9)
	if step != 0 {
		m.integer(2, int64(step))
	}
	m.b = append(m.b, rest.b...)
	if _, err := e.file.Write(record(m.b)); err != nil {
		return notWritten(e.file, err)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is TensorFlow's checksum: a CRC-32C, turned and moved, so that checksums of data
// that hold checksums are not special.
func masked(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}

// record frames data as TFRecord does: length, its checksum, data, their checksum.
func record(data []byte) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	b = binary.LittleEndian.AppendUint32(b, masked(b))
	b = append(b, data...)
	return binary.LittleEndian.AppendUint32(b, masked(data))
}

// message is a protocol buffer message as bytes. Fields are written in the order of their
// numbers, as other writers do.
type message struct{ b []byte }

// Wire types.
const (
	varint  = 0
	fixed64 = 1
	chunk   = 2
	fixed32 = 5
)

func (m *message) key(field, wire int) {
	m.b = binary.AppendUvarint(m.b, uint64(field)<<3|uint64(wire))
}

func (m *message) integer(field int, v int64) {
	m.key(field, varint)
	m.b = binary.AppendUvarint(m.b, uint64(v))
}

func (m *message) double(field int, v float64) {
	if v == 0 && !math.Signbit(v) {
		return // the default of a field is not written
	}
	m.key(field, fixed64)
	m.b = binary.LittleEndian.AppendUint64(m.b, math.Float64bits(v))
}

// float writes a member of a oneof, which is written also where it is 0.
func (m *message) float(field int, v float32) {
	m.key(field, fixed32)
	m.b = binary.LittleEndian.AppendUint32(m.b, math.Float32bits(v))
}

func (m *message) bytes(field int, v []byte) {
	m.key(field, chunk)
	m.b = append(binary.AppendUvarint(m.b, uint64(len(v))), v...)
}

func (m *message) text(field int, v string) { m.bytes(field, []byte(v)) }

func (m *message) message(field int, v *message) { m.bytes(field, v.b) }

func (m *message) doubles(field int, list []float64) {
	var packed []byte
	for _, v := range list {
		packed = binary.LittleEndian.AppendUint64(packed, math.Float64bits(v))
	}
	m.bytes(field, packed)
}
