package picture

import (
	"bytes"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/crease-ml/crease/data"
)

func stack(t *testing.T, crumpled bool) Panel {
	t.Helper()
	crumple, train, _, err := data.NewSheets(data.DefaultSheets())
	if err != nil {
		t.Fatal(err)
	}
	p := Panel{Title: "ball", Points: append([]float32{}, train.X...), Y: train.Y}
	for i := 0; i < len(p.Points) && !crumpled; i += 3 {
		q := crumple.Inverse([3]float64{float64(p.Points[i]), float64(p.Points[i+1]), float64(p.Points[i+2])})
		for k := range q {
			p.Points[i+k] = float32(q[k])
		}
	}
	return p
}

func TestRenderIsDeterministicAndColoured(t *testing.T) {
	panels := []Panel{stack(t, true), stack(t, false)}
	a, err := Render(panels, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Render(panels, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a.Pix, b.Pix) {
		t.Error("two drawings of the same points differ")
	}
	// Side by side, smoothed sheets do not mix: going along a row of pixels, the
	// hue changes about as often as there are sheets.
	seen := map[color.RGBA]bool{}
	for x := range 260 {
		seen[a.RGBAAt(260+x, 26+130)] = true
	}
	if len(seen) < 6 {
		t.Errorf("the middle of the stack shows %d colours", len(seen))
	}
}

// The first discriminant of flat sheets is their normal.
func TestOrientFindsTheNormal(t *testing.T) {
	p := stack(t, false)
	v := orient(p.Points, p.Y)
	if math.Abs(v.right[2]) < 0.99 {
		t.Errorf("the view looks along %v, want the sheets side by side", v)
	}
}

func TestRenderRefuses(t *testing.T) {
	nan := float32(math.NaN())
	for name, p := range map[string]Panel{
		"nan":     {Points: []float32{0, nan, 0}, Y: []int64{0}},
		"lengths": {Points: []float32{0, 0}, Y: []int64{0}},
		"class":   {Points: []float32{0, 0, 0}, Y: []int64{-1}},
	} {
		if _, err := Render([]Panel{p}, Options{}); err == nil {
			t.Errorf("%s was drawn", name)
		}
	}
	for _, p := range []Panel{{}, {Points: []float32{1, 2, 3}, Y: []int64{0}}} {
		if _, err := Render([]Panel{p}, Options{}); err != nil {
			t.Errorf("%d points: %v", len(p.Y), err)
		}
	}
}

func TestSave(t *testing.T) {
	img, err := Render([]Panel{stack(t, true), stack(t, false)}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.png")
	if err := Save(path, img); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Errorf("no PNG was written: %v", err)
	}
}
