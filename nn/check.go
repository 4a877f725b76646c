package nn

import (
	"fmt"
	"reflect"

	"github.com/crease-ml/crease"
	"github.com/crease-ml/crease/ops"
)

// ModuleError is a module whose Visit does not tell all that it holds, or gives two tensors
// one name: its parameters would be neither trained nor saved. It is found when the module is
// first used: asked for its parameters, its state or its mode.
type ModuleError struct {
	Module string // its Go type
	Reason string
}

func (e *ModuleError) Error() string { return "module " + e.Module + ": " + e.Reason }

// Misuse marks a mistake of the caller, which crease.Try catches.
func (*ModuleError) Misuse() {}

// check panics with a *ModuleError where two tensors have one name, and where a field of a visited module holds a tensor that
// requires a gradient, or a module with something in it, that was not visited. A field with the tag `nn:"-"` is not
// looked at: for a module that belongs to somebody else.
func check(m Module) {
	given("module", m)
	names := map[string]*crease.Tensor{}
	tensors := map[*crease.Tensor]bool{}
	var modules []Module
	known := map[any]bool{}
	add := func(name string, t *crease.Tensor) {
		if other, taken := names[name]; taken && other != t {
			panic(&ModuleError{fmt.Sprintf("%T", m), fmt.Sprintf("Visit gives a second tensor the name %q", name)})
		}
		names[name], tensors[t] = t, true
	}
	v := Visitor{param: add, buffer: add, module: func(_ string, m Module) {
		modules = append(modules, m)
		if reflect.TypeOf(m).Comparable() {
			known[m] = true
		}
	}}
	v.visit(m)
	for _, m := range modules {
		f := finder{of: fmt.Sprintf("%T", m), tensors: tensors, known: known}
		f.fields(reflect.Indirect(reflect.ValueOf(m)), "")
	}
}

// given panics with a *ops.UsageError for a module that is nil. op names what was asked of it.
func given(op string, m Module) {
	if m == nil {
		panic(&ops.UsageError{Op: op, Reason: "the module is nil"})
	}
	if v := reflect.ValueOf(m); v.Kind() == reflect.Pointer && v.IsNil() {
		panic(&ops.UsageError{Op: op, Reason: fmt.Sprintf("the module is a nil %T", m)})
	}
}

// finder looks for what the fields of a module hold and Visit did not name.
type finder struct {
	of      string
	tensors map[*crease.Tensor]bool
	known   map[any]bool
}

var (
	tensorType = reflect.TypeFor[*crease.Tensor]()
	moduleType = reflect.TypeFor[Module]()
)

func (f *finder) fields(v reflect.Value, path string) {
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if field := v.Type().Field(i); field.Tag.Get("nn") != "-" {
			f.value(v.Field(i), path+field.Name)
		}
	}
}

func (f *finder) value(v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			f.value(v.Elem(), path)
		}
	case reflect.Pointer:
		switch {
		case v.IsNil():
		case v.Type() == tensorType:
			t := (*crease.Tensor)(v.UnsafePointer())
			if !f.tensors[t] && t.RequiresGrad() {
				panic(&ModuleError{f.of, fmt.Sprintf("its field %s is a tensor that requires a gradient and that Visit does not name: call v.Param for it", path)})
			}
		case v.Type().Implements(moduleType):
			if m := reflect.NewAt(v.Type().Elem(), v.UnsafePointer()).Interface(); !f.known[m] {
				f.module(m.(Module), path)
			}
		}
	case reflect.Slice, reflect.Array:
		if holds(v.Type().Elem()) {
			for i := range v.Len() {
				f.value(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		}
	case reflect.Map:
		if holds(v.Type().Elem()) {
			for it := v.MapRange(); it.Next(); {
				f.value(it.Value(), fmt.Sprintf("%s[%v]", path, it.Key()))
			}
		}
	case reflect.Struct:
		f.fields(v, path+".")
	}
}

// module looks into a module that was not visited. That is no mistake if there is nothing in it
// to be trained, saved or told its mode, or all of it was visited on another way.
func (f *finder) module(m Module, path string) {
	missed := func(what string) {
		panic(&ModuleError{f.of, fmt.Sprintf("its field %s is a module with %s that Visit does not visit: call v.Child for it", path, what)})
	}
	tensor := func(name string, t *crease.Tensor) {
		if !f.tensors[t] {
			missed("a tensor " + name)
		}
	}
	v := Visitor{param: tensor, buffer: tensor, module: func(_ string, m Module) {
		if _, ok := m.(Moder); ok && reflect.TypeOf(m).Comparable() && !f.known[m] {
			missed("modes")
		}
	}}
	v.visit(m)
}

// holds reports whether elements of a type can be tensors or modules: long lists of numbers
// are passed over.
func holds(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return true
	}
	return false
}
