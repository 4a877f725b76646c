// Package data is what models learn from: arrays of samples, readers of public
// data sets, made-up data, and the loader that cuts samples into batches.
//
// Nothing is downloaded. Readers look in a directory ([Dir]: a flag or
// CREASE_DATA) and, when a file is missing, say which, where the public has it and
// how large it is. [Loader] gives batch number k as a function of the seed and k
// alone, so that a run can stop and go on anywhere.
package data
