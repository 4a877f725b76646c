package kernels

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// tuning is parameters of kernels for some devices. It applies where every name it
// gives is a part of what the device says of itself, in lower case.
type tuning struct {
	Vendor    string `json:"vendor,omitempty"`
	Arch      string `json:"arch,omitempty"`
	Device    string `json:"device,omitempty"`
	Processor bool   `json:"processor,omitempty"` // only where the device is a processor
	// Params are parameters by kernel; those of "*" are of every kernel that has them
	// and no value of its own here. PREFER is a kernel's rank among those for the same
	// op; the rest are the kernel's.
	Params map[string]params `json:"params"`
}

// paramLimit is above every useful parameter, and low enough that the products of
// a few do not overflow.
const paramLimit = 1 << 12

// params is tuning parameters by name.
type params map[string]int

// prefer ranks kernels for one op.
const prefer = "PREFER"

// tuningTable is the parameters of kernels on devices where the defaults in the .k
// files are not the best. Later rows win, so it goes from vendors to single
// devices. It is filled by measuring, never by a search while a program runs.
//
//go:embed tuning.json
var tuningTable []byte

// tuningFile is where the user's own table is: the file that CREASE_TUNING names, or
// one in the user's configuration directory. It is empty where there is none, or
// where CREASE_TUNING is "off".
func tuningFile() string {
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

// readTuning reads a table; a file that does not exist is an empty one.
func readTuning(path string) ([]tuning, error) {
	info, err := os.Stat(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	fail := func(err error) error {
		return fmt.Errorf("tuning table %s: %w; mend or delete it, or set CREASE_TUNING=off", path, err)
	}
	if err != nil {
		return nil, fail(err)
	}
	if !info.Mode().IsRegular() || info.Size() > tuningFileLimit {
		return nil, fail(fmt.Errorf("it is no file of at most %d bytes", tuningFileLimit))
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fail(err)
	}
	rows, err := parseTuning(b)
	if err != nil {
		return nil, fail(err)
	}
	return rows, nil
}

func parseTuning(b []byte) (rows []tuning, err error) {
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

// tuned is the parameters that apply to one device, by kernel.
type tuned map[string]params

// tunedFor takes the rows of the tables that apply.
func tunedFor(caps Caps) (tuned, error) {
	rows, err := parseTuning(tuningTable)
	if err != nil {
		return nil, fmt.Errorf("kernels: tuning.json: %w", err)
	}
	if path := tuningFile(); path != "" {
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
				all[kernel] = params{}
			}
			maps.Copy(all[kernel], values)
		}
	}
	return all, nil
}

// of is the value of a kernel's parameter.
func (t tuned) of(kernel string, p tune) int {
	if v, ok := t[kernel][p.name]; ok {
		return v
	}
	if v, ok := t["*"][p.name]; ok {
		return v
	}
	return p.value
}
