package cuda

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/cuda/emulate"
	"github.com/crease-ml/crease/cuda/libcuda"
	"github.com/crease-ml/crease/hal"
)

const (
	kind       = "cuda"
	remedy     = "Install NVIDIA's driver (it comes with libcuda.so.1; no toolkit is needed), or use --device cuda@emulate, which interprets, or --device cpu."
	seeDevices = `See "crease devices".`

	optEmulate = "emulate"
	optProfile = "profile"
	optSeed    = "seed"
)

// A GPU is what people mean who ask for the best device.
func init() {
	hal.Register(hal.Driver{Kind: kind, Preference: 10, Probe: probe, Open: open})
}

// start opens the machine's driver, once. A driver that does not start will not.
var start = sync.OnceValues(func() (driver.Driver, error) {
	drv, err := libcuda.Open()
	if err != nil {
		return nil, err
	}
	if r := drv.Init(); r != driver.Success {
		return nil, fmt.Errorf("%s was opened and does not start: cuInit: %s", drv.Name(), r)
	}
	return drv, nil
})

// count returns how many devices a driver has. It is an error to have none.
func count(drv driver.Driver) (int, error) {
	n, r := drv.DeviceCount()
	switch {
	case r != driver.Success:
		return 0, fmt.Errorf("%s: cuDeviceGetCount: %s", drv.Name(), r)
	case n == 0:
		return 0, fmt.Errorf("%s has no device", drv.Name())
	}
	return n, nil
}

func probe() []hal.Status {
	drv, err := start()
	n := 0
	if err == nil {
		n, err = count(drv)
	}
	if err != nil {
		return []hal.Status{{Name: kind, Reason: err.Error(), Remedy: remedy}}
	}
	var out []hal.Status
	for i := range n {
		s := hal.Status{Name: fmt.Sprintf("%s:%d", kind, i)}
		f, err := find(drv, i)
		if err == nil {
			err = f.unfit()
		}
		if err != nil {
			s.Reason, s.Remedy = err.Error(), "Use another device."
		} else {
			s.Present, s.Info = true, f.info(s.Name)
		}
		out = append(out, s)
	}
	return out
}

func open(spec hal.Spec) (hal.Device, error) {
	d, err := openSpec(spec)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func openSpec(spec hal.Spec) (*Device, error) {
	wrong := func(format string, args ...any) (*Device, error) {
		return nil, &hal.SpecError{Spec: spec.String(), Reason: fmt.Sprintf(format, args...)}
	}
	if spec.Arch != "" {
		return wrong("a CUDA device has no arch to choose")
	}
	if err := spec.CheckOptions(optEmulate, optProfile, optSeed); err != nil {
		return nil, err
	}
	profile, ok := map[string]bool{"": false, "0": false, "1": true, hal.On: true}[spec.Options[optProfile]]
	if !ok {
		return wrong("profile is 0 or 1: whether events carry times of the device's clock")
	}
	index := 0
	if spec.Index != "" {
		var err error
		if index, err = strconv.Atoi(spec.Index); err != nil || index < 0 {
			return wrong("a CUDA device is named by its number")
		}
	}
	if spec.Options[optSeed] != "" && spec.Options[optEmulate] == "" {
		return wrong("seed is of the emulated driver: cuda@emulate,seed=1")
	}
	drv, err := start, error(nil)
	switch spec.Options[optEmulate] {
	case "":
	case hal.On:
		seed := uint64(1)
		if s := spec.Options[optSeed]; s != "" {
			if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
				return wrong("seed is a number")
			}
		}
		drv = func() (driver.Driver, error) { return emulate.New(seed), nil }
	default:
		return wrong("emulate has no value: cuda@emulate")
	}
	return openDriver(drv, index, spec.String(), profile)
}

// openDriver opens a device of a driver.
func openDriver(start func() (driver.Driver, error), index int, name string, profile bool) (*Device, error) {
	absent := func(err error, remedy string) (*Device, error) {
		return nil, &hal.AbsentError{Device: name, Reason: err.Error(), Remedy: remedy}
	}
	drv, err := start()
	if err != nil {
		return absent(err, remedy)
	}
	n, err := count(drv)
	if err != nil {
		return absent(err, remedy)
	}
	if index >= n {
		return absent(fmt.Errorf("the number of CUDA devices here is %d, counted from 0", n), seeDevices)
	}
	f, err := find(drv, index)
	if err == nil {
		err = f.unfit()
	}
	if err != nil {
		return absent(err, seeDevices)
	}
	return newDevice(f, name, profile)
}
