// Command devices runs one computation on every device that is there, and compares the
// results. Importing a backend makes its devices known; nothing else changes.
package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/hal"
	_ "github.com/crease-ml/crease/opencl"
)

func main() {
	host := crease.Randn([]int{64, 64}, crease.By(crease.NewGenerator(1))).Host()
	var first []float64
	for _, name := range []string{"cpu", "cpu/generic", "opencl"} {
		dev, err := crease.Open(name)
		var absent *hal.AbsentError
		if errors.As(err, &absent) {
			// A device that is asked for by name and is not there is an error that says why.
			fmt.Printf("%-12s absent\n", name)
			continue
		}
		if err != nil {
			fmt.Println(err)
			continue
		}
		x := crease.FromHost(host, crease.On(dev))
		y := x.MatMul(x.T()).Softmax(1).Floats()
		if first == nil {
			first = y
		}
		worst := 0.0
		for i := range y {
			worst = math.Max(worst, math.Abs(y[i]-first[i]))
		}
		fmt.Printf("%-12s agrees with the first to 1e-5: %v\n", name, worst < 1e-5)
	}

	// Tensors of two devices do not mix by themselves; To moves one.
	if other, err := crease.Open("cpu/generic"); err == nil {
		a, b := crease.Ones([]int{2}), crease.Ones([]int{2}, crease.On(other))
		fmt.Println("mixed devices are an error:", crease.Try(func() { a.Add(b) }) != nil)
		fmt.Println("moved:", a.Add(b.To(a.Device())))
	}
}
