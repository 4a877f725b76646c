package runlog

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// picture is 3 pixels wide and 2 high.
func picture() image.Image {
	img := image.NewRGBA(image.Rect(0, 0, 3, 2))
	for i := range 6 {
		img.Set(i%3, i/3, color.RGBA{uint8(40 * i), 100, 200, 255})
	}
	return img
}

func at(seconds float64) func() time.Time {
	return func() time.Time { return time.UnixMilli(int64(seconds * 1000)) }
}

// Events are, byte for byte, what TensorBoard's own writer makes of them.
func TestEventsAgainstTensorBoard(t *testing.T) {
	var pixel bytes.Buffer
	if err := png.Encode(&pixel, picture()); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("CREASE_GENERATE") != "" {
		if err := os.WriteFile("testdata/pixel.png", pixel.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/events.bin")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	e, err := OpenEvents(filepath.Join(dir, "runs", "one"))
	if err != nil {
		t.Fatal(err)
	}
	// The file is begun anew with a clock that stands still.
	path := e.file.Name()
	if err := e.file.Truncate(0); err != nil {
		t.Fatal(err)
	}
	if _, err := e.file.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	e.now = at(1764072000.25)
	var version message
	version.text(3, "brain.Event:2")
	for _, err := range []error{
		e.write(0, &version),
		e.Scalar("loss/train", 0, 0), e.Scalar("loss/train", 7, 0.3125), e.Scalar("loss/test", 7, math.NaN()),
		e.Histogram("weights", 300, []float64{0.25, math.NaN(), -1.5, 0, 2.5, math.Inf(1), 0.25}),
		e.Histogram("constant", 300, []float64{2, 2, 2}),
		e.Histogram("nothing", 300, []float64{math.NaN()}),
		e.Image("picture", 301, picture()),
		e.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes were written that differ from TensorBoard's %d:\n%x\n%x", len(got), len(want), got, want)
	}
	if !strings.Contains(filepath.Base(path), "tfevents") {
		t.Errorf("TensorBoard does not look at a file named %s", path)
	}
}

// A record's checksums find every change of a bit.
func TestRecordsAreChecked(t *testing.T) {
	r := record([]byte("crease"))
	whole := func(b []byte) bool {
		return slices.Equal(b, record(b[12:len(b)-4]))
	}
	if !whole(r) {
		t.Fatal("a record is not that of its data")
	}
	for i := range r {
		for bit := range 8 {
			bad := slices.Clone(r)
			bad[i] ^= 1 << bit
			if whole(bad) {
				t.Errorf("bit %d of byte %d may change", bit, i)
			}
		}
	}
}

// Two writers of one folder have files of their own, and a folder that cannot be made is an
// error that names it.
func TestOpenEvents(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		e, err := OpenEvents(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
	}
	if files, _ := os.ReadDir(dir); len(files) != 2 {
		t.Errorf("%d files", len(files))
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEvents(file); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file in the place of the folder: %v", err)
	}
}

func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	for run := range 2 {
		l, err := OpenLines(path)
		if err != nil {
			t.Fatal(err)
		}
		l.now = at(1.5)
		if err := l.Write("report", run, map[string]any{"loss": 0.25, "bad": math.NaN(), "low": math.Inf(-1), "name": "a\nb", "ok": true, "list": []float64{1, math.Inf(1)}}); err != nil {
			t.Fatal(err)
		}
		if err := l.Write("end", 3, nil); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := l.Write("late", 0, nil); err == nil {
			t.Error("a closed log takes lines")
		}
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for s := bufio.NewScanner(f); s.Scan(); n++ {
		var v map[string]any
		if err := json.Unmarshal(s.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		if v["schema"] != 1.0 || v["time"] != "1970-01-01T00:00:01.5Z" {
			t.Errorf("%s", s.Text())
		}
		if n%2 == 0 && (v["loss"] != 0.25 || v["bad"] != "NaN" || v["low"] != "-Infinity" || fmt.Sprint(v["list"]) != "[1 Infinity]" || v["name"] != "a\nb" || v["step"] != float64(n/2)) {
			t.Errorf("%s", s.Text())
		}
	}
	if n != 4 {
		t.Errorf("%d lines", n)
	}
}
