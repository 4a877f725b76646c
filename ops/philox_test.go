package ops

import (
	"math"
	"testing"

	"github.com/crease-ml/crease/dtype"
)

// The known answers are those of Random123's kat_vectors for philox4x32 10.
func TestPhiloxBlockKnownAnswers(t *testing.T) {
	const ones = math.MaxUint32
	for _, c := range []struct {
		counter [4]uint32
		key     [2]uint32
		want    [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ones, ones, ones, ones}, [2]uint32{ones, ones}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0}, [4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := PhiloxBlock(c.counter, c.key); got != c.want {
			t.Errorf("block %x of key %x is %x, want %x", c.counter, c.key, got, c.want)
		}
	}
}

func keyOf(t *testing.T, seed, offset uint64) Host {
	t.Helper()
	key, err := HostOf([]int{2}, []uint64{seed, offset})
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestPhiloxOffsetContinuesTheStream(t *testing.T) {
	const at = 1<<32 - 1 // the next block carries into the counter's second word
	whole := run(Philox, PhiloxAttrs{Shape: []int{8}}, keyOf(t, 1<<40+7, at))
	rest := run(Philox, PhiloxAttrs{Shape: []int{4}}, keyOf(t, 1<<40+7, at+PhiloxBlocks(4)))
	want := PhiloxBlock([4]uint32{0, 1}, [2]uint32{7, 1 << 8})
	for i, w := range want {
		if whole.Int(4+i) != int64(w) || rest.Int(i) != int64(w) {
			t.Errorf("word %d is %x in one draw and %x in two, want %x", i, whole.Int(4+i), rest.Int(i), w)
		}
	}
}

// moments are the mean and the standard deviation.
func moments(h Host) (mean, std float64) {
	n := float64(h.Elements())
	for _, v := range h.Float64s() {
		mean += v / n
	}
	for _, v := range h.Float64s() {
		std += (v - mean) * (v - mean) / n
	}
	return mean, math.Sqrt(std)
}

// The bounds are over five standard errors of 40000 draws; the key is fixed.
func TestDistributions(t *testing.T) {
	key, dims := keyOf(t, 42, 0), []int{40000}
	for _, c := range []struct {
		name      string
		got       Host
		mean, std float64
	}{
		{"uniform", run(Uniform, RandAttrs{DType: dtype.F32, Shape: dims, Lo: -1, Hi: 3}, key), 1, 4 / math.Sqrt(12)},
		{"normal", run(Normal, NormalAttrs{DType: dtype.F64, Shape: dims, Mean: 2, Std: 0.5}, key), 2, 0.5},
		{"bernoulli", run(Bernoulli, BernoulliAttrs{DType: dtype.F32, Shape: dims, P: 0.25}, key), 0.25, math.Sqrt(0.1875)},
	} {
		if mean, std := moments(c.got); math.Abs(mean-c.mean) > 0.03 || math.Abs(std-c.std) > 0.03 {
			t.Errorf("%s has mean %.4f and deviation %.4f, want %.4f and %.4f", c.name, mean, std, c.mean, c.std)
		}
	}
	for _, v := range run(Uniform, RandAttrs{DType: dtype.F32, Shape: dims, Hi: 1}, key).Float64s() {
		if v < 0 || v >= 1 {
			t.Fatalf("uniform drew %v, outside [0, 1)", v)
		}
	}
}
