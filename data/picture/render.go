package picture

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"slices"

	"github.com/crease-ml/crease/internal/safefile"
)

// Panel is one cloud of points.
type Panel struct {
	Title  string    // digits, small letters, '.', '%' and '-'
	Points []float32 // x, y, z of every point
	Y      []int64   // the class of every point
}

// Options of a drawing. Zero fields stand for the defaults.
type Options struct {
	Side    int // pixels of a panel's side, 260
	Columns int // panels in a row, 5
	Limit   int // points drawn of every panel, 6000
}

// palette is that of Okabe and Ito, "Color Universal Design", 2008.
var palette = []color.RGBA{
	{0xe6, 0x9f, 0x00, 0xff}, {0x56, 0xb4, 0xe9, 0xff}, {0x00, 0x9e, 0x73, 0xff}, {0xcc, 0x79, 0xa7, 0xff}, {0x00, 0x72, 0xb2, 0xff},
	{0xd5, 0x5e, 0x00, 0xff}, {0xf0, 0xe4, 0x42, 0xff}, {0x55, 0x55, 0x55, 0xff},
}

const (
	margin  = 10
	heading = 26 // pixels above a panel for its title
)

// Render draws the panels. It refuses points that are not finite and labels
// that do not fit the points.
func Render(panels []Panel, o Options) (*image.RGBA, error) {
	if o.Side == 0 {
		o.Side = 260
	}
	if o.Columns == 0 {
		o.Columns = 5
	}
	if o.Limit == 0 {
		o.Limit = 6000
	}
	if len(panels) == 0 || len(panels) > 1000 || o.Side < 32 || o.Side > 4096 || o.Columns < 1 || o.Limit < 1 {
		return nil, fmt.Errorf("picture: %d panels of side %d in %d columns", len(panels), o.Side, o.Columns)
	}
	columns := min(o.Columns, len(panels))
	rows := (len(panels) + columns - 1) / columns
	img := image.NewRGBA(image.Rect(0, 0, columns*o.Side, rows*(o.Side+heading)))
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	for i, p := range panels {
		if err := p.check(); err != nil {
			return nil, fmt.Errorf("picture: panel %d: %w", i, err)
		}
		x, y := i%columns*o.Side, i/columns*(o.Side+heading)
		text(img, x+margin, y+8, p.Title)
		p.draw(img, x, y+heading, o)
	}
	return img, nil
}

func (p *Panel) check() error {
	if len(p.Points) != 3*len(p.Y) {
		return fmt.Errorf("%d numbers for %d points", len(p.Points), len(p.Y))
	}
	for i, v := range p.Points {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return fmt.Errorf("point %d is not finite", i/3)
		}
	}
	for i, y := range p.Y {
		if y < 0 {
			return fmt.Errorf("point %d has class %d", i, y)
		}
	}
	return nil
}

// dot is a projected point.
type dot struct {
	x, y, depth float64
	class       int
}

// draw projects the points on the panel's plane, far ones first and paler.
func (p *Panel) draw(img *image.RGBA, x0, y0 int, o Options) {
	n := len(p.Y)
	if n == 0 {
		return
	}
	v := orient(p.Points, p.Y)
	step := (n + o.Limit - 1) / o.Limit
	var dots []dot
	for i := 0; i < n; i += step {
		q := vec3{float64(p.Points[3*i]), float64(p.Points[3*i+1]), float64(p.Points[3*i+2])}.minus(v.centre)
		dots = append(dots, dot{q.dot(v.right), q.dot(v.up), q.dot(v.ahead), int(p.Y[i])})
	}
	// The panel shows all but the outermost hundredth of the points.
	reach := func(f func(dot) float64) float64 {
		r := make([]float64, len(dots))
		for i, d := range dots {
			r[i] = math.Abs(f(d))
		}
		slices.Sort(r)
		return max(r[len(r)*99/100], 1e-12)
	}
	rx, ry := reach(func(d dot) float64 { return d.x }), reach(func(d dot) float64 { return d.y })
	far := reach(func(d dot) float64 { return d.depth })
	// One scale for both axes up to a stretch of 3, so that thin stacks can be seen.
	wide := max(rx, ry)
	rx, ry = max(rx, wide/3), max(ry, wide/3)
	slices.SortStableFunc(dots, func(a, b dot) int { return cmp.Compare(b.depth, a.depth) })
	half := float64(o.Side)/2 - margin
	for _, d := range dots {
		near := 0.5 - 0.5*min(max(d.depth/far, -1), 1) // 0 far, 1 near
		scale := half * (0.86 + 0.14*near)
		x := x0 + o.Side/2 + int(math.Round(scale*d.x/rx))
		y := y0 + o.Side/2 - int(math.Round(scale*d.y/ry))
		mark(img, image.Rect(x0, y0, x0+o.Side, y0+o.Side), x, y, shade(palette[d.class%len(palette)], 0.45+0.55*near))
	}
}

// shade mixes a colour with white.
func shade(c color.RGBA, strength float64) color.RGBA {
	mix := func(v uint8) uint8 { return uint8(255 - strength*(255-float64(v))) }
	return color.RGBA{mix(c.R), mix(c.G), mix(c.B), 0xff}
}

// mark draws a dot of 2×2 pixels inside the frame.
func mark(img *image.RGBA, frame image.Rectangle, x, y int, c color.RGBA) {
	for dy := range 2 {
		for dx := range 2 {
			if p := image.Pt(x+dx, y+dy); p.In(frame) {
				img.SetRGBA(p.X, p.Y, c)
			}
		}
	}
}

// Save writes a PNG file that appears whole or not at all.
func Save(path string, img image.Image) error {
	return safefile.Write(path, 0o644, func(w io.Writer) error { return png.Encode(w, img) })
}
