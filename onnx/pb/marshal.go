package pb

import (
	"encoding/binary"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Marshal writes a message: fields in the order of their numbers, those with the zero
// value left out, numbers packed as proto3 does.
func Marshal(m Message) []byte { return appendMessage(nil, m) }

func appendMessage(b []byte, m Message) []byte {
	for _, f := range m.fields() {
		b = appendField(b, f)
	}
	return b
}

func appendField(b []byte, f field) []byte {
	varint := func(v uint64) {
		b = protowire.AppendVarint(protowire.AppendTag(b, f.number, protowire.VarintType), v)
	}
	bytes := func(v []byte) {
		b = protowire.AppendBytes(protowire.AppendTag(b, f.number, protowire.BytesType), v)
	}
	to, write := f.at, false
	if a, ok := to.(always); ok {
		to, write = a.at, a.write
	}
	switch at := to.(type) {
	case nested:
		at.each(func(m Message) {
			b = protowire.AppendTag(b, f.number, protowire.BytesType)
			start := len(b)
			b = appendMessage(b, m)
			var length [binary.MaxVarintLen64]byte // known only now, it goes in front
			b = slices.Insert(b, start, protowire.AppendVarint(length[:0], uint64(len(b)-start))...)
		})
	case *int64:
		if *at != 0 || write {
			varint(uint64(*at))
		}
	case *int32:
		if *at != 0 {
			varint(uint64(int64(*at)))
		}
	case known:
		if *at.set {
			varint(uint64(*at.at))
		}
	case *float32:
		if math.Float32bits(*at) != 0 || write {
			b = protowire.AppendFixed32(protowire.AppendTag(b, f.number, protowire.Fixed32Type), math.Float32bits(*at))
		}
	case *string:
		if *at != "" {
			bytes([]byte(*at))
		}
	case *[]string:
		for _, s := range *at {
			bytes([]byte(s))
		}
	case *[]byte:
		if len(*at) > 0 || write {
			bytes(*at)
		}
	case rawBytes:
		if *at.set || len(*at.at) > 0 {
			bytes(*at.at)
		}
	case *[][]byte:
		for _, s := range *at {
			bytes(s)
		}
	case *[]int64:
		if len(*at) > 0 {
			var list []byte
			for _, v := range *at {
				list = protowire.AppendVarint(list, uint64(v))
			}
			bytes(list)
		}
	case *[]float32:
		if len(*at) > 0 {
			var list []byte
			for _, v := range *at {
				list = protowire.AppendFixed32(list, math.Float32bits(v))
			}
			bytes(list)
		}
	case *Ints:
		if len(*at) > 0 {
			bytes(*at)
		}
	case *Floats:
		if len(*at) > 0 {
			bytes(*at)
		}
	case *Doubles:
		if len(*at) > 0 {
			bytes(*at)
		}
	}
	return b
}
