package onnx

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/crease-ml/crease/onnx/pb"
)

// dataFiles are the files beside a model that hold elements of its tensors. They lie in
// the model's folder or below; os.Root keeps links from leading out of it.
type dataFiles struct {
	root *os.Root // nil for a model that was not read from a file
}

// place is where in which file a tensor's elements are.
type place struct {
	name           string
	offset, length int64 // length -1: to the end of the file
}

// placeOf reads and checks a tensor's external data, as the checker of ONNX does.
func placeOf(t *pb.Tensor) (place, error) {
	p := place{length: -1}
	for _, e := range t.ExternalData {
		switch e.Key {
		case "location":
			p.name = e.Value
		case "offset", "length":
			n, err := strconv.ParseInt(e.Value, 10, 64)
			if err != nil || n < 0 {
				return p, fmt.Errorf("the %s of its external data is %q, want a number that is not negative", e.Key, e.Value)
			}
			if e.Key == "offset" {
				p.offset = n
			} else {
				p.length = n
			}
		}
	}
	switch {
	case p.name == "":
		return p, fmt.Errorf("its external data name no file")
	case strings.ContainsAny(p.name, "\\\x00") || filepath.IsAbs(p.name) || !fs.ValidPath(strings.TrimPrefix(p.name, "./")):
		return p, fmt.Errorf("its external data are in %q, which is not a plain path inside the model's folder", p.name)
	}
	return p, nil
}

// check looks at the file without reading it.
func (d *dataFiles) check(t *pb.Tensor, want int) error {
	f, _, err := d.open(t, want)
	if err != nil {
		return err
	}
	return f.Close()
}

func (d *dataFiles) open(t *pb.Tensor, want int) (*os.File, place, error) {
	p, err := placeOf(t)
	if err != nil {
		return nil, p, err
	}
	if d == nil || d.root == nil {
		return nil, p, fmt.Errorf("its data are in the file %s, and the model was not read from a file", p.name)
	}
	f, err := d.root.Open(filepath.FromSlash(strings.TrimPrefix(p.name, "./")))
	if err != nil {
		return nil, p, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = fmt.Errorf("the file of its external data, %s, is not a plain file", p.name)
	case p.offset > info.Size():
		err = fmt.Errorf("its external data start at byte %d of %s, which has %d", p.offset, p.name, info.Size())
	default:
		if p.length < 0 {
			p.length = int64(want)
		}
		if p.length > info.Size()-p.offset {
			err = fmt.Errorf("its external data, %d bytes at %d, do not fit in %s, which has %d", p.length, p.offset, p.name, info.Size())
		} else if p.length != int64(want) {
			err = fmt.Errorf("its external data have %d bytes, its type and shape need %d", p.length, want)
		}
	}
	if err != nil {
		f.Close()
		return nil, p, err
	}
	return f, p, nil
}

// read reads a tensor's elements; want is how many bytes its type and shape need.
func (d *dataFiles) read(t *pb.Tensor, want int) ([]byte, error) {
	f, p, err := d.open(t, want)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, want)
	if _, err := io.ReadFull(io.NewSectionReader(f, p.offset, p.length), buf); err != nil {
		return nil, fmt.Errorf("reading %s: %w", p.name, err)
	}
	return buf, nil
}
