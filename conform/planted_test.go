package conform_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/crease-ml/crease/conform"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
)

// mistake is what is wrong with a toy.
type mistake int

const (
	none mistake = iota
	wrapsDevice
	recordPanics
	eventsNeverWait
	eventsHang
	eventsForgetFailure
	waitIgnores
	waitBlocksHost
	copiesForward
	uploadKeepsSource
	uploadsShareStage
	downloadsAtOnce
	syncReturnsAtOnce
	overtakes
	rangesClipped
	rangesPoison
	allocPanics
	misaligned
	memoryErrorHasNoName
	freeAtOnce
	freeForgets
	freeTwiceGivesTwice
	freeTwiceLeaks
	statisticsLeak
	launchSwallowsErrors
	failureIsForgotten
	closeForgets
)

// planted says for every mistake which parts of the contract must find it, and what
// they must say.
var planted = []struct {
	name   string
	plant  mistake
	broken string // parts
	says   string
}{
	{"a device is wrapped and its streams are not", wrapsDevice, "device", "must wrap its streams"},
	{"Record panics", recordPanics, "events streams", "not implemented"},
	{"events never wait", eventsNeverWait, "download events asynchronous", "before the work"},
	{"events hang", eventsHang, "events", "did not come back"},
	{"events forget the failure", eventsForgetFailure, "poison", "no error"},
	{"Wait ignores", waitIgnores, "streams", "want"},
	{"Wait blocks the host", waitBlocksHost, "asynchronous", "Wait of a stream (random"},
	{"Copy is wrong on overlap", copiesForward, "copy order", "copied within"},
	{"uploads keep the source", uploadKeepsSource, "upload order", "cleared after Upload"},
	{"streams share a staging buffer", uploadsShareStage, "goroutines", "want"},
	{"downloads are done at once", downloadsAtOnce, "download order", "want"},
	{"Sync returns at once", syncReturnsAtOnce, "download", "Download, then Sync"},
	{"commands overtake", overtakes, "order", "want"},
	{"ranges are clipped", rangesClipped, "ranges", "no error"},
	{"ranges poison", rangesPoison, "ranges", "no bytes at the end of a buffer"},
	{"Alloc of a negative size panics", allocPanics, "alloc", "makeslice"},
	{"memory is not aligned", misaligned, "alloc", "not aligned to 64"},
	{"memory that runs out has no error of its own", memoryErrorHasNoName, "out-of-memory", "hal.ErrOutOfMemory"},
	{"Free does not wait for the queue", freeAtOnce, "free", "freed"},
	{"Free gives nothing back", freeForgets, "memory out-of-memory", "in use"},
	{"a second Free gives the memory to two", freeTwiceGivesTwice, "free-twice", "after a double free"},
	{"a second Free counts", freeTwiceLeaks, "memory", "in use"},
	{"statistics leak", statisticsLeak, "memory close", "in use"},
	{"a kernel's error is lost", launchSwallowsErrors, "launch", "no error"},
	{"a failure is returned once", failureIsForgotten, "poison", "no error"},
	{"Close forgets", closeForgets, "close reopen", "no error"},
}

// breaches are the parts that a driver breaks, with what was found.
func breaches(of conform.Driver) map[string]string {
	out := map[string]string{}
	for _, b := range conform.Breaches(of) {
		out[b.Part] = strings.Join(b.Found, "\n")
	}
	return out
}

// A driver that is wrong in one way is found, by a part whose name says it.
func TestBrokenDriversAreFound(t *testing.T) {
	for _, c := range planted {
		t.Run(c.name, func(t *testing.T) {
			of := toyDriver(c.plant)
			if c.plant == eventsHang || c.plant == waitBlocksHost {
				of.Deadline = 200 * time.Millisecond
			}
			found := breaches(of)
			said := ""
			for _, part := range strings.Fields(c.broken) {
				if found[part] == "" {
					t.Errorf("part %s does not find it; found are %v", part, found)
				}
				said += found[part] + "\n"
			}
			if !strings.Contains(said, c.says) {
				t.Errorf("%q is not in what was found:\n%s", c.says, said)
			}
		})
	}
}

// toyDriver opens toys with a mistake.
func toyDriver(plant mistake) conform.Driver {
	open := func(memory int) (hal.Device, error) {
		d := smallToy(memory)
		d.plant = plant
		if plant == wrapsDevice {
			d.Outer = d.Device
		}
		return d, nil
	}
	return conform.Driver{
		Open:  func() (hal.Device, error) { return open(1 << 30) },
		Small: open, Fail: fail, Hold: hold,
	}
}

// A driver of one device, which cannot be opened again.
func TestADeviceThatStaysClosedIsFound(t *testing.T) {
	d := newToy()
	of := conform.Driver{Open: func() (hal.Device, error) { return d, nil }}
	if found := breaches(of)["reopen"]; !strings.Contains(found, "is closed") {
		t.Errorf("the part reopen finds %q", found)
	}
}

// crude is a driver of which nothing but the memory works: it passed the suite once.
type crude struct{ *hostdev.Device }

func (d crude) NewStream() (hal.Stream, error) { return &crudeStream{d.Stream()}, nil }
func (crude) Close() error                     { panic("Close is not implemented") }

type crudeStream struct{ hostdev.Stream }

func (*crudeStream) Record() (hal.Event, error) { panic("Record is not implemented") }
func (*crudeStream) Wait(hal.Event) error       { panic("Wait is not implemented") }
func (*crudeStream) Copy(hal.Buffer, int, hal.Buffer, int, int) error {
	panic("Copy is not implemented")
}

func TestADriverOfPanicsIsFound(t *testing.T) {
	found := breaches(conform.Driver{Open: func() (hal.Device, error) {
		d := crude{hostdev.New(hal.Info{Name: "crude", Kind: "crude", DTypes: map[dtype.Type]hal.Support{dtype.F32: hal.Storage}})}
		d.Outer = d
		return d, nil
	}})
	for part, says := range map[string]string{"open": "Close", "close": "Record", "copy": "Copy", "events": "Record"} {
		if !strings.Contains(found[part], "panic: "+says+" is not implemented") {
			t.Errorf("part %s finds %q", part, found[part])
		}
	}
	if found["order"] == "" || found["streams"] == "" || found["upload"] != "" {
		t.Errorf("uploads alone are right, and found is %v", found)
	}
}

// What opens nothing is found in every part.
func TestADriverThatOpensNothing(t *testing.T) {
	of := conform.Driver{Open: func() (hal.Device, error) { panic("no such device") }}
	found := breaches(of)
	parts := map[string]bool{}
	for part, what := range found {
		parts[part] = true
		if !strings.Contains(what, "no such device") {
			t.Errorf("part %s: %s", part, what)
		}
	}
	// All parts of the contract failed, and each has a planted mistake to find.
	for _, c := range planted {
		for _, part := range strings.Fields(c.broken) {
			if found[part] == "" {
				t.Errorf("part %s is not among %v", part, found)
			}
			delete(parts, part)
		}
	}
	delete(parts, "open")   // see TestADriverOfPanicsIsFound
	delete(parts, "reopen") // see TestADeviceThatStaysClosedIsFound
	if len(parts) > 0 {
		t.Errorf("no planted mistake is found by %v", parts)
	}
	if found := breaches(conform.Driver{}); !strings.Contains(fmt.Sprint(found), "needs a Name or Open") {
		t.Errorf("without a name: %v", found)
	}
}
