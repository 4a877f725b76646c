package conformance

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/crease-ml/crease/internal/safefile"
)

// Data holds the files of tests.
type Data struct {
	dir   string
	files map[string][]byte
}

// maxArchive limits what an archive of tests unpacks to.
const maxArchive = 1 << 30

// Open reads a .tar.gz file, or uses a folder.
func Open(name string) (*Data, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return &Data{dir: name}, nil
	}
	f, _, err := safefile.Open(name, maxArchive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	d := &Data{files: map[string][]byte{}}
	total := int64(0)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return d, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if total += h.Size; total > maxArchive {
			return nil, fmt.Errorf("%s unpacks to more than %d bytes", name, maxArchive)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		d.files[path.Clean(h.Name)] = b
	}
}

// read is a file, or nil where there is none.
func (d *Data) read(name string) []byte {
	if d.dir != "" {
		b, err := safefile.Read(filepath.Join(d.dir, filepath.FromSlash(name)), maxArchive)
		if err != nil {
			return nil
		}
		return b
	}
	return d.files[name]
}

// Case is a test.
type Case struct {
	Class string `json:"class"`
	Name  string `json:"case"` // suite/name
}

// List reads a list of cases: a class, a tab and suite/name on each line, or suite/name
// alone.
func List(name string) ([]Case, error) {
	f, _, err := safefile.Open(name, maxArchive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []Case
	s := bufio.NewScanner(f)
	for s.Scan() {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		class, name, ok := strings.Cut(line, "\t")
		if !ok {
			class, name = "", line
		}
		if suite, test, ok := strings.Cut(name, "/"); !ok || strings.ContainsAny(suite+test, `/\`) || strings.Contains(name, "..") {
			return nil, fmt.Errorf("case %q: want suite/name", name)
		}
		out = append(out, Case{class, name})
	}
	return out, s.Err()
}

// model, inputs and outputs of a case. A nil list of inputs means that they are made.
func (d *Data) load(c Case) (model []byte, in, out [][]byte, err error) {
	if strings.HasPrefix(c.Name, "light/") {
		model = d.read(c.Name + ".onnx")
		out = d.series(c.Name + "_output_")
	} else {
		model = d.read(c.Name + "/model.onnx")
		in, out = d.series(c.Name+"/test_data_set_0/input_"), d.series(c.Name+"/test_data_set_0/output_")
		if in == nil {
			in = [][]byte{}
		}
	}
	if model == nil {
		return nil, nil, nil, fmt.Errorf("there is no model of the case %s", c.Name)
	}
	return model, in, out, nil
}

func (d *Data) series(prefix string) (out [][]byte) {
	for i := 0; ; i++ {
		b := d.read(fmt.Sprintf("%s%d.pb", prefix, i))
		if b == nil {
			return out
		}
		out = append(out, b)
	}
}
