// Package arch describes systolic-array accelerators: what the array looks like,
// which memories feed it and how fast, and where every number comes from.
//
// A [Config] is one core of a chip. [Preset] returns those of Google's TPUs (v1 to
// v6e) and of a small embedded array (edge); [Free] makes one from a size alone; and
// [Parse] reads both from the parts of a device name such as tpu:v4 or
// tpu@rows=128,cols=128,dataflow=ws,dtype=bf16.
//
// # Parts
//
//   - config.go has the structure and its checks, rate.go exact bytes per cycle;
//   - presets.go has the chips, each constant beside its source;
//   - options.go reads the options of a device name;
//   - energy.go has energies per operation and per byte.
//
// # Adding a chip
//
// Add a function to presets.go and its name to the table there. Cite every number;
// mark what was fitted or could not be checked. docs/tpu.md is compared with
// [Sources] in a test, which says how to write it again.
//
// # How it fails
//
// A description that contradicts itself or is too large to emulate is refused by
// [Config.Check] with the field, its value and the limit. Parsing errors name the
// option and list what it may be.
package arch
