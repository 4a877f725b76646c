package models

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"slices"
)

// Reader reads a text token by token.
type Reader interface {
	// Read adds tokens to the text and returns the scores of the next one: the
	// logarithms of their probabilities, but for a constant.
	Read(tokens ...int64) (scores []float64, err error)
	// Close frees what the reader holds.
	Close()
}

// SampleConfig says how the next token is drawn.
type SampleConfig struct {
	Temperature float64 // divides the scores: below 1 the likely tokens are likelier; 0 takes the likeliest
	TopK        int     // only the likeliest ones are drawn; 0 for all
	Seed        uint64
}

// Check says what is wrong with the values.
func (c SampleConfig) Check() error {
	if !(c.Temperature >= 0) || math.IsInf(c.Temperature, 1) || c.TopK < 0 {
		return fmt.Errorf("temperature %v and top-k %d: want a finite number and a whole one, neither negative", c.Temperature, c.TopK)
	}
	return nil
}

// Generate writes n tokens after a prompt, and yields each as it is drawn. The
// same reader, prompt and configuration give the same tokens. It ends early with
// an error, or when ctx is cancelled.
func Generate(ctx context.Context, r Reader, prompt []int64, n int, c SampleConfig) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		if err := c.Check(); err != nil {
			yield(0, err)
			return
		}
		random := rand.New(rand.NewPCG(c.Seed, 0))
		next := prompt
		for range n {
			if ctx.Err() != nil {
				yield(0, context.Cause(ctx))
				return
			}
			scores, err := r.Read(next...)
			if err != nil {
				yield(0, err)
				return
			}
			t, err := c.draw(scores, random)
			if !yield(t, err) || err != nil {
				return
			}
			next = []int64{t}
		}
	}
}

// draw picks a token by its score.
func (c SampleConfig) draw(scores []float64, random *rand.Rand) (int64, error) {
	order := make([]int, len(scores))
	for i, s := range scores {
		if math.IsNaN(s) {
			return 0, fmt.Errorf("the score of token %d is not a number: the model has diverged", i)
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	if c.Temperature == 0 {
		return int64(order[0]), nil
	}
	if c.TopK > 0 {
		order = order[:min(c.TopK, len(order))]
	}
	weights, sum := make([]float64, len(order)), 0.0
	for i, t := range order {
		weights[i] = math.Exp((scores[t] - scores[order[0]]) / c.Temperature)
		sum += weights[i]
	}
	at := random.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return int64(order[i]), nil
		}
	}
	return int64(order[0]), nil
}
