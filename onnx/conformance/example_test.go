package conformance_test

import (
	"fmt"
	"time"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/onnx/conformance"
)

func Example() {
	data, err := conformance.Open("onnx-backend-open.tar.gz")
	if err != nil {
		panic(err)
	}
	cases, err := conformance.List("open.txt")
	if err != nil {
		panic(err)
	}
	dev, err := crease.Open("opencl")
	if err != nil {
		panic(err)
	}
	for _, c := range cases {
		r := conformance.Run(data, c, conformance.Options{Device: dev, Compiled: true, Timeout: time.Minute})
		fmt.Println(r.Name, r.Status)
	}
}
