package conform

import (
	"fmt"
	"math/rand/v2"

	"github.com/crease-ml/crease/hal"
)

// checkOrder is the part order.
func checkOrder(t *trial) { newScript(t, t.r, t.stream(t.dev)).play(400) }

// checkStreams is the part streams.
func checkStreams(t *trial) {
	newScript(t, t.r, t.stream(t.dev), t.stream(t.dev), t.stream(t.dev)).play(400)
}

// checkGoroutines is the part goroutines. They share the device's memory pool and what
// its streams have in common.
func checkGoroutines(t *trial) {
	t.together(4, func(i int) {
		r := rand.New(rand.NewPCG(t.seed, uint64(1+i)))
		newScript(t, r, t.stream(t.dev)).play(120)
	})
	t.works(t.stream(t.dev), "after four goroutines")
}

// script is a random program of transfers that runs on a device and, as it is written,
// on slices of the host: what a buffer holds when the work gets there is known when it
// is queued. Buffers are freed and made anew while the device still uses them, and
// streams wait for nothing but the last one that used a buffer.
type script struct {
	t       *trial
	r       *rand.Rand
	streams []hal.Stream
	bufs    []*mirror
	fetched [][]fetch // by stream: downloads that nobody has waited for
	marks   []mark
	queued  int
}

// mirror is a buffer and what it will hold.
type mirror struct {
	buf  hal.Buffer
	want []byte
	last int // the stream that used it last, -1 if none did
}

// fetch is a download and what it must give.
type fetch struct {
	got, want []byte
	what      string
}

// mark is an event and the downloads that lie before it on its stream.
type mark struct {
	event  hal.Event
	stream int
	before []fetch
}

func newScript(t *trial, r *rand.Rand, streams ...hal.Stream) *script {
	s := &script{t: t, r: r, streams: streams, fetched: make([][]fetch, len(streams))}
	for range 5 {
		s.bufs = append(s.bufs, s.buffer())
	}
	return s
}

// buffer is a new buffer, filled on any stream.
func (s *script) buffer() *mirror {
	n := []int{1, 60, 256, 1000, 4096, 30_000, 200_000}[s.r.IntN(7)]
	m := &mirror{buf: s.t.alloc(s.streams[0].Device(), n), want: make([]byte, n), last: -1}
	s.upload(m, 0, n)
	return m
}

// play queues so many random commands and checks what comes of them.
func (s *script) play(commands int) {
	for range commands {
		s.queued++
		k := s.r.IntN(len(s.bufs))
		a, b := s.bufs[k], s.bufs[s.r.IntN(len(s.bufs))]
		switch s.r.IntN(16) {
		case 0, 1, 2, 3:
			off := s.r.IntN(len(a.want) + 1)
			s.upload(a, off, s.r.IntN(len(a.want)-off+1))
		case 4, 5, 6, 7:
			s.copy(a, b, false)
		case 8:
			s.copy(a, b, true)
		case 9, 10, 11:
			s.download(a)
		case 12:
			s.bufs[k] = s.buffer()
			a.buf.Free() // its work may not have begun
		case 13:
			i := s.r.IntN(len(s.streams))
			s.marks = append(s.marks, mark{s.t.record(s.streams[i]), i, s.fetched[i]})
		case 14:
			if len(s.marks) > 0 {
				s.await(s.marks[s.r.IntN(len(s.marks))])
			}
		case 15:
			if s.r.IntN(4) == 0 {
				s.sync(s.r.IntN(len(s.streams)))
			}
		}
	}
	for _, m := range s.bufs {
		s.download(m)
	}
	for _, i := range s.r.Perm(len(s.streams)) {
		s.sync(i)
	}
	for _, m := range s.bufs {
		m.buf.Free()
	}
}

// on is a stream that may use the buffers, behind whoever used them before.
func (s *script) on(bufs ...*mirror) int {
	i := s.r.IntN(len(s.streams))
	for _, m := range bufs {
		if m.last >= 0 && m.last != i {
			s.t.wait(s.streams[i], s.t.record(s.streams[m.last]))
		}
		m.last = i
	}
	return i
}

func (s *script) upload(m *mirror, off, n int) {
	src := noise(s.r, n)
	s.t.upload(s.streams[s.on(m)], m.buf, off, src)
	copy(m.want[off:], src)
	clear(src)
}

// copy copies a random range, by Copy or by a launch that calls it.
func (s *script) copy(dst, src *mirror, launch bool) {
	n := s.r.IntN(min(len(dst.want), len(src.want)) + 1)
	to, from := s.r.IntN(len(dst.want)-n+1), s.r.IntN(len(src.want)-n+1)
	i := s.on(dst, src)
	if launch {
		s.t.at("Launch of a copy of %d bytes", n)
		s.t.must(s.streams[i].Launch(copying(n), []hal.Operand{{Buf: src.buf, Offset: from}, {Buf: dst.buf, Offset: to}}, nil))
	} else {
		s.t.copy(s.streams[i], dst.buf, to, src.buf, from, n)
	}
	copy(dst.want[to:to+n], src.want[from:from+n])
}

// copying is a call that copies bytes from its first operand to its second.
func copying(n int) *hal.Launch {
	return &hal.Launch{Op: "copy", Kernel: &hal.Kernel{Name: "contract_copy"}, Run: func(s hal.Stream, at []hal.Operand, _ hal.Buffer) error {
		return s.Copy(at[1].Buf, at[1].Offset, at[0].Buf, at[0].Offset, n)
	}}
}

func (s *script) download(m *mirror) {
	off := s.r.IntN(len(m.want))
	f := fetch{make([]byte, len(m.want)-off), append([]byte{}, m.want[off:]...),
		fmt.Sprintf("what command %d downloaded from byte %d of a buffer of %d", s.queued, off, len(m.want))}
	i := s.on(m)
	s.t.download(s.streams[i], f.got, m.buf, off)
	s.fetched[i] = append(s.fetched[i], f)
}

func (s *script) await(m mark) {
	s.t.reached(m.event)
	s.t.at("what lies before an event that was waited for")
	s.verify(m.before)
}

func (s *script) sync(i int) {
	s.t.sync(s.streams[i])
	s.t.at("what was queued before Sync")
	s.verify(s.fetched[i])
	s.fetched[i] = nil
}

func (s *script) verify(list []fetch) {
	for _, f := range list {
		s.t.equal(f.what, f.got, f.want)
	}
}
