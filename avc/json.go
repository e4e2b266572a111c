package avc

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// In JSON, strings are UTF-8, but names on Linux need not be. Denial, Event,
// Failure, Change, Foreign and Group therefore write a string with other bytes
// twice: with U+FFFD in their place where it belongs, for people, and as it is,
// in base64, in the member "bytes", under its place:
//
//	{"name": "a\ufffdb", "cmdline": ["cat", "a\ufffdb"], "bytes": {"cmdline.1": "Yf9i", "name": "Yf9i"}}
//
// What is read back is what was written. Most values have no such member.

// marshalBytes is json.Marshal of plain with the member "bytes" for v, which is
// the same but for its methods.
func marshalBytes(plain, v any) ([]byte, error) {
	b, err := json.Marshal(plain)
	if err != nil {
		return nil, err
	}
	odd := make(map[string][]byte)
	eachString(reflect.ValueOf(v).Elem(), "", func(at string, s reflect.Value) {
		if text := s.String(); !utf8.ValidString(text) {
			odd[at] = []byte(text)
		}
	})
	if len(odd) == 0 {
		return b, nil
	}
	list, err := json.Marshal(odd)
	if err != nil {
		return nil, err
	}
	b = append(b[:len(b)-1], `,"bytes":`...)
	return append(append(b, list...), '}'), nil
}

// unmarshalBytes is json.Unmarshal into plain, a pointer, for what marshalBytes
// gives.
func unmarshalBytes(b []byte, plain any) error {
	if err := json.Unmarshal(b, plain); err != nil {
		return err
	}
	var odd struct {
		Bytes map[string][]byte `json:"bytes"`
	}
	if err := json.Unmarshal(b, &odd); err != nil || len(odd.Bytes) == 0 {
		return err
	}
	eachString(reflect.ValueOf(plain).Elem(), "", func(at string, s reflect.Value) {
		if text, ok := odd.Bytes[at]; ok {
			s.SetString(string(text))
			delete(odd.Bytes, at)
		}
	})
	for at := range odd.Bytes {
		return fmt.Errorf("bytes of %q, where there is no string", at)
	}
	return nil
}

// eachString calls f for the strings in v that are v's own to write, with their
// place: the names and indexes that lead there.
func eachString(v reflect.Value, at string, f func(at string, s reflect.Value)) {
	in := func(name string) string {
		if at == "" {
			return name
		}
		return at + "." + name
	}
	switch v.Kind() {
	case reflect.String:
		f(at, v)
	case reflect.Pointer:
		if !v.IsNil() && !writesItself(v.Type()) {
			eachString(v.Elem(), at, f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), in(strconv.Itoa(i)), f)
		}
	case reflect.Struct:
		if at != "" && writesItself(v.Type()) {
			return
		}
		for i := range v.NumField() {
			field := v.Type().Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case field.Anonymous:
				eachString(v.Field(i), at, f)
			case field.IsExported():
				eachString(v.Field(i), in(name), f)
			}
		}
	}
}

func writesItself(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

type (
	plainDenial  Denial
	plainEvent   Event
	plainFailure Failure
	plainChange  Change
	plainForeign Foreign
	plainGroup   Group
)

// MarshalJSON implements [json.Marshaler]. What is not UTF-8 in a string is
// kept in the member "bytes": {"place": base64}.
func (d Denial) MarshalJSON() ([]byte, error) { return marshalBytes(plainDenial(d), &d) }

// UnmarshalJSON implements [json.Unmarshaler] for what MarshalJSON gives.
func (d *Denial) UnmarshalJSON(b []byte) error {
	var p plainDenial
	err := unmarshalBytes(b, &p)
	if err == nil {
		*d = Denial(p)
	}
	return err
}

// MarshalJSON implements [json.Marshaler], as Denial does.
func (e Event) MarshalJSON() ([]byte, error) { return marshalBytes(plainEvent(e), &e) }

// UnmarshalJSON implements [json.Unmarshaler] for what MarshalJSON gives.
func (e *Event) UnmarshalJSON(b []byte) error {
	var p plainEvent
	err := unmarshalBytes(b, &p)
	if err == nil {
		*e = Event(p)
	}
	return err
}

// MarshalJSON implements [json.Marshaler], as Denial does.
func (x Failure) MarshalJSON() ([]byte, error) { return marshalBytes(plainFailure(x), &x) }

// UnmarshalJSON implements [json.Unmarshaler] for what MarshalJSON gives.
func (x *Failure) UnmarshalJSON(b []byte) error {
	var p plainFailure
	err := unmarshalBytes(b, &p)
	if err == nil {
		*x = Failure(p)
	}
	return err
}

// MarshalJSON implements [json.Marshaler], as Denial does.
func (x Change) MarshalJSON() ([]byte, error) { return marshalBytes(plainChange(x), &x) }

// UnmarshalJSON implements [json.Unmarshaler] for what MarshalJSON gives.
func (x *Change) UnmarshalJSON(b []byte) error {
	var p plainChange
	err := unmarshalBytes(b, &p)
	if err == nil {
		*x = Change(p)
	}
	return err
}

// MarshalJSON implements [json.Marshaler], as Denial does.
func (x Foreign) MarshalJSON() ([]byte, error) { return marshalBytes(plainForeign(x), &x) }

// UnmarshalJSON implements [json.Unmarshaler] for what MarshalJSON gives.
func (x *Foreign) UnmarshalJSON(b []byte) error {
	var p plainForeign
	err := unmarshalBytes(b, &p)
	if err == nil {
		*x = Foreign(p)
	}
	return err
}

// MarshalJSON implements [json.Marshaler], as Denial does.
func (g Group) MarshalJSON() ([]byte, error) { return marshalBytes(plainGroup(g), &g) }

// UnmarshalJSON implements [json.Unmarshaler] for what MarshalJSON gives.
func (g *Group) UnmarshalJSON(b []byte) error {
	var p plainGroup
	err := unmarshalBytes(b, &p)
	if err == nil {
		*g = Group(p)
	}
	return err
}
