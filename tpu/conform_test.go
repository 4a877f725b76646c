package tpu_test

import (
	"testing"

	"github.com/crease-ml/crease/conform"
	_ "github.com/crease-ml/crease/tpu"
)

func TestConformance(t *testing.T) { conform.Run(t, conform.Open(t, "tpu:v2")) }

func TestContract(t *testing.T) { conform.Contract(t, conform.Driver{Name: "tpu:v2"}) }
