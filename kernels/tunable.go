package kernels

import (
	"slices"
	"strings"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// Tuner is implemented by devices that run portable kernels.
type Tuner interface {
	hal.Device
	Portable() *Library
}

// Tunable holds a portable kernel that computes an op in an element type, with its
// parameters.
type Tunable struct {
	Name     string // in tuning tables; "map" for every elementwise op
	Kernel   string // in the registry
	Priority int    // there
	Params   []Param

	with func(*Library) *hal.Kernel
	of   *Library
}

// Param holds a parameter of a kernel and its value on a device.
type Param struct {
	Name  string
	Value int   // in force
	Among []int // values worth trying; none where the kernel's author knows of none
}

// Tunables returns the portable kernels for an op that have parameters.
func (l *Library) Tunables(op *ops.Op, t dtype.Type) []*Tunable {
	var out []*Tunable
	add := func(name string, tunes []tune, with func(*Library) *hal.Kernel) {
		k := with(l)
		u := &Tunable{Name: name, Kernel: k.Name, Priority: k.Priority, with: with, of: l}
		for _, p := range tunes {
			u.Params = append(u.Params, Param{p.name, l.tuned.of(name, p), p.among})
		}
		out = append(out, u)
	}
	if !slices.Contains(op.Types, t) || !l.computes(classOf(t)) {
		return nil
	}
	if op.Expr != nil {
		add(mapTable, []tune{groupTune, itemsTune}, func(l *Library) *hal.Kernel { return l.mapKernel(op, t) })
	}
	for _, text := range texts() {
		if text.op == op.Name && len(text.tunes) > 0 && text.takes(t) && l.reads(text) {
			add(text.name, text.tunes, func(l *Library) *hal.Kernel { return l.textKernel(text, t) })
		}
	}
	return out
}

// With returns the kernel with other values of its parameters. It is in no registry.
func (u *Tunable) With(values Params) *hal.Kernel {
	return u.with(newLibrary(u.of.caps, u.of.tuned.with(u.Name, values)))
}

// Preferred returns the parameter that makes dispatch prefer the kernel to another.
func (u *Tunable) Preferred(to *hal.Kernel) Params {
	return Params{prefer: to.Priority - hal.Portable + 1}
}

// Row returns a row of a tuning table that applies to this device alone, without parameters.
func (l *Library) Row() Tuning {
	return Tuning{Vendor: strings.ToLower(l.caps.Vendor), Arch: strings.ToLower(l.caps.Arch), Device: strings.ToLower(l.caps.Device)}
}
