package picture_test

import (
	"fmt"

	"github.com/crease-ml/crease/data/picture"
)

// Clouds of points become panels of one picture.
func Example() {
	cloud := picture.Panel{Title: "layer 1", Points: []float32{0, 0, 0, 1, 1, 1}, Y: []int64{0, 1}}
	img, err := picture.Render([]picture.Panel{cloud, cloud}, picture.Options{})
	if err != nil {
		panic(err)
	}
	fmt.Println(img.Bounds().Dx() > img.Bounds().Dy())
	// Output: true
}
