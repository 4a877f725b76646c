package hal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Spec holds a parsed device name: KIND[:INDEX|:NAME][/ARCH][@OPTION=VALUE,...]. An option
// that is only switched on may be written without its value, [On].
type Spec struct {
	Kind    string
	Index   string // a number or a name; "" when absent
	Arch    string
	Options map[string]string
}

// On is the value of an option that is written without one: cuda@emulate.
const On = "on"

const maxSpec = 256 // bytes; a longer name is a mistake, not a device

// ParseSpec reads a device name. Its letters may be in upper or lower case, but for the
// values of options, and so "CPU/AVX2" is "cpu/avx2".
func ParseSpec(s string) (Spec, error) {
	bad := func(format string, args ...any) (Spec, error) {
		return Spec{}, &SpecError{Spec: s[:min(len(s), maxSpec)], Reason: fmt.Sprintf(format, args...)}
	}
	if len(s) > maxSpec {
		return bad("the name is longer than %d bytes", maxSpec)
	}
	var d Spec
	head, opts, hasOpts := strings.Cut(s, "@")
	head = strings.ToLower(head)
	head, arch, hasArch := strings.Cut(head, "/")
	kind, index, hasIndex := strings.Cut(head, ":")
	if !word(kind) {
		return bad("%q is no kind of device", kind)
	}
	d.Kind, d.Index, d.Arch = kind, index, arch
	if hasIndex && !word(index) {
		return bad("nothing usable stands after ':'")
	}
	if hasArch && !word(arch) {
		return bad("nothing usable stands after '/'")
	}
	if !hasOpts {
		return d, nil
	}
	d.Options = map[string]string{}
	for _, o := range strings.Split(opts, ",") {
		k, v, ok := strings.Cut(o, "=")
		k = strings.ToLower(k)
		if !ok {
			v = On
		}
		if !word(k) || v == "" {
			return bad("option %q is not NAME=VALUE", o)
		}
		if _, dup := d.Options[k]; dup {
			return bad("option %s is given twice", k)
		}
		d.Options[k] = v
	}
	return d, nil
}

func word(s string) bool {
	for _, r := range s {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == '.') {
			return false
		}
	}
	return s != ""
}

// String returns the canonical form, in which options are sorted by name.
func (d Spec) String() string {
	s := d.Kind
	if d.Index != "" {
		s += ":" + d.Index
	}
	if d.Arch != "" {
		s += "/" + d.Arch
	}
	sep := "@"
	for _, k := range slices.Sorted(maps.Keys(d.Options)) {
		s += sep + k
		if v := d.Options[k]; v != On {
			s += "=" + v
		}
		sep = ","
	}
	return s
}

// CheckOptions returns an error when the spec has an option not listed.
func (d Spec) CheckOptions(known ...string) error {
	for _, k := range slices.Sorted(maps.Keys(d.Options)) {
		if !slices.Contains(known, k) {
			return &SpecError{Spec: d.String(), Reason: fmt.Sprintf("unknown option %q; known: %s", k, strings.Join(known, ", "))}
		}
	}
	return nil
}
