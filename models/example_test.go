package models_test

import (
	"fmt"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/models"
)

// A residual network for small pictures: scores of each class.
func ExampleNewResNet() {
	m, err := models.NewResNet(3, 10, 8, []int{1, 1})
	if err != nil {
		panic(err)
	}
	fmt.Println(m.Forward(crease.Zeros([]int{2, 3, 16, 16})).Shape())
	// Output: [2 10]
}
