package ops

import (
	"math"
	"math/bits"

	"github.com/crease-ml/crease/dtype"
)

// RandInt draws whole numbers.
var RandInt *Op

// RandIntAttrs are the result's integer type and shape, the smallest number and the last
// one, both included; of u64, as the bits of an i64.
type RandIntAttrs struct {
	DType dtype.Type `json:"dtype"`
	Shape []int      `json:"shape"`
	First int64      `json:"first"`
	Last  int64      `json:"last"`
}

func init() {
	RandInt = Declare(Op{Name: "rand_int", Method: "-", Doc: "Whole numbers, all from first to last alike: element i is first + the high part of a 128-bit number, block offset + i of Philox4x32-10, " +
		"times the count of numbers. The bias is below 2^-64, for any range.",
		Kind: Composite, Inputs: "key", Attrs: RandIntAttrs{}, Types: []dtype.Type{dtype.U64}, NoGrad: noGradRandom, Tol: exact,
		Infer: func(attrs any, in []Spec) ([]Spec, error) {
			a := attrs.(RandIntAttrs)
			out, err := randomInfer(in, a.DType, a.Shape, Ints)
			if err != nil {
				return nil, err
			}
			return out, a.check()
		},
		Ref: func(attrs any, in, out []Host) {
			a := attrs.(RandIntAttrs)
			words := philoxWords(in[0], 4*out[0].Elements())
			for i := range out[0].Elements() {
				out[0].SetInt(i, a.Draw([4]uint32(words[4*i:])))
			}
		},
		Lower: randIntLower,
		Bench: func(s Size) Case {
			return Case{Attrs: RandIntAttrs{DType: dtype.I64, Shape: s.Square().Shape, Last: 999}, In: []Arg{s.Key()}}
		},
		Cases: []Case{
			{Name: "die", Attrs: RandIntAttrs{DType: dtype.I64, Shape: []int{5, 7}, First: 1, Last: 6}, In: []Arg{randomKey}},
			{Name: "one", Attrs: RandIntAttrs{DType: dtype.I32, Shape: []int{9}, First: -3, Last: -3}, In: []Arg{randomKey}},
			{Name: "all", Attrs: RandIntAttrs{DType: dtype.I64, Shape: []int{67}, First: math.MinInt64, Last: math.MaxInt64}, In: []Arg{randomKey}},
			{Name: "large", Attrs: RandIntAttrs{DType: dtype.U64, Shape: []int{67}, First: 5, Last: -2}, In: []Arg{randomKey}},
			{Name: "wide", Attrs: RandIntAttrs{DType: dtype.I64, Shape: []int{67}, First: 1 << 52, Last: 3 << 61}, In: []Arg{randomKey}},
			{Name: "bytes", Attrs: RandIntAttrs{DType: dtype.I8, Shape: []int{67}, First: -128, Last: 127}, In: []Arg{randomKey}},
			{Name: "scalar", Attrs: RandIntAttrs{DType: dtype.U16, Last: 65535}, In: []Arg{randomKey}},
			{Name: "empty", Attrs: RandIntAttrs{DType: dtype.I64, Shape: []int{0}, Last: 1}, In: []Arg{randomKey}},
		},
	})
}

func (a RandIntAttrs) check() error {
	if a.DType == dtype.U64 {
		if uint64(a.First) > uint64(a.Last) {
			return attrErr("first %d is above last %d", uint64(a.First), uint64(a.Last))
		}
		return nil
	}
	if a.First > a.Last {
		return attrErr("first %d is above last %d", a.First, a.Last)
	}
	for _, v := range []int64{a.First, a.Last} {
		if err := NumberOf(v).check(a.DType); err != nil {
			return err
		}
	}
	return nil
}

// span is the count of numbers less 1; the count itself can be 2^64.
func (a RandIntAttrs) span() uint64 { return uint64(a.Last) - uint64(a.First) }

// Draw returns the element that a block of random words makes, as the low bits of an int64.
// The words are a number r of 128 bits, the first of them its lowest.
func (a RandIntAttrs) Draw(w [4]uint32) int64 {
	low, high := uint64(w[1])<<32|uint64(w[0]), uint64(w[3])<<32|uint64(w[2])
	n := a.span() + 1
	if n == 0 {
		return int64(uint64(a.First) + high)
	}
	carry, _ := bits.Mul64(low, n)
	top, middle := bits.Mul64(high, n)
	_, over := bits.Add64(middle, carry, 0)
	return int64(uint64(a.First) + top + over)
}

// randIntLower multiplies digit by digit, in base 2^32.
func randIntLower(b Builder, attrs any, in []Value) []Value {
	a := attrs.(RandIntAttrs)
	dims := append(append([]int{}, a.Shape...), 4)
	words := Casted(b, Philox.With(b, PhiloxAttrs{Shape: dims}, in[0]), dtype.U64)
	number := func(v uint64) Value {
		if v <= maxExact {
			return Full.With(b, FullAttrs{DType: dtype.U64, Value: float64(v)})
		}
		return Full.With(b, FullAttrs{DType: dtype.U64, Int: int64(v)})
	}
	base := number(1 << 32)
	high := func(v Value) Value { return Div.Of(b, v, base) }
	low := func(v Value) Value { return Sub.Of(b, v, Mul.Of(b, high(v), base)) }
	var digits [6]Value // of the product; the first four are those of r
	for i := range 4 {
		digits[i] = Reshaped(b, sliced(b, words, len(a.Shape), i, 1), a.Shape...)
	}
	r := digits
	n := a.span() + 1
	var out Value
	if n == 0 {
		out = Add.Of(b, r[2], Mul.Of(b, r[3], base))
	} else {
		zero := Mul.Of(b, r[0], number(0))
		carry := zero
		for i := range 4 {
			t := Add.Of(b, Mul.Of(b, r[i], number(n&math.MaxUint32)), carry)
			digits[i], carry = low(t), high(t)
		}
		digits[4], carry = carry, zero
		for i := range 4 {
			t := Add.Of(b, Add.Of(b, Mul.Of(b, r[i], number(n>>32)), digits[i+1]), carry)
			digits[i+1], carry = low(t), high(t)
		}
		out = Add.Of(b, digits[4], Mul.Of(b, carry, base))
	}
	out = Add.Of(b, out, number(uint64(a.First)))
	return []Value{Casted(b, out, a.DType)}
}
