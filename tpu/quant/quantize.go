package quant

import (
	"fmt"
	"math"
)

// Integers is a quantised network.
type Integers struct {
	Network    *Network
	PerChannel bool
	Layers     []IntegerLayer
}

// IntegerLayer is a layer in integers.
type IntegerLayer struct {
	Weights []int8    // [depth][out], as the arrays take them
	Bias    []int32   // in units of the accumulators
	Scales  []float32 // of a unit of the accumulators, for every output channel
	In      float32   // scale of the input
	Signed  bool      // of the input, else unsigned
}

// Quantize chooses scales: for weights from their largest magnitude, in a tensor or in a
// channel; for activations from the largest that the samples lead to. Samples are
// [height, width, channels] each.
func Quantize(n *Network, samples [][]float32, perChannel bool) (*Integers, error) {
	if err := n.Check(); err != nil {
		return nil, err
	}
	if len(samples) == 0 {
		return nil, fmt.Errorf("quant: no samples to choose scales by")
	}
	largest := make([]float64, len(n.Layers)+1) // of the input, and after every layer
	for i, x := range samples {
		if len(x) != n.Inputs() {
			return nil, fmt.Errorf("quant: sample %d has %d values, want %d", i, len(x), n.Inputs())
		}
		note(&largest[0], x)
		n.Forward(x, func(layer int, y []float32) { note(&largest[layer+1], y) })
	}
	q := &Integers{Network: n, PerChannel: perChannel}
	for i := range n.Layers {
		l := &n.Layers[i]
		signed := i == 0 || !n.Layers[i-1].ReLU
		il := IntegerLayer{In: scaleOf(largest[i], signed), Signed: signed}
		il.round(l, perChannel)
		q.Layers = append(q.Layers, il)
	}
	return q, nil
}

func note(largest *float64, x []float32) {
	for _, v := range x {
		*largest = max(*largest, math.Abs(float64(v)))
	}
}

// scaleOf is what a unit of 8 bits stands for.
func scaleOf(largest float64, signed bool) float32 {
	if largest == 0 || math.IsNaN(largest) || math.IsInf(largest, 0) {
		return 1
	}
	if signed {
		return float32(largest / 127)
	}
	return float32(largest / 255)
}

// round makes integers of weights and biases.
func (il *IntegerLayer) round(l *Layer, perChannel bool) {
	depth := l.Depth()
	il.Weights, il.Bias, il.Scales = make([]int8, depth*l.Out), make([]int32, l.Out), make([]float32, l.Out)
	all := 0.0
	note(&all, l.Weights)
	for o := range l.Out {
		w := l.Weights[o*depth:][:depth]
		largest := all
		if perChannel {
			largest = 0
			note(&largest, w)
		}
		scale := scaleOf(largest, true)
		for k, v := range w {
			il.Weights[k*l.Out+o] = int8(min(max(math.RoundToEven(float64(v)/float64(scale)), -127), 127))
		}
		il.Scales[o] = scale * il.In
		il.Bias[o] = int32(min(max(math.RoundToEven(float64(l.Bias[o])/float64(il.Scales[o])), -1<<30), 1<<30))
	}
}

// Input rounds a sample to the integers of the first layer.
func (q *Integers) Input(dst []byte, x []float32) {
	scale := float64(q.Layers[0].In)
	for i, v := range x {
		dst[i] = byte(int8(min(max(math.RoundToEven(float64(v)/scale), -127), 127)))
	}
}
