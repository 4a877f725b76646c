// Package pb reads and writes the protocol buffer messages of ONNX files.
//
// The messages are plain Go structs with the names and numbers of onnx.proto (ONNX
// 1.22, IR version 13). Each lists its fields once, in a method; [Unmarshal] and
// [Marshal] both follow that list, over the wire primitives of
// google.golang.org/protobuf/encoding/protowire. Generated code would hold every message twice (its own
// runtime registers descriptors) and copy all weights; here weights are slices of the
// file. To add a field, add it to the struct and to the list.
//
// # Failing
//
// Files are not trusted. Nesting is limited, and so is the memory that the messages
// take, in proportion to the file: a file of empty messages would otherwise become a
// hundred times as large. What a message means is not checked here: see package onnx.
// Errors say at which byte and in which message the file broke.
package pb
