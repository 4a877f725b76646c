package ops

import (
	"math/bits"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/shape"
)

// Philox is the source of random bits.
var Philox *Op

// PhiloxAttrs is the shape of the result.
type PhiloxAttrs struct {
	Shape []int `json:"shape"`
}

const noGradRandom = "its result is drawn at random from a key of whole numbers"

func init() {
	Philox = Declare(Op{Name: "philox", Doc: "Random 32-bit words from a key {seed, offset}: element i is word i%4 of block offset + i/4 of Philox4x32-10, the same on every device.",
		Kind: Core, Family: Random, Inputs: "key", Attrs: PhiloxAttrs{}, Types: []dtype.Type{dtype.U64}, Tol: exact, NoGrad: noGradRandom,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			if err := wantKey(in); err != nil {
				return nil, err
			}
			return arrayInfer(dtype.U32, attrs.(PhiloxAttrs).Shape, []dtype.Type{dtype.U32})
		},
		Ref: func(attrs any, in, out []Host) {
			for i, w := range philoxWords(in[0], out[0].Elements()) {
				out[0].SetInt(i, int64(w))
			}
		},
		// Ten rounds of two multiplications and four other operations make four words.
		Cost: func(_ any, in, out []Spec) Cost {
			return Cost{Flops: 15 * float64(out[0].Elements()), Bytes: traffic(in, out)}
		},
		Bench: func(s Size) Case { return Case{Attrs: PhiloxAttrs{Shape: s.Square().Shape}, In: []Arg{s.Key()}} },
		Cases: []Case{
			{Name: "scalar", Attrs: PhiloxAttrs{}, In: []Arg{randomKey}},
			{Name: "row", Attrs: PhiloxAttrs{Shape: []int{67}}, In: []Arg{randomKey}},
			{Name: "cube", Attrs: PhiloxAttrs{Shape: []int{3, 5, 2}}, In: []Arg{randomKey}},
			{Name: "empty", Attrs: PhiloxAttrs{Shape: []int{0, 5}}, In: []Arg{randomKey}},
		},
	})
}

// randomKey is the key of test cases.
var randomKey = Arg{Shape: []int{2}, DType: dtype.U64, Hi: 1e9}

// wantKey refuses an input 0 that is no key.
func wantKey(in []Spec) error {
	if in[0].DType != dtype.U64 || !shape.Equal(in[0].Shape, []int{2}) {
		return shapeErr("the key must be u64[2], seed and offset")
	}
	return nil
}

// PhiloxBlocks is how far n words move the offset of a key: the blocks of four
// words that they use.
func PhiloxBlocks(n int) uint64 { return (uint64(n) + 3) / 4 }

// PhiloxBlock is one block of Philox4x32-10: Salmon, Moraes, Dror and Shaw,
// "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
func PhiloxBlock(counter [4]uint32, key [2]uint32) [4]uint32 {
	for round := range 10 {
		if round > 0 {
			key[0] += 0x9E3779B9
			key[1] += 0xBB67AE85
		}
		hi0, lo0 := bits.Mul32(0xD2511F53, counter[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, counter[2])
		counter = [4]uint32{hi1 ^ counter[1] ^ key[0], lo1, hi0 ^ counter[3] ^ key[1], lo0}
	}
	return counter
}

// philoxWords is the first n words of the stream of a key.
func philoxWords(key Host, n int) []uint32 {
	seed, offset := uint64(key.Int(0)), uint64(key.Int(1))
	words := make([]uint32, 0, n+3)
	for block := range PhiloxBlocks(n) {
		at := offset + block
		w := PhiloxBlock([4]uint32{uint32(at), uint32(at >> 32)}, [2]uint32{uint32(seed), uint32(seed >> 32)})
		words = append(words, w[:]...)
	}
	return words[:n]
}
