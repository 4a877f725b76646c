package ops

import (
	"fmt"
	"hash/maphash"
	"reflect"
	"slices"
	"unsafe"
)

// Attributes reach a builder as a value that the caller may share: a slice inside
// can change after the call. Whoever keeps attributes (a graph, a tape, a cache of
// plans) keeps what Bind returns. Bind, SameAttrs and HashAttrs follow a
// description of the attribute struct that is made once, when the row is declared:
// an engine compares attributes in every call, and reflection would cost more than
// the smallest op.

// attrCode describes where the fields of an attribute struct lie.
type attrCode struct {
	typ    unsafe.Pointer // the type word of an interface that holds the struct
	plain  []attrRun      // numbers and bools, without the padding between them
	texts  []uintptr      // offsets of strings
	slices []attrSlice
}

// attrRun is a stretch of bytes.
type attrRun struct{ offset, size uintptr }

// attrSlice is a slice of numbers or bools.
type attrSlice struct {
	offset, elem uintptr // elem is the size of an element
	index        []int   // of the field, for reflection
}

// words is how an empty interface lies in memory.
type words struct{ typ, data unsafe.Pointer }

func wordsOf(v *any) words { return *(*words)(unsafe.Pointer(v)) }

// newAttrCode describes the type of an attribute struct. Fields must be numbers,
// bools, strings, and slices and arrays of numbers and bools.
func newAttrCode(attrs any) (*attrCode, error) {
	if attrs == nil {
		return &attrCode{}, nil
	}
	t := reflect.TypeOf(attrs)
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("attributes are a %v, want a struct", t)
	}
	c := &attrCode{typ: wordsOf(&attrs).typ}
	if err := c.describe(t, 0, nil); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *attrCode) describe(t reflect.Type, offset uintptr, index []int) error {
	switch {
	case plainKind(t.Kind()):
		c.run(offset, t.Size())
	case t.Kind() == reflect.Array && plainKind(t.Elem().Kind()):
		c.run(offset, t.Size())
	case t.Kind() == reflect.String:
		c.texts = append(c.texts, offset)
	case t.Kind() == reflect.Slice && plainKind(t.Elem().Kind()):
		c.slices = append(c.slices, attrSlice{offset, t.Elem().Size(), index})
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if err := c.describe(f.Type, offset+f.Offset, append(slices.Clone(index), i)); err != nil {
				return fmt.Errorf("field %s: %w", f.Name, err)
			}
		}
	default:
		return fmt.Errorf("attributes may hold numbers, bools, strings, and slices and arrays of numbers and bools, not a %v", t)
	}
	return nil
}

func plainKind(k reflect.Kind) bool { return k >= reflect.Bool && k <= reflect.Float64 }

// run adds a stretch of bytes to the one before where they touch.
func (c *attrCode) run(offset, size uintptr) {
	if n := len(c.plain); n > 0 && c.plain[n-1].offset+c.plain[n-1].size == offset {
		c.plain[n-1].size += size
		return
	}
	c.plain = append(c.plain, attrRun{offset, size})
}

func (r attrRun) of(data unsafe.Pointer) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(data, r.offset)), r.size)
}

func text(data unsafe.Pointer, offset uintptr) string { return *(*string)(unsafe.Add(data, offset)) }

// of is the elements as bytes, nil for a nil slice. The header of every slice is the
// same, whatever its elements.
func (s attrSlice) of(data unsafe.Pointer) []byte {
	list := *(*[]byte)(unsafe.Add(data, s.offset))
	if list == nil {
		return nil
	}
	return unsafe.Slice(unsafe.SliceData(list), uintptr(len(list))*s.elem)
}

// Bind returns attributes of the row that nobody else can change: the same ones
// where they hold no slice, a copy otherwise.
func (op *Op) Bind(attrs any) any {
	w, d := wordsOf(&attrs), op.derived()
	if w.typ != d.typ || len(d.slices) == 0 {
		return attrs // attributes of another type are refused by Specs
	}
	own := reflect.New(reflect.TypeOf(attrs)).Elem()
	own.Set(reflect.ValueOf(attrs))
	for _, s := range d.slices {
		f := own.FieldByIndex(s.index)
		if !f.IsNil() {
			list := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
			reflect.Copy(list, f)
			f.Set(list)
		}
	}
	return own.Interface()
}

// SameAttrs reports whether two attributes of the row are the same to the bit, in
// the elements of slices too. A nil slice is not the same as an empty one.
func (op *Op) SameAttrs(a, b any) bool {
	x, y, d := wordsOf(&a), wordsOf(&b), op.derived()
	switch {
	case x.typ != y.typ || x.typ != d.typ || x.typ == nil:
		return a == nil && b == nil
	case x.data == y.data:
		return true
	}
	for _, r := range d.plain {
		if string(r.of(x.data)) != string(r.of(y.data)) {
			return false
		}
	}
	for _, o := range d.texts {
		if text(x.data, o) != text(y.data, o) {
			return false
		}
	}
	for _, s := range d.slices {
		p, q := s.of(x.data), s.of(y.data)
		if (p == nil) != (q == nil) || string(p) != string(q) {
			return false
		}
	}
	return true
}

var hashSeed = maphash.MakeSeed()

// HashAttrs returns the same number for attributes that SameAttrs calls the same.
// It differs from process to process.
func (op *Op) HashAttrs(attrs any) uint64 {
	w, d := wordsOf(&attrs), op.derived()
	if w.typ == nil || w.typ != d.typ {
		return 0
	}
	h := uint64(1)
	for _, r := range d.plain {
		h = h*31 + maphash.Bytes(hashSeed, r.of(w.data))
	}
	for _, o := range d.texts {
		h = h*31 + maphash.String(hashSeed, text(w.data, o))
	}
	for _, s := range d.slices {
		h = h*31 + maphash.Bytes(hashSeed, s.of(w.data))
	}
	return h
}
