package kernels

import (
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Tuner is a device whose portable kernels can be tuned.
type Tuner interface {
	hal.Device
	Library() *Library
}

// Tunable is a kernel with parameters.
type Tunable struct {
	Name   string // in the tuning table
	Kernel string // in the registry
	Params Params // as they are
	Trials []Trial
}

// Trial is values that are worth trying for a parameter.
type Trial struct {
	Param string
	Among []int
}

// Tunables lists the portable kernels of this device that compute an op in an
// element type and have parameters, "map" for an elementwise op.
func (l *Library) Tunables(op *ops.Op, t dtype.Type) []Tunable {
	var out []Tunable
	add := func(name, kernel string, tunes []tune) {
		if len(tunes) == 0 {
			return
		}
		u := Tunable{Name: name, Kernel: kernel, Params: Params{}}
		for _, p := range tunes {
			u.Params[p.name] = l.tuned.of(name, p)
			u.Trials = append(u.Trials, Trial{p.name, p.among})
		}
		out = append(out, u)
	}
	if op.Expr != nil {
		add("map", mapName(op, t), []tune{groupTune, itemsTune})
	}
	for _, text := range l.order {
		if text.op == op.Name && text.serves(t) {
			add(text.name, text.kernelName(t), text.tunes)
		}
	}
	return out
}

// Set gives parameters of a kernel other values, for calls to come.
func (l *Library) Set(kernel string, params Params) { l.tuned.set(kernel, params) }

// Device is a row of the tuning table for this device alone, without parameters.
func (l *Library) Device() Tuning {
	return Tuning{Vendor: strings.ToLower(l.caps.Vendor), Device: strings.ToLower(l.caps.Device)}
}
