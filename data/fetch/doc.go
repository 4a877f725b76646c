// Package fetch gets the public data sets that package data reads, on request and
// never by itself.
//
// [Get] puts the files of a [Set] into a directory. A file is written beside its
// place as NAME.part and renamed when its size and SHA-256 are right, so what is
// there is whole. A connection that breaks or stalls is taken up where it stopped,
// a few times and again in a later call. Bytes that are not the official ones are
// an error, and are thrown away.
//
// A set is added by a line in Sets.
package fetch
