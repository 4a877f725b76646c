package data

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Text is a text as tokens, one for each character.
type Text struct {
	Vocab  []rune // the characters that there are, in order; a token is a place in it
	Tokens []int64
}

// NewText counts the characters of a text and makes tokens of them.
func NewText(s string) *Text {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	t := &Text{}
	for r := range seen {
		t.Vocab = append(t.Vocab, r)
	}
	slices.Sort(t.Vocab)
	t.Tokens, _ = Encode(t.Vocab, s)
	return t
}

// Encode makes tokens of a text. A character that the vocabulary lacks is an error
// that names it.
func Encode(vocab []rune, s string) ([]int64, error) {
	number := make(map[rune]int64, len(vocab))
	for i, r := range vocab {
		number[r] = int64(i)
	}
	tokens := make([]int64, 0, len(s))
	for at, r := range s {
		t, ok := number[r]
		if !ok {
			return nil, fmt.Errorf("character %q at byte %d is not in the vocabulary of %d characters: %q", r, at, len(vocab), string(vocab))
		}
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// Decode makes a text of tokens.
func Decode(vocab []rune, tokens ...int64) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteRune(vocab[t])
	}
	return b.String()
}

// RandomWindows cuts count stretches of length tokens from random places, and those
// one token later, which are what a model should say: both [count, length]. The
// same seed and step give the same places.
func RandomWindows(tokens []int64, count, length int, seed uint64, step int) (x, y []int64) {
	r := rand.New(rand.NewPCG(seed, uint64(step)))
	for range count {
		at := r.IntN(len(tokens) - length)
		x = append(x, tokens[at:at+length]...)
		y = append(y, tokens[at+1:at+length+1]...)
	}
	return x, y
}

// shakespeare is the text of Karpathy's char-rnn.
var shakespeare = struct {
	name, sub, url string
	size           int
}{"input.txt", "tinyshakespeare", "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt", 1115394}

// Shakespeare reads 40,000 lines of plays from a directory or its subfolder
// tinyshakespeare. A missing or short file is a *FileError.
func Shakespeare(dir string) (*Text, error) {
	f := shakespeare
	for _, path := range []string{filepath.Join(dir, f.sub, f.name), filepath.Join(dir, f.name)} {
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if info.Size() != int64(f.size) {
			return nil, &FileError{Path: path, Reason: fmt.Sprintf("it has %d bytes, want %d", info.Size(), f.size), Remedy: "Get it again from " + f.url}
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, &FileError{Path: path, Reason: err.Error()}
		}
		return NewText(string(b)), nil
	}
	return nil, &FileError{
		Path:   filepath.Join(dir, f.sub, f.name),
		Reason: "the file is missing",
		Remedy: fmt.Sprintf("Get it from %s (%d bytes) and put it there, or name another directory with --data DIR or CREASE_DATA", f.url, f.size),
	}
}
