package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// jsonSchema is the version of all JSON that the command prints, described in docs/json.md.
// It is raised when a key goes away or means something else, not when one is added.
const jsonSchema = 1

// writeJSON prints a value as a line of JSON: an object, or a list of objects, each of which
// begins with the key schema.
func writeJSON(w io.Writer, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var list []json.RawMessage
	if text[0] == '[' || bytes.Equal(text, []byte("null")) {
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
	_, err = w.Write(append(text, '\n'))
	return err
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
