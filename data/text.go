package data

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crease-ml/crease/internal/safefile"
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

// shakespeareSize is the number of bytes of the text.
const shakespeareSize = 1115394

// Shakespeare reads the 40,000 lines of plays of Karpathy's char-rnn from a
// directory or its subfolder tinyshakespeare. A missing or short file is a
// *FileError.
func Shakespeare(dir string) (*Text, error) {
	const sub, name = "tinyshakespeare", "input.txt"
	for _, path := range []string{filepath.Join(dir, sub, name), filepath.Join(dir, name)} {
		if _, err := os.Stat(path); err != nil {
			continue
		}
		b, err := safefile.Read(path, 2*shakespeareSize)
		if err != nil {
			return nil, &FileError{Path: path, Reason: err.Error()}
		}
		if len(b) != shakespeareSize {
			return nil, &FileError{Path: path, Reason: fmt.Sprintf("it has %d bytes, want %d", len(b), shakespeareSize), Remedy: "Get it again from " + ShakespeareURL}
		}
		return NewText(string(b)), nil
	}
	return nil, missing(dir, sub, name, ShakespeareURL, shakespeareSize)
}
