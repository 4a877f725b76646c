package ptx

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// Memory is the memory of a device: blocks with gaps between them, so that what leaves
// one is seen. It is safe for concurrent use; kernels that run at the same time must not
// have blocks freed under them.
type Memory struct {
	mu     sync.RWMutex
	blocks []*Block // by address
	next   uint64
}

// Block is one allocation.
type Block struct {
	Base uint64
	Data []byte
	init []byte // one where the byte has been written
	free bool
}

const (
	firstAddress = 0x7f_0000_0000 // of device memory
	blockAlign   = 512
	gap          = 4096
)

// Alloc makes a block whose bytes nobody has written.
func (m *Memory) Alloc(n int) *Block {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.next == 0 {
		m.next = firstAddress
	}
	b := &Block{Base: m.next, Data: make([]byte, n), init: make([]byte, n)}
	for i := range b.Data {
		b.Data[i] = 0xa5
	}
	m.next += uint64(alignUp(n, blockAlign) + gap)
	m.blocks = append(m.blocks, b)
	return b
}

// Free gives a block back. Its address is not used again.
func (m *Memory) Free(base uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.find(base)
	if !ok || m.blocks[i].Base != base {
		return fmt.Errorf("ptx: no block of memory begins at %#x", base)
	}
	m.blocks[i].free = true
	m.blocks = slices.Delete(m.blocks, i, i+1)
	return nil
}

// find is the number of the last block that begins at an address or before it.
func (m *Memory) find(a uint64) (int, bool) {
	i, ok := slices.BinarySearchFunc(m.blocks, a, func(b *Block, a uint64) int {
		switch {
		case b.Base < a:
			return -1
		case b.Base > a:
			return 1
		}
		return 0
	})
	if ok {
		return i, true
	}
	return i - 1, i > 0
}

// at is the block that holds an address, nil where there is none.
func (m *Memory) at(a uint64) *Block {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i, ok := m.find(a)
	if !ok || a-m.blocks[i].Base >= uint64(max(len(m.blocks[i].Data), 1)) {
		return nil
	}
	return m.blocks[i]
}

// before is the block that ends shortly before an address, nil where none does.
func (m *Memory) before(a uint64) *Block {
	m.mu.RLock()
	defer m.mu.RUnlock()
	i, ok := m.find(a)
	if !ok || a-m.blocks[i].Base >= uint64(len(m.blocks[i].Data)+gap) {
		return nil
	}
	return m.blocks[i]
}

// Range is n bytes at an address.
func (m *Memory) Range(a uint64, n int) ([]byte, error) {
	b := m.at(a)
	if b == nil || a-b.Base > uint64(len(b.Data)-n) || n > len(b.Data) {
		return nil, fmt.Errorf("ptx: %d bytes at %#x are not inside one block of memory", n, a)
	}
	off := a - b.Base
	return b.Data[off:][:n], nil
}

// Written notes that the host wrote n bytes at an address.
func (m *Memory) Written(a uint64, n int) {
	if b := m.at(a); b != nil {
		mark(b.init[a-b.Base:][:n])
	}
}

// CopyWritten notes that n bytes are what others were: written where those were.
func (m *Memory) CopyWritten(dst, src uint64, n int) {
	d, s := m.at(dst), m.at(src)
	if d != nil && s != nil {
		copy(d.init[dst-d.Base:][:n], s.init[src-s.Base:][:n])
	}
}

func mark(b []byte) {
	for i := range b {
		b[i] = 1
	}
}

// written reports whether bytes of a shadow are all set.
func written(b []byte) bool {
	switch len(b) {
	case 4:
		return binary.LittleEndian.Uint32(b) == 0x01010101
	case 8:
		return binary.LittleEndian.Uint64(b) == 0x0101010101010101
	}
	for _, x := range b {
		if x != 1 {
			return false
		}
	}
	return true
}

// load and store move a number of 1, 2, 4 or 8 bytes.
func load(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

func store(b []byte, v uint64) {
	switch len(b) {
	case 1:
		b[0] = byte(v)
	case 2:
		binary.LittleEndian.PutUint16(b, uint16(v))
	case 4:
		binary.LittleEndian.PutUint32(b, uint32(v))
	default:
		binary.LittleEndian.PutUint64(b, v)
	}
}
