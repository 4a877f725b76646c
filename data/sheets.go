package data

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// SheetsConfig describes crumpled sheets of paper.
type SheetsConfig struct {
	Sheets   int     // how many, each a class
	Gap      float64 // distance between neighbours; a sheet's side is 2
	Folds    int     // smooth shears of space, one after the other
	Strength float64 // of a fold
	Train    int     // points to learn from, of all sheets
	Test     int
	Seed     uint64
}

// DefaultSheets are five sheets in a ball.
func DefaultSheets() SheetsConfig {
	return SheetsConfig{Sheets: 5, Gap: 0.12, Folds: 10, Strength: 0.42, Train: 20000, Test: 5000}
}

// Crumple is a chain of folds of 3-space. Every fold has an inverse, so what was
// crumpled can be smoothed out again without tearing.
type Crumple struct {
	folds  []foldOf
	centre [3]float64
	scale  float64
}

// foldOf moves every point along one direction, by a wave of its position along
// another: x + strength·dir·sin(rate·<normal, x> + phase). Directions are
// perpendicular, so the move does not change the wave and can be undone.
type foldOf struct {
	normal, dir           [3]float64
	rate, phase, strength float64
}

func (f *foldOf) shift(p [3]float64) float64 {
	return f.strength * math.Sin(f.rate*inner(f.normal, p)+f.phase)
}

func inner(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func along(p, dir [3]float64, t float64) [3]float64 {
	return [3]float64{p[0] + t*dir[0], p[1] + t*dir[1], p[2] + t*dir[2]}
}

// Apply crumples a point.
func (c *Crumple) Apply(p [3]float64) [3]float64 {
	for i := range c.folds {
		p = along(p, c.folds[i].dir, c.folds[i].shift(p))
	}
	for k := range p {
		p[k] = (p[k] - c.centre[k]) / c.scale
	}
	return p
}

// Inverse smooths a crumpled point out.
func (c *Crumple) Inverse(p [3]float64) [3]float64 {
	for k := range p {
		p[k] = p[k]*c.scale + c.centre[k]
	}
	for i := len(c.folds) - 1; i >= 0; i-- {
		p = along(p, c.folds[i].dir, -c.folds[i].shift(p))
	}
	return p
}

// newCrumple draws the folds and finds the affine map after them that gives the
// ball centre 0 and mean square radius 3.
func newCrumple(c SheetsConfig, r *rand.Rand) *Crumple {
	direction := func() [3]float64 {
		p := [3]float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		n := math.Sqrt(inner(p, p))
		return [3]float64{p[0] / n, p[1] / n, p[2] / n}
	}
	crumple := &Crumple{scale: 1}
	for range c.Folds {
		normal := direction()
		dir := direction()
		dir = along(dir, normal, -inner(dir, normal))
		n := math.Sqrt(inner(dir, dir))
		for k := range dir {
			dir[k] /= n
		}
		crumple.folds = append(crumple.folds, foldOf{
			normal: normal, dir: dir, rate: 1.5 + 1.5*r.Float64(), phase: 2 * math.Pi * r.Float64(), strength: c.Strength,
		})
	}
	const probes = 4000
	var sum [3]float64
	squares := 0.0
	for i := range probes {
		p := crumple.Apply(c.point(i%c.Sheets, r))
		for k := range p {
			sum[k] += p[k] / probes
		}
		squares += inner(p, p) / probes
	}
	crumple.centre = sum
	crumple.scale = math.Sqrt((squares - inner(sum, sum)) / 3)
	return crumple
}

// point is a random point of a flat sheet.
func (c SheetsConfig) point(sheet int, r *rand.Rand) [3]float64 {
	return [3]float64{2*r.Float64() - 1, 2*r.Float64() - 1, c.Gap * (float64(sheet) - float64(c.Sheets-1)/2)}
}

// NewSheets stacks flat sheets and crumples them into a ball. Samples are points
// [3] of the ball, classes are the sheets. The crumple gives the way back.
func NewSheets(c SheetsConfig) (crumple *Crumple, train, test *Arrays, err error) {
	if c.Sheets < 2 || c.Sheets > 1000 || c.Folds < 0 || c.Folds > 1000 || c.Train < c.Sheets || c.Test < c.Sheets || c.Train > 1e8 || c.Test > 1e8 {
		return nil, nil, nil, fmt.Errorf("sheets: %+v: want 2 to 1000 sheets, up to 1000 folds and at least a point of every sheet", c)
	}
	if !(c.Gap > 0) || math.IsInf(c.Gap, 0) || math.IsNaN(c.Strength) || math.IsInf(c.Strength, 0) {
		return nil, nil, nil, fmt.Errorf("sheets: gap %v must be positive and strength %v finite", c.Gap, c.Strength)
	}
	r := rand.New(rand.NewPCG(c.Seed, 5))
	crumple = newCrumple(c, r)
	names := make([]string, c.Sheets)
	for i := range names {
		names[i] = fmt.Sprintf("sheet %d", i+1)
	}
	draw := func(n int) *Arrays {
		a := &Arrays{Shape: []int{3}, Classes: names}
		for i := range n {
			p := crumple.Apply(c.point(i%c.Sheets, r))
			a.X = append(a.X, float32(p[0]), float32(p[1]), float32(p[2]))
			a.Y = append(a.Y, int64(i%c.Sheets))
		}
		return a
	}
	return crumple, draw(c.Train), draw(c.Test), nil
}
