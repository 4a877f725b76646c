package main

import (
	"bytes"
	"fmt"
	"io"
	"reflect"

	"github.com/crease-ml/crease/internal/jsonobj"
)

// jsonSchema is the version of all JSON that the command prints, described in docs/json.md.
// It is raised when a key goes away or means something else, not when one is added.
const jsonSchema = 1

// writeJSON writes a result on one line: an object, or a list of objects, each of which
// begins with the key schema. Numbers are as in package jsonobj.
func writeJSON(w io.Writer, v any) error {
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		text, err := versioned(v)
		if err != nil {
			return err
		}
		_, err = w.Write(append(text, '\n'))
		return err
	}
	objects := make([][]byte, list.Len())
	for i := range objects {
		var err error
		if objects[i], err = versioned(list.Index(i).Interface()); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "[%s]\n", bytes.Join(objects, []byte{','}))
	return err
}

// versioned is an object with the key schema before its own.
func versioned(v any) ([]byte, error) {
	text, err := jsonobj.Marshal(v)
	return jsonobj.Join(fmt.Appendf(nil, `{"schema":%d}`, jsonSchema), text), err
}
