// Package data is what models learn from: arrays of samples, readers of public
// data sets, made-up data, and the loader that cuts samples into batches.
//
// Readers look in a directory ([Dir]: a flag, CREASE_DATA, or the user's cache) and,
// when a file is missing, say which, where the public has it and how large it is.
// They download nothing; package data/fetch does, when asked to. [Loader] gives
// batch number k as a function of the seed and k alone, so that a run can stop and
// go on anywhere. A [Text] is tokens for language models.
package data
