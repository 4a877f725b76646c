package sim

// evaluate computes the sums of a weight-stationary array in the cycles before to.
func (m *Mesh) evaluate(to int64) {
	if !m.inputs {
		return
	}
	for m.evaluated < to {
		span := int64(m.rows + m.cols)
		if m.newest < m.evaluated-span {
			// Nothing is in the array.
			if !m.clean {
				clear(m.sums)
				clear(m.active)
				m.clean = true
			}
			m.evaluated = to
			break
		}
		n := min(to-m.evaluated, int64(m.chunk))
		m.cycles(m.evaluated, int(n))
		m.evaluated += n
		m.clean = false
	}
	m.forget()
}

// forget drops waves that have passed everything.
func (m *Mesh) forget() {
	past := m.evaluated - int64(m.rows+m.cols)
	for len(m.waves) > 1 && m.waves[1].from <= past {
		w := m.waves[0]
		m.waves = m.waves[:copy(m.waves, m.waves[1:])]
		if w.of != nil && w.of != m.loaded && !m.uses(w.of) {
			m.spare = append(m.spare, w.of)
		}
	}
}

// uses reports whether a wave has weights of a plane: those of 16 bits have two, one for
// each byte.
func (m *Mesh) uses(p *plane) bool {
	for i := range m.waves {
		if m.waves[i].of == p {
			return true
		}
	}
	return false
}

// cycles computes n cycles from t0 on. A column of blocks is done from top to bottom,
// so that the sums between its blocks stay in the cache.
func (m *Mesh) cycles(t0 int64, n int) {
	m.arrange(t0, n)
	k := m.kernels
	stride := m.wide + m.chunk
	for c0 := 0; c0 < m.wide; c0 += k.lanes {
		in, out := m.flow[0], m.flow[1]
		clear(in[:(n+1)*k.lanes])
		for r0 := 0; r0 < m.rows; {
			rows := 1
			for rows*2 <= k.rows && r0+rows*2 <= m.rows {
				rows *= 2
			}
			copy(out[:k.lanes], m.sums[(r0+rows-1)*m.wide+c0:])
			b := block{
				r0: r0, rows: rows, c0: c0,
				a: m.lines[r0*stride+c0:], aStride: stride,
				sums: m.sums[r0*m.wide+c0:], stride: m.wide,
				in: in, out: out[k.lanes:],
			}
			m.block(&b, t0, n)
			in, out = out, in
			r0 += rows
		}
		m.collect(t0, n, c0, in)
	}
	m.keep()
}

// block is a part of the array as a kernel sees it.
type block struct {
	r0, rows, c0 int
	a            []uint32 // activations of the first row, newest cycle first
	aStride      int
	sums         []uint32
	stride       int      // of sums and weights
	in, out      []uint32 // of the first cycle, a row of lanes per cycle
}

// block runs the cycles of a block: those before, while and after a wave passes it.
func (m *Mesh) block(b *block, t0 int64, n int) {
	k := m.kernels
	first := int64(b.r0 + b.c0)             // from entry to the block's first element
	span := int64(b.rows - 1 + k.lanes - 1) // and on to its last
	i := 0
	for w := m.waveAt(t0 - first - span); i < n; {
		// The next wave that reaches the block.
		t := t0 + int64(i)
		if w+1 == len(m.waves) || m.waves[w+1].from+first >= t0+int64(n) {
			m.steady(b, i, n-i, n, w)
			return
		}
		next := m.waves[w+1].from + first
		if next > t {
			m.steady(b, i, int(next-t), n, w)
			i += int(next - t)
			t = next
		}
		end := min(next+span+1, t0+int64(n))
		if w+2 < len(m.waves) && m.waves[w+2].from+first < end {
			// Another follows before this one has passed: step by step.
			m.mixed(b, i, n-i, n, t, w)
			return
		}
		m.passing(b, i, int(end-t), n, w, int32(t-next))
		i += int(end - t)
		if next+span+1 <= t0+int64(n) {
			w++
		}
	}
}

// waveAt is the wave that what entered in a cycle meets.
func (m *Mesh) waveAt(t int64) int {
	i := len(m.waves) - 1
	for i > 0 && m.waves[i].from > t {
		i--
	}
	return i
}

// lineOf is where a block's activations of its cycle i of n begin.
func (b *block) lineOf(i, n int) *uint32 { return &b.a[n-1-i] }

