package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
)

// jsonSchema is the version of all JSON that the command prints, described in docs/json.md.
// It is raised when a key goes away or means something else, not when one is added.
const jsonSchema = 1

// writeJSON writes a result on one line: an object, or a list of objects, each of which
// begins with the key schema. Numbers that JSON does not have are the strings "NaN",
// "Infinity" and "-Infinity"; everything else is as encoding/json has it.
func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	if err := putJSON(&b, reflect.ValueOf(v)); err != nil {
		return err
	}
	text := b.Bytes()
	if text[0] == '[' {
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
		for i := range list {
			list[i] = versioned(list[i])
		}
		text = append(append([]byte{'['}, bytes.Join(rawBytes(list), []byte{','})...), ']')
	} else {
		text = versioned(text)
	}
	_, err := w.Write(append(text, '\n'))
	return err
}

// putJSON goes down to the numbers, and leaves to encoding/json what has none.
func putJSON(b *bytes.Buffer, v reflect.Value) error {
	if !v.IsValid() {
		b.WriteString("null")
		return nil
	}
	if _, own := v.Interface().(json.Marshaler); own {
		return plainJSON(b, v)
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
			return plainJSON(b, v)
		}
		return nil
	case reflect.Pointer, reflect.Interface:
		return putJSON(b, v.Elem())
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
			return plainJSON(b, v)
		}
		b.WriteByte('[') // a result without rows is an empty list, not null
		for i := range v.Len() {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := putJSON(b, v.Index(i)); err != nil {
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
			if err := putJSON(b, v.MapIndex(k)); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	}
	return plainJSON(b, v)
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
		if err := putJSON(b, v.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func plainJSON(b *bytes.Buffer, v reflect.Value) error {
	text, err := json.Marshal(v.Interface())
	b.Write(text)
	return err
}

func isStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct || t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct
}

func rawBytes(list []json.RawMessage) [][]byte {
	out := make([][]byte, len(list))
	for i, r := range list {
		out[i] = r
	}
	return out
}

// versioned puts the key schema before those of an object.
func versioned(object []byte) []byte {
	if len(object) < 2 || object[0] != '{' {
		return object
	}
	head := fmt.Appendf(nil, `{"schema":%d`, jsonSchema)
	if object[1] != '}' {
		head = append(head, ',')
	}
	return append(head, object[1:]...)
}
