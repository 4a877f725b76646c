package pb

import (
	"fmt"
	"math"
	"reflect"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxDepth limits nested messages, as the reference implementation of protocol buffers
// does.
const maxDepth = 100

// SyntaxError is a file that is not the message it should be.
type SyntaxError struct {
	Message string // the innermost one that was being read
	Offset  int    // in the file, in bytes
	Reason  string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("byte %d, in a %s: %s", e.Offset, e.Message, e.Reason)
}

// Unmarshal reads a message. Bytes and lists of numbers of the message are slices of data,
// which must not be changed afterwards. Errors are *SyntaxErrors.
func Unmarshal(data []byte, m Message) error {
	d := decoder{budget: 6<<20 + 2*len(data), size: len(data)}
	return d.message(data, m, 0)
}

type decoder struct {
	budget int // bytes that may still be allocated
	size   int // of the file
}

func (d *decoder) fail(rest []byte, base int, m Message, format string, args ...any) error {
	return &SyntaxError{Message: reflect.TypeOf(m).Elem().Name(), Offset: base - len(rest), Reason: fmt.Sprintf(format, args...)}
}

// spend counts memory before it is taken.
func (d *decoder) spend(n int) bool {
	d.budget -= n
	return d.budget >= 0
}

// message reads a message that ends at the end of data.
func (d *decoder) message(data []byte, m Message, depth int) error {
	return d.read(data, len(data), m, depth)
}

// read reads data, which ends base bytes into the file.
func (d *decoder) read(data []byte, base int, m Message, depth int) error {
	if depth > maxDepth {
		return d.fail(data, base, m, "messages are nested more than %d deep", maxDepth)
	}
	fields := m.fields()
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return d.fail(data, base, m, "%v", protowire.ParseError(n))
		}
		length := protowire.ConsumeFieldValue(num, typ, data[n:])
		if length < 0 {
			return d.fail(data, base, m, "field %d: %v", num, protowire.ParseError(length))
		}
		value := data[n : n+length]
		rest := data[n+length:]
		for i := range fields {
			if fields[i].number != num {
				continue
			}
			if err := d.field(&fields[i], typ, value, base-len(rest), m, depth); err != nil {
				return err
			}
			break
		}
		data = rest
	}
	return nil
}

// field reads one value, which ends at byte end of the file.
func (d *decoder) field(f *field, typ protowire.Type, value []byte, end int, m Message, depth int) error {
	wrong := func() error { return d.fail(value, end, m, "field %d has wire type %d", f.number, typ) }
	full := func() error {
		return d.fail(value, end, m, "the messages of this file of %d bytes take too much memory", d.size)
	}
	var bytes []byte
	if typ == protowire.BytesType {
		bytes, _ = protowire.ConsumeBytes(value)
	}
	number := func() uint64 {
		v, _ := protowire.ConsumeVarint(value)
		return v
	}
	to := f.at
	if a, ok := to.(always); ok {
		to = a.at
	}
	switch at := to.(type) {
	case nested:
		if typ != protowire.BytesType {
			return wrong()
		}
		if !d.spend(at.size()) {
			return full()
		}
		return d.read(bytes, end, at.add(), depth+1)
	case *int64:
		if typ != protowire.VarintType {
			return wrong()
		}
		*at = int64(number())
	case *int32:
		if typ != protowire.VarintType {
			return wrong()
		}
		*at = int32(number())
	case known:
		if typ != protowire.VarintType {
			return wrong()
		}
		*at.at, *at.set = int64(number()), true
	case *float32:
		if typ != protowire.Fixed32Type {
			return wrong()
		}
		v, _ := protowire.ConsumeFixed32(value)
		*at = math.Float32frombits(v)
	case *string, *[]string, *[]byte, rawBytes, *[][]byte:
		if typ != protowire.BytesType {
			return wrong()
		}
		return d.text(at, bytes, value, end, m, full)
	case *[]int64:
		return d.ints(at, typ, bytes, value, wrong, full)
	case *Ints:
		return d.packedInts(at, typ, bytes, value, end, m, wrong, full)
	case *Floats:
		return packed((*[]byte)(at), 4, protowire.Fixed32Type, typ, bytes, value, wrong)
	case *Doubles:
		return packed((*[]byte)(at), 8, protowire.Fixed64Type, typ, bytes, value, wrong)
	case *[]float32:
		var raw []byte
		if err := packed(&raw, 4, protowire.Fixed32Type, typ, bytes, value, wrong); err != nil {
			return err
		}
		if !d.spend(3 * len(raw)) {
			return full()
		}
		for ; len(raw) > 0; raw = raw[4:] {
			v, _ := protowire.ConsumeFixed32(raw)
			*at = append(*at, math.Float32frombits(v))
		}
	}
	return nil
}

// text reads strings and bytes. Strings are copied, bytes are not.
func (d *decoder) text(at any, bytes, value []byte, end int, m Message, full func() error) error {
	switch at := at.(type) {
	case *[]byte:
		*at = bytes
		return nil
	case rawBytes:
		*at.at, *at.set = bytes, true
		return nil
	case *[][]byte:
		if !d.spend(3 * 24) {
			return full()
		}
		*at = append(*at, bytes)
		return nil
	}
	if !utf8.Valid(bytes) {
		return d.fail(value, end, m, "a string is not UTF-8")
	}
	if !d.spend(3*16 + len(bytes)) {
		return full()
	}
	switch at := at.(type) {
	case *string:
		*at = string(bytes)
	case *[]string:
		*at = append(*at, string(bytes))
	}
	return nil
}

// ints reads repeated varints, packed or one by one.
func (d *decoder) ints(at *[]int64, typ protowire.Type, bytes, value []byte, wrong, full func() error) error {
	switch typ {
	case protowire.VarintType:
		bytes = value
	case protowire.BytesType:
	default:
		return wrong()
	}
	if !d.spend(3 * 8 * Ints(bytes).Len()) {
		return full()
	}
	for len(bytes) > 0 {
		v, n := protowire.ConsumeVarint(bytes)
		if n < 0 {
			return wrong()
		}
		*at, bytes = append(*at, int64(v)), bytes[n:]
	}
	return nil
}

// packedInts keeps repeated varints as they are, after a look at each.
func (d *decoder) packedInts(at *Ints, typ protowire.Type, bytes, value []byte, end int, m Message, wrong, full func() error) error {
	switch typ {
	case protowire.VarintType:
		bytes = value
	case protowire.BytesType:
	default:
		return wrong()
	}
	for rest := bytes; len(rest) > 0; {
		_, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return d.fail(rest, end, m, "%v", protowire.ParseError(n))
		}
		rest = rest[n:]
	}
	*at = join(*at, bytes)
	return nil
}

// packed keeps repeated numbers of a fixed size as they are.
func packed(at *[]byte, size int, single, typ protowire.Type, bytes, value []byte, wrong func() error) error {
	switch typ {
	case single:
		bytes = value
	case protowire.BytesType:
	default:
		return wrong()
	}
	if len(bytes)%size != 0 {
		return wrong()
	}
	*at = join(*at, bytes)
	return nil
}

// join appends; the first piece is not copied.
func join(have, more []byte) []byte {
	if len(have) == 0 {
		return more[:len(more):len(more)]
	}
	return append(have, more...)
}