func (m *Mesh) steady(b *block, i, count, n, w int) {
	if count > 0 {
		m.kernels.run(m.float, b, b.lineOf(i, n), i, count, m.weightsOf(b, w), nil, 0)
	}
}

func (m *Mesh) passing(b *block, i, count, n, w int, lead int32) {
	if count > 0 {
		m.kernels.run(m.float, b, b.lineOf(i, n), i, count, m.weightsOf(b, w), m.weightsOf(b, w+1), lead)
	}
}

func (m *Mesh) weightsOf(b *block, w int) *uint32 {
	return &m.waves[w].weights[b.r0*m.wide+b.c0]
}

// mixed computes cycles in which several waves are in the block.
func (m *Mesh) mixed(b *block, i, count, n int, t int64, w int) {
	for range count {
		for r := b.rows - 1; r >= 0; r-- {
			for c := range m.kernels.lanes {
				at := (b.r0+r)*m.wide + b.c0 + c
				weight := m.waves[m.waveAt(t-int64(b.r0+r+b.c0+c))].weights[at]
				above := b.in[i*m.kernels.lanes+c]
				if r > 0 {
					above = b.sums[(r-1)*b.stride+c]
				}
				b.sums[r*b.stride+c] = element(m.float, b.a[r*b.aStride+n-1-i+c], weight, above)
			}
		}
		copy(b.out[i*m.kernels.lanes:][:m.kernels.lanes], b.sums[(b.rows-1)*b.stride:])
		i++
		t++
	}
}

// element is what a processing element adds to the sum from above.
func element(float bool, a, w, above uint32) uint32 {
	if float {
		// Exact product, one rounding.
		return bitsOf(float32(float64(floatOf(a))*float64(floatOf(w)) + float64(floatOf(above))))
	}
	return above + uint32(int32(int16(a))*int32(int16(w)))
}

// arrange lays the activation registers of n cycles out, row by row: first what
// enters, the newest first, then what was there. In cycle i the registers of a row
// begin n-1-i values behind the start.
func (m *Mesh) arrange(t0 int64, n int) {
	stride := m.wide + m.chunk
	for k := range m.rows {
		line := m.lines[k*stride:][:n+m.wide]
		clear(line[:n])
		copy(line[n:], m.active[k*m.wide:][:m.wide])
	}
	// What entered in cycle t enters array row k in cycle t+k.
	for t := max(0, t0-int64(m.rows-1)); t < t0+int64(n); t++ {
		if !m.entry(t).valid {
			continue
		}
		v := m.valuesOf(t)
		age := int(t - t0)
		for k := max(0, -age); k < min(m.rows, n-age); k++ {
			m.lines[k*stride+n-1-age-k] = v[k]
		}
	}
}

// keep leaves the activation registers as the last cycle had them.
func (m *Mesh) keep() {
	stride := m.wide + m.chunk
	for k := range m.rows {
		copy(m.active[k*m.wide:][:m.wide], m.lines[k*stride:])
	}
}

// collect adds the sums that leave some columns in n cycles from t0 on to the
// accumulators. Row i of out is what the bottom row held before cycle i.
func (m *Mesh) collect(t0 int64, n, c0 int, out []uint32) {
	acc := m.core.acc[m.index]
	lanes := m.kernels.lanes
	bottom := int64(m.rows - 1 + c0)
	for t := max(0, t0-bottom-int64(lanes-1)); t < t0+int64(n)-bottom; t++ {
		e := m.entry(t)
		if !e.valid {
			continue
		}
		row := acc[e.acc*m.cols:][:m.cols]
		// Column c0+c leaves in cycle t + R-1 + c0+c.
		at := int(t + bottom - t0)
		first, last := max(0, -at), min(lanes, e.cols-c0, n-at)
		if first >= last {
			continue
		}
		leave(row[c0+first:c0+last], out[(at+first+1)*lanes+first:], lanes+1, e, m.float)
	}
}

// leave puts sums, which lie step values apart, into accumulators.
func leave(to, sums []uint32, step int, e *entry, float bool) {
	switch {
	case e.replace:
		for c := range to {
			to[c] = sums[c*step] << e.shift
		}
	case float:
		for c := range to {
			to[c] = bitsOf(floatOf(to[c]) + floatOf(sums[c*step]))
		}
	default:
		for c := range to {
			to[c] += sums[c*step] << e.shift
		}
	}
}
