package hal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/crease-ml/crease/internal/debug"
	"github.com/crease-ml/crease/internal/near"
)

// Status describes one device that a driver knows of, whether it is present or not.
type Status struct {
	Name    string // in the device grammar
	Info    Info   // meaningful when Present
	Present bool
	Reason  string // why it is absent
	Remedy  string // what to do about it
}

// Driver finds and opens devices of one kind.
type Driver struct {
	Kind string
	// Preference orders drivers for "auto": the highest with a present device
	// wins. The CPU has 0.
	Preference int
	// Probe lists the devices, each absent one with a reason. It starts no
	// hardware and returns within a second.
	Probe func() []Status
	// Open opens a device anew: its caller has it to himself until he closes it. A
	// device that is not there is an *AbsentError.
	Open func(Spec) (Device, error)
}

var drivers struct {
	sync.Mutex
	byKind map[string]Driver
	open   map[string]Device
}

// Register makes a driver known. Backends call it from init; a second driver
// of the same kind panics.
func Register(d Driver) {
	drivers.Lock()
	defer drivers.Unlock()
	if drivers.byKind == nil {
		drivers.byKind, drivers.open = map[string]Driver{}, map[string]Device{}
	}
	if _, dup := drivers.byKind[d.Kind]; dup {
		panic("hal: driver " + d.Kind + " is registered twice")
	}
	drivers.byKind[d.Kind] = d
}

// Drivers returns every registered driver, the most preferred first.
func Drivers() []Driver {
	drivers.Lock()
	defer drivers.Unlock()
	var ds []Driver
	for _, d := range drivers.byKind {
		ds = append(ds, d)
	}
	slices.SortFunc(ds, func(a, b Driver) int {
		return cmp.Or(cmp.Compare(b.Preference, a.Preference), cmp.Compare(a.Kind, b.Kind))
	})
	return ds
}

// elsewhere holds the kinds of device whose drivers are in packages of their own, which a
// program may not have imported, with the text that then says why the device is absent.
var elsewhere = map[string]string{
	"cuda":   "this build has no CUDA driver",
	"opencl": "this build has no OpenCL driver",
	"opengl": "this build has no OpenGL driver",
	"tpu":    "this build has no TPU emulator",
}

// remedy returns the advice for a device whose driver is not in the binary: which import
// brings the driver, for whoever writes the program, and which command lists the devices
// that there are, for whoever runs it.
func remedy(kind string) string {
	const path = "github.com/crease-ml/crease/"
	if kind == "opengl" {
		return `Try "crease devices", or --device auto.`
	}
	return fmt.Sprintf(`In a program, import _ "%s%s", or _ "%[1]sall" for every device. Or try "crease devices", or --device auto.`, path, kind)
}

// AbsentKinds lists the kinds of the device grammar that have no driver in this
// binary, as absent devices with the reason.
func AbsentKinds() []Status {
	have := map[string]bool{}
	for _, d := range Drivers() {
		have[d.Kind] = true
	}
	var out []Status
	for kind, why := range elsewhere {
		if !have[kind] {
			out = append(out, Status{Name: kind, Reason: why, Remedy: remedy(kind)})
		}
	}
	slices.SortFunc(out, func(a, b Status) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Open returns the device of that name, opening it on first use and after it has
// been closed. The same name gives the same device, so that tensors made on it in
// different parts of a program share its memory. "auto" opens the first device that is
// present, in order of preference.
func Open(name string) (Device, error) {
	spec, err := ParseSpec(name)
	if err != nil {
		return nil, err
	}
	if spec.Kind == "auto" {
		if spec.String() != "auto" {
			return nil, &SpecError{Spec: name, Reason: "auto takes no index, arch or options"}
		}
		return openAuto()
	}
	drivers.Lock()
	defer drivers.Unlock()
	if d, ok := drivers.open[spec.String()]; ok && !isClosed(d) {
		return d, nil
	}
	d, err := open(spec, name)
	if err != nil {
		return nil, err
	}
	drivers.open[spec.String()] = d
	return d, nil
}

// OpenNew opens a device of that name for the caller alone, who must close it. It is for
// tests, and for programs that must not share a device's memory with other code.
func OpenNew(name string) (Device, error) {
	spec, err := ParseSpec(name)
	if err != nil {
		return nil, err
	}
	drivers.Lock()
	defer drivers.Unlock()
	return open(spec, name)
}

// open opens a device with the driver of its kind. The caller holds the lock on drivers.
func open(spec Spec, name string) (Device, error) {
	drv, ok := drivers.byKind[spec.Kind]
	if ok {
		d, err := drv.Open(spec)
		if err == nil && debug.On(debug.Devices) {
			opened(d.Info())
		}
		return d, err
	}
	if why, known := elsewhere[spec.Kind]; known {
		return nil, &AbsentError{Device: name, Reason: why, Remedy: remedy(spec.Kind)}
	}
	var kinds []string
	for k := range drivers.byKind {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	known := slices.Concat(kinds, slices.Sorted(maps.Keys(elsewhere)), []string{"auto"})
	reason := fmt.Sprintf("no driver of kind %q%s", spec.Kind, near.Hint(spec.Kind, known))
	return nil, &SpecError{Spec: name, Reason: strings.TrimSuffix(reason, "?") + "; this build has: " + strings.Join(kinds, ", ")}
}

// opened prints what device was opened.
func opened(i Info) {
	facts := []string{"opened"}
	if i.Description != "" {
		facts = append(facts, i.Description)
	}
	if i.Threads > 0 {
		facts = append(facts, fmt.Sprintf("%d threads", i.Threads))
	}
	if i.Memory > 0 {
		facts = append(facts, fmt.Sprintf("%.1f GiB", float64(i.Memory)/(1<<30)))
	}
	debug.Printf("%-10s %s", i.Name, strings.Join(facts, ", "))
}

// isClosed reports whether a device has been closed. It asks for a buffer of 0 bytes, which
// only a closed device refuses with ErrClosed.
func isClosed(d Device) bool {
	b, err := d.Alloc(0)
	if err == nil {
		b.Free()
	}
	return errors.Is(err, ErrClosed)
}

// openAuto opens the first device that is present. Its error names every device that is not,
// with the reason.
func openAuto() (Device, error) {
	var why []string
	for _, drv := range Drivers() {
		if drv.Preference < 0 {
			continue // only by name: emulators and test devices
		}
		for _, s := range drv.Probe() {
			if !s.Present {
				why = append(why, s.Name+": "+s.Reason)
				continue
			}
			d, err := Open(s.Name)
			if err == nil {
				return d, nil
			}
			why = append(why, s.Name+": "+err.Error())
		}
	}
	return nil, &AbsentError{Device: "auto", Reason: "no device is present (" + strings.Join(why, "; ") + ")"}
}
