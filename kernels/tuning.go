package kernels

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crease-ml/crease/internal/safefile"
)

// Tuning holds parameters of kernels for some devices. It applies to a device if every name
// in it is a part of the corresponding name that the device reports, in lower case.
type Tuning struct {
	Vendor    string `json:"vendor,omitempty"`
	Arch      string `json:"arch,omitempty"`
	Device    string `json:"device,omitempty"`
	Processor bool   `json:"processor,omitempty"` // only where the device is a processor
	// Params are parameters by kernel; those of "*" are of every kernel that has them
	// and no value of its own here. PREFER is a kernel's rank among those for the same
	// op; the rest are the kernel's.
	Params map[string]Params `json:"params"`
}

// paramLimit is the largest value of a parameter. It is above every useful one, and so low
// that products of a few parameters do not overflow.
const paramLimit = 1 << 12

// Params holds tuning parameters by name.
type Params map[string]int

// prefer is the name of the parameter that ranks the kernels for one op.
const prefer = "PREFER"

// tuningTable is the parameters of kernels on devices where the defaults in the .k
// files are not the best. Later rows win, so it goes from vendors to single
// devices. It is filled by measuring, see crease tune, never by a search while a
// program runs.
//
//go:embed tuning.json
var tuningTable []byte

// TuningFile returns the path of the user's own table: the file that CREASE_TUNING names, or
// one in the user's configuration directory. It returns "" where there is no such directory,
// or where CREASE_TUNING is "off".
func TuningFile() string {
	switch path := os.Getenv("CREASE_TUNING"); path {
	case "off":
		return ""
	case "":
		dir, err := os.UserConfigDir()
		if err != nil {
			return ""
		}
		return filepath.Join(dir, "crease", "tuning.json")
	default:
		return path
	}
}

// tuningFileLimit is the longest table that is read, in bytes.
const tuningFileLimit = 1 << 20

// TuningError is returned for a table that cannot be used.
type TuningError struct {
	Path string
	Err  error
}

func (e *TuningError) Error() string {
	where := "tuning table " + e.Path
	if file := new(safefile.Error); errors.As(e.Err, &file) {
		where = "tuning table" // the error has the path
	}
	return fmt.Sprintf("%s: %v; mend or delete it, or set CREASE_TUNING=off", where, e.Err)
}

func (e *TuningError) Unwrap() error { return e.Err }

// ExitCode is the command line's code for a file that cannot be used.
func (e *TuningError) ExitCode() int { return 5 }

// readTuning reads a table. A file that does not exist counts as an empty table.
func readTuning(path string) ([]Tuning, error) {
	fail := func(err error) error {
		return &TuningError{Path: path, Err: err}
	}
	b, err := safefile.Read(path, tuningFileLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fail(err)
	}
	rows, err := parseTuning(b)
	if err != nil {
		return nil, fail(err)
	}
	return rows, nil
}

func parseTuning(b []byte) (rows []Tuning, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&rows); err != nil {
		return nil, err
	}
	for i, row := range rows {
		for kernel, params := range row.Params {
			for name, v := range params {
				if name != prefer && (v < 1 || v > paramLimit) {
					return nil, fmt.Errorf("row %d: %s: %s is %d, want 1 to %d", i+1, kernel, name, v, paramLimit)
				}
			}
		}
	}
	return rows, nil
}

// CheckTuning returns the error that [SaveTuning] would return because of the file. A search
// for parameters takes minutes, so its caller wants to know before.
func CheckTuning(path string) error {
	if _, err := readTuning(path); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return &TuningError{Path: path, Err: err}
	}
	return safefile.CheckWrite(path)
}

// SaveTuning stores parameters of a kernel in the table of a file, which it makes if there is
// none. They go to the row that has the same names as device, where they replace
// former values of the same parameters.
func SaveTuning(path string, device Tuning, kernel string, values Params) error {
	rows, err := readTuning(path)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(rows, func(r Tuning) bool {
		return r.Vendor == device.Vendor && r.Arch == device.Arch && r.Device == device.Device && r.Processor == device.Processor
	})
	if i < 0 {
		device.Params = nil
		i, rows = len(rows), append(rows, device)
	}
	if rows[i].Params == nil {
		rows[i].Params = map[string]Params{}
	}
	if rows[i].Params[kernel] == nil {
		rows[i].Params[kernel] = Params{}
	}
	maps.Copy(rows[i].Params[kernel], values)
	b, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return &TuningError{Path: path, Err: err}
	}
	return safefile.Write(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// tuned holds the parameters that apply to one device, by kernel.
type tuned map[string]Params

// tunedFor merges the rows of the tables that apply to a device.
func tunedFor(caps Caps) (tuned, error) {
	rows, err := parseTuning(tuningTable)
	if err != nil {
		return nil, fmt.Errorf("kernels: tuning.json: %w", err)
	}
	if path := TuningFile(); path != "" {
		own, err := readTuning(path)
		if err != nil {
			return nil, err
		}
		rows = append(rows, own...)
	}
	part := func(of, name string) bool { return strings.Contains(strings.ToLower(of), name) }
	all := tuned{}
	for _, row := range rows {
		if row.Processor && !caps.CPU || !part(caps.Vendor, row.Vendor) || !part(caps.Arch, row.Arch) || !part(caps.Device, row.Device) {
			continue
		}
		for kernel, values := range row.Params {
			if all[kernel] == nil {
				all[kernel] = Params{}
			}
			maps.Copy(all[kernel], values)
		}
	}
	return all, nil
}

// with returns a copy of the table with other parameters for a kernel.
func (t tuned) with(kernel string, values Params) tuned {
	t = maps.Clone(t)
	t[kernel] = maps.Clone(t[kernel])
	if t[kernel] == nil {
		t[kernel] = Params{}
	}
	maps.Copy(t[kernel], values)
	return t
}

// of returns the value of a kernel's parameter.
func (t tuned) of(kernel string, p tune) int {
	if v, ok := t[kernel][p.name]; ok {
		return v
	}
	if v, ok := t["*"][p.name]; ok {
		return v
	}
	return p.value
}
