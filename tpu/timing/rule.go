package timing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/crease-ml/crease/tpu/arch"
)

// MaxSize is the largest M, N or K, and maxCycles the longest time of a product;
// beyond either a rule refuses.
const (
	MaxSize   = 1 << 24
	maxCycles = 1 << 62
)

// Product is the sizes of C[M,N] = A[M,K]·B[K,N].
type Product struct {
	M, N, K int
}

// MACs is the number of multiply-adds.
func (p Product) MACs() float64 { return float64(p.M) * float64(p.N) * float64(p.K) }

func (p Product) String() string { return fmt.Sprintf("%d,%d,%d", p.M, p.N, p.K) }

func (p Product) check() error {
	for i, v := range []int{p.M, p.N, p.K} {
		if v < 1 || v > MaxSize {
			return fmt.Errorf("tpu: %c of the product %v is %d, want 1 to %d", "MNK"[i], p, v, MaxSize)
		}
	}
	return nil
}

// Result is what a rule predicts of one product.
type Result struct {
	Cycles int64

	// Stall is the part of Cycles in which the arrays wait for memory; 0 under rules
	// that have no memory.
	Stall int64

	// Utilization is the share of the multiply-adds that all arrays could make in
	// Cycles, Mapping the share of processing elements that have work in the average
	// fold. Both are 0 to 1.
	Utilization, Mapping float64

	// Folds is the number of tiles of the stationary operand; under [Window] the
	// number of steps.
	Folds int64
}

// Rule predicts the time of a product.
type Rule func(c *arch.Config, p Product) (Result, error)

var rules = []struct {
	name string
	rule Rule
}{
	{"own", Own}, {"scalesim", ScaleSim}, {"stonne", Stonne}, {"minitpu", MiniTPU},
}

// Rules are the names of the rules.
func Rules() []string {
	var names []string
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}

// Named returns a rule by name.
func Named(name string) (Rule, error) {
	i := slices.IndexFunc(rules, func(r struct {
		name string
		rule Rule
	}) bool {
		return r.name == name
	})
	if i < 0 {
		return nil, fmt.Errorf("tpu: no timing rule %q: want %s", name, strings.Join(Rules(), ", "))
	}
	return rules[i].rule, nil
}

// Own is [Window] for the chips that have its constants, and [Array] otherwise.
func Own(c *arch.Config, p Product) (Result, error) {
	if c.Window != nil && c.Dataflow == arch.WS {
		return Window(c, p)
	}
	return Array(c, p)
}

// countable reports a product whose time, at most folds times the cycles of a fold,
// could overflow.
func (p Product) countable(folds, cycles float64) error {
	if folds*cycles > maxCycles {
		return fmt.Errorf("tpu: the product %v takes more than 2^62 cycles", p)
	}
	return nil
}

// shares fills the shares of a result, of which used elements lie in folds of
// rows×cols.
func (r Result) shares(p Product, macsPerCycle int, used, folds float64, rows, cols int) Result {
	r.Utilization = p.MACs() / (float64(r.Cycles) * float64(macsPerCycle))
	r.Mapping = used / (folds * float64(rows) * float64(cols))
	return r
}

func ceil(a, b int) int { return (a + b - 1) / b }

func roundUp(a, b int) int { return ceil(a, b) * b }
