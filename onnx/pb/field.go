package pb

import (
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// Message is a message of this package.
type Message interface{ fields() []field }

// field is a field of a message: its number, and a pointer to where it is kept.
type field struct {
	number protowire.Number
	at     any
}

// nested is a field of messages.
type nested interface {
	add() Message       // a new one, to be filled in
	each(func(Message)) // those there
	size() int          // of one in memory
}

type oneOf[T any, M interface {
	*T
	Message
}] struct{ at *M }

func (o oneOf[T, M]) add() Message {
	if *o.at == nil {
		*o.at = new(T)
	}
	return *o.at // a message given twice is merged
}

func (o oneOf[T, M]) each(f func(Message)) {
	if *o.at != nil {
		f(*o.at)
	}
}

func (o oneOf[T, M]) size() int { return int(unsafe.Sizeof(*new(T))) }

func one[T any, M interface {
	*T
	Message
}](at *M) nested {
	return oneOf[T, M]{at}
}

type manyOf[T any, M interface {
	*T
	Message
}] struct{ at *[]M }

func (o manyOf[T, M]) add() Message {
	m := M(new(T))
	*o.at = append(*o.at, m)
	return m
}

func (o manyOf[T, M]) each(f func(Message)) {
	for _, m := range *o.at {
		f(m)
	}
}

// A list doubles as it grows, so an entry counts three times.
func (o manyOf[T, M]) size() int { return int(unsafe.Sizeof(*new(T))) + 3*int(unsafe.Sizeof(M(nil))) }

func many[T any, M interface {
	*T
	Message
}](at *[]M) nested {
	return manyOf[T, M]{at}
}

// known is a number of which one must know whether it was given.
type known struct {
	at  *int64
	set *bool
}

// always is a field that is written even when it is zero, if write is set: readers of
// attributes ask whether the value was given.
type always struct {
	at    any
	write bool
}

// rawBytes are bytes of which one must know whether they were given.
type rawBytes struct {
	at  *[]byte
	set *bool
}

// Floats, Doubles and Ints are repeated numbers as the file holds them: 4 or 8 bytes each,
// little-endian, and varints. They are decoded where they are used, because one byte of a
// varint may become eight.
type (
	Floats  []byte
	Doubles []byte
	Ints    []byte
)

// Len is the number of elements.
func (f Floats) Len() int { return len(f) / 4 }

// Len is the number of elements.
func (f Doubles) Len() int { return len(f) / 8 }

// Len is the number of elements.
func (f Ints) Len() int {
	n := 0
	for _, b := range f {
		if b < 0x80 {
			n++
		}
	}
	return n
}

// Next takes the first element off.
func (f *Ints) Next() int64 {
	v, n := protowire.ConsumeVarint(*f)
	if n < 0 {
		return 0 // Unmarshal has checked them all
	}
	*f = (*f)[n:]
	return int64(v)
}

// Append adds an element.
func (f *Ints) Append(v int64) { *f = protowire.AppendVarint(*f, uint64(v)) }
