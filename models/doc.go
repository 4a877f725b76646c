// Package models is models that people train, made of the layers of package nn:
// [GPT] and [CharLSTM], which go on writing a text ([Generate]), and [ResNet] for
// small pictures.
//
// A language model reads tokens [N, L] and gives scores of the next one [N, L,
// vocabulary]. For writing, its Reader takes tokens one after the other and keeps
// what it needs of those before.
package models
