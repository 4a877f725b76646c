// Package jsonobj makes the JSON that crease prints and logs: what encoding/json makes,
// but numbers that JSON does not have are the texts "NaN", "Infinity" and "-Infinity", where
// encoding/json fails, and a list without elements is [] also where it is nil. Logs of
// training runs need the first, scripts that read results the second.
package jsonobj

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Marshal returns a value as JSON on one line.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	err := put(&b, reflect.ValueOf(v))
	return b.Bytes(), err
}

// Join returns one object with the members of two. Both must be objects as [Marshal] writes
// them, with other keys.
func Join(a, b []byte) []byte {
	switch {
	case len(a) == len("{}"):
		return b
	case len(b) == len("{}"):
		return a
	}
	return slices.Concat(a[:len(a)-1], []byte{','}, b[1:])
}

// put goes down to the numbers, and leaves to encoding/json what has none.
func put(b *bytes.Buffer, v reflect.Value) error {
	if !v.IsValid() {
		b.WriteString("null")
		return nil
	}
	if _, own := v.Interface().(json.Marshaler); own {
		return plain(b, v)
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		switch f := v.Float(); {
		case math.IsNaN(f):
			b.WriteString(`"NaN"`)
		case math.IsInf(f, 1):
			b.WriteString(`"Infinity"`)
		case math.IsInf(f, -1):
			b.WriteString(`"-Infinity"`)
		default:
			return plain(b, v)
		}
		return nil
	case reflect.Pointer, reflect.Interface:
		return put(b, v.Elem())
	case reflect.Struct:
		b.WriteByte('{')
		first := true
		if err := putFields(b, v, &first); err != nil {
			return err
		}
		b.WriteByte('}')
		return nil
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8 {
			return plain(b, v)
		}
		b.WriteByte('[') // a result without rows is an empty list, not null
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := put(b, v.Index(i)); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	if v.Kind() == reflect.Map && v.Type().Key().Kind() == reflect.String {
		b.WriteByte('{')
		keys := v.MapKeys()
		slices.SortFunc(keys, func(x, y reflect.Value) int { return cmp.Compare(x.String(), y.String()) })
		for i, k := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := putKey(b, k.String()); err != nil {
				return err
			}
			if err := put(b, v.MapIndex(k)); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	}
	return plain(b, v)
}

func putKey(b *bytes.Buffer, key string) error {
	text, err := json.Marshal(key)
	b.Write(text)
	b.WriteByte(':')
	return err
}

// putFields writes the fields of a struct, those of embedded ones among them.
func putFields(b *bytes.Buffer, v reflect.Value, first *bool) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && isStruct(f.Type):
			inner := v.Field(i)
			if inner.Kind() == reflect.Pointer {
				inner = inner.Elem()
			}
			if inner.IsValid() {
				if err := putFields(b, inner, first); err != nil {
					return err
				}
			}
			continue
		case !f.IsExported() || name == "-" || strings.Contains(options, "omitempty") && v.Field(i).IsZero():
			continue
		case name == "":
			name = f.Name
		}
		if !*first {
			b.WriteByte(',')
		}
		*first = false
		if err := putKey(b, name); err != nil {
			return err
		}
		if err := put(b, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func plain(b *bytes.Buffer, v reflect.Value) error {
	text, err := json.Marshal(v.Interface())
	b.Write(text)
	return err
}

func isStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}
