package kernels

import (
	"maps"
	"strings"
)

// tuning is the parameters of kernels on devices, where the defaults in the .k
// files are not the best. A row applies where every name it gives is a part of the
// device's; later rows win, so the table goes from vendors to single devices. It is
// filled by measuring, never by a search while a program runs.
var tuning = []struct {
	vendor, arch, device string // lower case, "" for any
	cpu                  bool   // only where the device is a processor
	params               map[string]map[string]int
}{
	// The simulator and the emulation are slow: small tiles, so that tiny shapes are
	// quick.
	{device: "oclgrind", params: small},
	{device: "emulate", params: small},
}

var small = map[string]map[string]int{
	"*":      {"GROUP": 8, "BLOCKS": 1}, // every kernel that has such a parameter
	"matmul": smallTiles, "linear": smallTiles, "conv2d": smallTiles, "conv2d_grad_input": smallTiles, "conv2d_grad_weight": smallTiles,
}

var smallTiles = map[string]int{"SIDE": 4, "EACH": 2, "DEPTH": 4}

// tuned is the tuning parameters of a kernel on this device.
func (l *library) tuned(t *text) map[string]int {
	params := t.tunes
	for _, row := range tuning {
		if row.cpu && !l.caps.CPU || !strings.Contains(strings.ToLower(l.caps.Vendor), row.vendor) ||
			!strings.Contains(strings.ToLower(l.caps.Arch), row.arch) || !strings.Contains(strings.ToLower(l.caps.Device), row.device) {
			continue
		}
		for _, name := range []string{"*", t.name} {
			for param, v := range row.params[name] {
				if _, has := params[param]; has {
					params = maps.Clone(params)
					params[param] = v
				}
			}
		}
	}
	return params
}
