package tpu

import (
	"fmt"
	"maps"
	"strings"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/tpu/arch"
)

const kind = "tpu"

func init() {
	hal.Register(hal.Driver{Kind: kind, Preference: -1, Probe: probe, Open: open})
}

// probe lists the presets: an emulator is always there.
func probe() []hal.Status {
	var out []hal.Status
	for _, name := range arch.Names {
		c, err := arch.Preset(name)
		if err != nil {
			continue // a name of the list is a preset
		}
		s := hal.Status{Name: kind + ":" + name, Present: true}
		s.Info = info(s.Name, c)
		out = append(out, s)
	}
	return out
}

// valuesOption switches values off.
const valuesOption = "values"

func open(s hal.Spec) (hal.Device, error) {
	if s.Arch != "" {
		return nil, &hal.SpecError{Spec: s.String(), Reason: fmt.Sprintf("the emulated TPU has no arch %q; a chip is named as in tpu:v2", s.Arch)}
	}
	if s.Index == "" && len(s.Options) == 0 {
		return nil, &hal.SpecError{Spec: s.String(), Reason: "which one: " + kind + ":" + strings.Join(arch.Names, ", "+kind+":") + ", or tpu@rows=R,cols=C"}
	}
	opts := maps.Clone(s.Options)
	values := true
	switch v, given := opts[valuesOption]; {
	case !given, v == "on":
	case v == "off":
		values = false
	default:
		return nil, &hal.SpecError{Spec: s.String(), Reason: fmt.Sprintf("values=%s: want on or off", v)}
	}
	delete(opts, valuesOption)
	cfg, err := arch.Parse(s.Index, opts)
	if err != nil {
		return nil, &hal.SpecError{Spec: s.String(), Reason: strings.TrimPrefix(err.Error(), "tpu: ")}
	}
	return newDevice(s.String(), cfg, values)
}
